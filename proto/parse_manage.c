//  parse_manage - the arguments of redrive, and where a group begins. Part of request; any thread.

#include <stdlib.h>
#include "parse.h"

_Static_assert(LIMIT_REDRIVE_IDS == 10000, "the texts below say so");

static const char s_not_ids[] = "ids: not an array of 1 to 10000 integers from 1 to 9007199254740992";
static const char s_not_start[] = "start: not \"first\", \"last\", an integer from 1 to 9007199254740992 or {since_ms}";

static bool s_is_id (uint64_t value)
{
    return value >= 1 && value <= PARSE_ID_MAX;
}

static int s_read_ids (parse_t *self, cursor_t cursor)
{
    request_t *request = self->request;
    uint32_t count;
    if (!cursor_array (&cursor, &count) || count < 1 || count > LIMIT_REDRIVE_IDS) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_ids);
    }
    request->ids = calloc (count, sizeof *request->ids);
    if (!request->ids) {
        return parse_no_memory (self);
    }
    for (; request->id_count < count; request->id_count++) {
        uint64_t *id = &request->ids[request->id_count];
        if (!cursor_uint (&cursor, id) || !s_is_id (*id)) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_ids);
        }
    }
    return 0;
}

int parse_redrive (parse_t *self)
{
    if (parse_is_given (self, "ids") == self->request->all) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "redrive: needs exactly one of ids and all");
    }
    return self->request->all ? 0 : s_read_ids (self, cursor_of (parse_value (self, "ids")));
}

//  {since_ms: integer} and nothing else.
static bool s_read_since (cursor_t cursor, uint64_t *since_ms)
{
    uint32_t count;
    span_t key;
    return cursor_map (&cursor, &count) && count == 1 && cursor_str (&cursor, &key) && span_eq (key, "since_ms") &&
           cursor_uint (&cursor, since_ms) && *since_ms <= PARSE_ID_MAX;
}

int parse_start (parse_t *self)
{
    start_t *start = &self->request->start;
    span_t value = parse_value (self, "start"), word = {NULL, 0};
    cursor_t cursor = cursor_of (value);
    cursor_t text = cursor;
    *start = (start_t){START_NONE, 0};
    if (value.size == 0 || (cursor_bytes (&text, &word) && span_eq (word, "first"))) {
        start->kind = START_FIRST;
    } else if (span_eq (word, "last")) {
        start->kind = START_LAST;
    } else if (cursor_uint (&text, &start->value) && s_is_id (start->value)) {
        start->kind = START_ID;
    } else if (s_read_since (cursor, &start->value)) {
        start->kind = START_SINCE;
    }
    return start->kind == START_NONE ? fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_start) : 0;
}
