//  request - decodes and checks one request. Owns the messages of a publish and the places of a replay, borrows all
//  else; any thread.
//
//  It must never touch a frame that the scan has not accepted, nor allocate before the count is checked.
//  It reads by cursor: seq and headers are passed on as the client's own bytes, which a msgpack-c tree has not.

#include <inttypes.h>
#include <stdlib.h>
#include "name.h"
#include "request.h"
#include "scan.h"

_Static_assert(LIMIT_NAME_BYTES == 200 && LIMIT_PUBLISH_MESSAGES == 1000 && LIMIT_REPLAY_CHANNELS == 1000,
    "the texts below say so");

static const char s_not_messages[] =
    "messages: not an array of 1 to 1000 [channel, payload] or [channel, payload, headers]";

static const char s_not_channels[] = "channels: not a map of 1 to 1000 names, each with an integer from 0 to "
                                     "9007199254740992";
static const char s_not_cursor[] = "cursor: not one that replay gave";

enum { RETRY_MS = 1000 };  //  when memory is short

#define ID_MAX (UINT64_C (1) << 53)

typedef enum {
    ARG_FRONT,    //  op and seq, read before all others
    ARG_VALUE,    //  left to the op's own check
    ARG_NAME,     //  a channel to read
    ARG_CHANNEL,  //  a channel to write
    ARG_GLOB,
    ARG_TEXT,
    ARG_CHANNELS,
    ARG_CURSOR,
    ARG_END,
    ARG_BOOL,
    ARG_SCALAR,  //  as encoded
    ARG_UINT
} arg_type_t;

//  A row per op and argument. OP_COUNT stands for every op.
typedef struct {
    op_t op;
    const char *key;
    arg_type_t type;
    size_t field;  //  its offset in request_t
    bool required;
    uint64_t preset;  //  of an ARG_UINT that is not given; the others' is zero
    uint64_t min;
    uint64_t max;  //  of ARG_TEXT: bytes
} arg_t;

#define FIELD(name) offsetof (request_t, name)

static const arg_t s_args[] = {
    {OP_COUNT, "op", ARG_FRONT, 0, false, 0, 0, 0},
    {OP_COUNT, "seq", ARG_FRONT, 0, false, 0, 0, 0},
    {OP_PUBLISH, "channel", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "payload", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "headers", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_PUBLISH, "messages", ARG_VALUE, 0, false, 0, 0, 0},
    {OP_REPLAY, "channel", ARG_NAME, FIELD (channel), false, 0, 0, 0},
    {OP_REPLAY, "channels", ARG_CHANNELS, 0, false, 0, 0, 0},
    {OP_REPLAY, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_REPLAY, "since_ms", ARG_UINT, FIELD (since_ms), false, 0, 0, ID_MAX},
    {OP_REPLAY, "cursor", ARG_CURSOR, 0, false, 0, 0, 0},
    {OP_REPLAY, "after", ARG_UINT, FIELD (after), false, 0, 0, ID_MAX},
    {OP_REPLAY, "until", ARG_UINT, FIELD (until), false, UINT64_MAX, 1, ID_MAX},
    {OP_REPLAY, "limit", ARG_UINT, FIELD (limit), false, 1000, 1, LIMIT_REPLAY_MESSAGES},
    {OP_REPLAY, "max_bytes", ARG_UINT, FIELD (max_bytes), false, 0, 1, ID_MAX},
    {OP_REPLAY, "wait_ms", ARG_UINT, FIELD (wait_ms), false, 0, 0, LIMIT_WAIT_MS},
    {OP_FLUSH, "channel", ARG_CHANNEL, FIELD (channel), false, 0, 0, 0},
    {OP_FLUSH, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_FLUSH, "before", ARG_UINT, FIELD (before), false, 0, 1, ID_MAX},
    {OP_FLUSH, "before_ms", ARG_UINT, FIELD (before_ms), false, 0, 1, ID_MAX},
    {OP_FLUSH, "all", ARG_BOOL, FIELD (all), false, 0, 0, 0},
    {OP_FLUSH, "dry_run", ARG_BOOL, FIELD (dry_run), false, 0, 0, 0},
    {OP_FLUSH, "force", ARG_BOOL, FIELD (force), false, 0, 0, 0},
    {OP_PEEK, "channel", ARG_NAME, FIELD (channel), true, 0, 0, 0},
    {OP_PEEK, "end", ARG_END, FIELD (tail), false, 0, 0, 0},
    {OP_PEEK, "max", ARG_UINT, FIELD (limit), false, 1, 1, LIMIT_REPLAY_MESSAGES},
    {OP_STATUS, "channel", ARG_NAME, FIELD (channel), false, 0, 0, 0},
    {OP_STATUS, "pattern", ARG_GLOB, FIELD (pattern), false, 0, 0, 0},
    {OP_STATUS, "cursor", ARG_TEXT, FIELD (cursor), false, 0, 0, LIMIT_NAME_BYTES},
    {OP_CANCEL, "request", ARG_SCALAR, FIELD (waiting), true, 0, 0, 0},
};

enum { ARG_ROWS = sizeof s_args / sizeof *s_args };

//  One decoding under way.
typedef struct {
    request_t *request;
    fault_t *fault;
    span_t values[ARG_ROWS];  //  as encoded, by row; size 0: not given
    size_t max_payload_bytes;
} parse_t;

static int s_check_publish (parse_t *self);
static int s_check_replay (parse_t *self);
static int s_check_flush (parse_t *self);
static int s_check_status (parse_t *self);

//  What an op still checks when each argument is fine by itself.
static const struct {
    const char *name;
    int (*check) (parse_t *self);
} s_ops[OP_COUNT] = {
    [OP_PUBLISH] = {"publish", s_check_publish},
    [OP_REPLAY] = {"replay", s_check_replay},
    [OP_FLUSH] = {"flush", s_check_flush},
    [OP_PEEK] = {"peek", NULL},
    [OP_STATUS] = {"status", s_check_status},
    [OP_INFO] = {"info", NULL},
    [OP_CANCEL] = {"cancel", NULL},
    [OP_PING] = {"ping", NULL},
};

const char *op_name (op_t op)
{
    return op < OP_COUNT ? s_ops[op].name : "unknown";
}

//  The row of an op's key, ARG_ROWS when the op has none.
static size_t s_row (op_t op, span_t key)
{
    for (size_t row = 0; row < ARG_ROWS; row++) {
        bool taken = s_args[row].op == op || s_args[row].op == OP_COUNT;
        if (taken && span_eq (key, s_args[row].key)) {
            return row;
        }
    }
    return ARG_ROWS;
}

static span_t s_value (const parse_t *self, const char *key)
{
    return self->values[s_row (self->request->op, span_of (key, strlen (key)))];
}

//  Looks through the whole map for the first op and the first seq, whatever else is wrong with it, since an
//  error is answered with the seq. Returns -1 when a key is not a string.
static int s_find_front (parse_t *self, cursor_t entries, uint32_t count, span_t *op)
{
    span_t seq = {NULL, 0};
    int rc = 0;
    while (count-- > 0) {
        span_t key = {NULL, 0};
        span_t value;
        if (!cursor_str (&entries, &key)) {
            cursor_skip (&entries);
            rc = -1;
        }
        cursor_raw (&entries, &value);
        if (op->size == 0 && span_eq (key, "op")) {
            *op = value;
        } else if (seq.size == 0 && span_eq (key, "seq")) {
            seq = value;
        }
    }
    cursor_t cursor = cursor_of (seq);
    if (seq.size <= LIMIT_SEQ_BYTES) {
        cursor_scalar (&cursor, &self->request->seq);
    }
    return rc;
}

static int s_read_op (parse_t *self, span_t value)
{
    if (value.size == 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "op: missing");
    }
    span_t name;
    cursor_t cursor = cursor_of (value);
    if (!cursor_str (&cursor, &name)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "op: not a string");
    }
    op_t op = 0;
    while (op < OP_COUNT && !span_eq (name, s_ops[op].name)) {
        op++;
    }
    if (op == OP_COUNT) {
        char shown[NAME_SHOWN_SIZE];
        return fault_set (self->fault, CODE_UNKNOWN_OP, "op: \"%s\" is not known", name_shown (shown, name));
    }
    self->request->op = op;
    return 0;
}

//  Sorts the entries into the op's rows.
static int s_sort_entries (parse_t *self, cursor_t entries, uint32_t count)
{
    char shown[NAME_SHOWN_SIZE];
    while (count-- > 0) {
        span_t key;
        cursor_str (&entries, &key);
        size_t row = s_row (self->request->op, key);
        if (row == ARG_ROWS) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "request: unknown key \"%s\"", name_shown (shown, key));
        }
        if (self->values[row].size > 0) {
            return fault_set (
                self->fault, CODE_BAD_REQUEST, "request: key \"%s\" given twice", name_shown (shown, key));
        }
        cursor_raw (&entries, &self->values[row]);
    }
    if (s_value (self, "seq").size > 0 && self->request->seq.size == 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "seq: not a scalar");
    }
    return 0;
}

//  Reads a string: str, or bin, which is all that some msgpack libraries write.
static int s_read_text (parse_t *self, const arg_t *arg, cursor_t value, span_t *text)
{
    if (!cursor_bytes (&value, text)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a string", arg->key);
    }
    if (arg->type == ARG_TEXT && text->size > arg->max) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: longer than %" PRIu64 " bytes", arg->key, arg->max);
    }
    if (arg->type == ARG_TEXT) {
        return 0;
    }
    const char *flaw = arg->type == ARG_GLOB ? glob_flaw (*text) : name_flaw (*text);
    if (!flaw && arg->type == ARG_CHANNEL && name_is_reserved (*text)) {
        flaw = "names that begin with $ are the bridge's own";
    }
    return flaw ? fault_set (self->fault, CODE_BAD_CHANNEL, "%s: %s", arg->key, flaw) : 0;
}

static int s_read_end (parse_t *self, const arg_t *arg, cursor_t value, bool *tail)
{
    span_t text;
    if (!cursor_bytes (&value, &text)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a string", arg->key);
    }
    *tail = span_eq (text, "tail");
    if (!*tail && !span_eq (text, "head")) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not \"head\" or \"tail\"", arg->key);
    }
    return 0;
}

static int s_read_bool (parse_t *self, const arg_t *arg, cursor_t value, bool *flag)
{
    if (!cursor_bool (&value, flag)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a bool", arg->key);
    }
    return 0;
}

static int s_read_scalar (parse_t *self, const arg_t *arg, cursor_t value, span_t *raw)
{
    if (!cursor_scalar (&value, raw) || raw->size > LIMIT_SEQ_BYTES) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not a scalar", arg->key);
    }
    return 0;
}

static int s_read_uint (parse_t *self, const arg_t *arg, cursor_t value, uint64_t *number)
{
    if (!cursor_uint (&value, number) || *number < arg->min || *number > arg->max) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s: not an integer from %" PRIu64 " to %" PRIu64, arg->key,
            arg->min, arg->max);
    }
    return 0;
}

static int s_no_memory (parse_t *self)
{
    fault_set (self->fault, CODE_BUSY, "%s: out of memory", op_name (self->request->op));
    self->fault->retry_ms = RETRY_MS;
    return -1;
}

//  Reads the next name and id. Returns false when they are something else.
static bool s_read_place (cursor_t *entries, place_t *place)
{
    return cursor_bytes (entries, &place->name) && cursor_uint (entries, &place->after) && place->after <= ID_MAX;
}

static int s_compare_places (const void *a, const void *b)
{
    return span_compare (((const place_t *)a)->name, ((const place_t *)b)->name);
}

static int s_check_names_differ (parse_t *self)
{
    const request_t *request = self->request;
    place_t *sorted = malloc (request->place_count * sizeof *sorted);
    if (!sorted) {
        return s_no_memory (self);
    }
    memcpy (sorted, request->places, request->place_count * sizeof *sorted);
    qsort (sorted, request->place_count, sizeof *sorted, s_compare_places);
    bool differ = true;
    for (size_t at = 1; at < request->place_count; at++) {
        differ = differ && s_compare_places (&sorted[at - 1], &sorted[at]) != 0;
    }
    free (sorted);
    return differ ? 0 : fault_set (self->fault, CODE_BAD_REQUEST, "channels: a name given twice");
}

//  Makes room for count places, none read yet. False when memory is short.
static bool s_make_places (request_t *request, uint32_t count)
{
    free (request->places);
    request->place_count = 0;
    request->places = calloc (count + 1, sizeof *request->places);
    return request->places != NULL;
}

static int s_read_channels (parse_t *self, cursor_t entries)
{
    request_t *request = self->request;
    uint32_t count;
    if (!cursor_map (&entries, &count) || count < 1 || count > LIMIT_REPLAY_CHANNELS) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_channels);
    }
    if (!s_make_places (request, count)) {
        return s_no_memory (self);
    }
    for (; request->place_count < count; request->place_count++) {
        place_t *place = &request->places[request->place_count];
        if (!s_read_place (&entries, place)) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_channels);
        }
        const char *flaw = name_flaw (place->name);
        if (flaw) {
            return fault_set (self->fault, CODE_BAD_CHANNEL, "channels: %s", flaw);
        }
    }
    return s_check_names_differ (self);
}

//  Reads the cursor's [since_ms, {name: after}] up to the map's head.
static bool s_read_cursor_front (request_t *request, cursor_t *cursor, uint32_t *count)
{
    uint32_t size;
    return cursor_array (cursor, &size) && size == 2 && cursor_uint (cursor, &request->since_ms) &&
           request->since_ms <= ID_MAX && cursor_map (cursor, count) && *count <= LIMIT_REPLAY_CHANNELS;
}

//  The names stand in the order of their bytes, so that none is there twice. That they match is checked later.
static int s_read_cursor (parse_t *self, cursor_t value)
{
    request_t *request = self->request;
    span_t bytes = {NULL, 0};
    uint32_t count = 0;
    bool valid = cursor_bin (&value, &bytes) && scan_is_one_value (bytes.data, bytes.size, 2);
    cursor_t cursor = cursor_of (bytes);
    valid = valid && s_read_cursor_front (request, &cursor, &count);
    if (valid && !s_make_places (request, count)) {
        return s_no_memory (self);
    }
    for (; valid && request->place_count < count; request->place_count++) {
        place_t *place = &request->places[request->place_count];
        valid = s_read_place (&cursor, place) && !name_flaw (place->name) &&
                (request->place_count == 0 || s_compare_places (place - 1, place) < 0);
    }
    return valid ? 0 : fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_cursor);
}

static int s_read_arg (parse_t *self, const arg_t *arg, span_t value)
{
    void *field = (char *)self->request + arg->field;
    cursor_t cursor = cursor_of (value);
    switch (arg->type) {
    case ARG_FRONT:
    case ARG_VALUE:
        return 0;
    case ARG_NAME:
    case ARG_CHANNEL:
    case ARG_GLOB:
    case ARG_TEXT:
        return s_read_text (self, arg, cursor, field);
    case ARG_CHANNELS:
        return s_read_channels (self, cursor);
    case ARG_CURSOR:
        return s_read_cursor (self, cursor);
    case ARG_END:
        return s_read_end (self, arg, cursor, field);
    case ARG_BOOL:
        return s_read_bool (self, arg, cursor, field);
    case ARG_SCALAR:
        return s_read_scalar (self, arg, cursor, field);
    case ARG_UINT:
        return s_read_uint (self, arg, cursor, field);
    }
    return -1;
}

static int s_read_args (parse_t *self)
{
    for (size_t row = 0; row < ARG_ROWS; row++) {
        const arg_t *arg = &s_args[row];
        if (arg->op != self->request->op) {
            continue;
        }
        if (self->values[row].size > 0) {
            if (s_read_arg (self, arg, self->values[row]) == -1) {
                return -1;
            }
        } else if (arg->required) {
            return fault_set (self->fault, CODE_BAD_REQUEST, "%s: missing", arg->key);
        } else if (arg->type == ARG_UINT) {
            memcpy ((char *)self->request + arg->field, &arg->preset, sizeof arg->preset);
        }
    }
    return 0;
}

//  Reads the next message, given as three values. Its index is the count of those read before.
static int s_read_message (parse_t *self, const span_t *values)
{
    request_t *request = self->request;
    message_t *message = &request->messages[request->message_count];
    if (message_read_values (message, self->fault, values[0], values[1], values[2], self->max_payload_bytes) == -1) {
        self->fault->index = (int)request->message_count;
        return -1;
    }
    request->message_count++;
    return 0;
}

static int s_read_messages (parse_t *self, cursor_t messages, uint32_t count)
{
    while (count-- > 0) {
        span_t values[3] = {{NULL, 0}};  //  channel, payload, headers
        uint32_t size;
        if (!cursor_array (&messages, &size) || size < 2 || size > 3) {
            fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_messages);
            self->fault->index = (int)self->request->message_count;
            return -1;
        }
        for (uint32_t at = 0; at < size; at++) {
            cursor_raw (&messages, &values[at]);
        }
        if (s_read_message (self, values) == -1) {
            return -1;
        }
    }
    return 0;
}

static int s_check_publish (parse_t *self)
{
    const span_t single[3] = {s_value (self, "channel"), s_value (self, "payload"), s_value (self, "headers")};
    span_t several = s_value (self, "messages");
    bool is_single = single[0].size > 0 && single[1].size > 0;
    bool has_single = single[0].size > 0 || single[1].size > 0 || single[2].size > 0;
    if (several.size > 0 ? has_single : !is_single) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "publish: needs either channel and payload or messages");
    }
    uint32_t count = 1;
    cursor_t cursor = cursor_of (several);
    if (!is_single && (!cursor_array (&cursor, &count) || count < 1 || count > LIMIT_PUBLISH_MESSAGES)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_messages);
    }
    self->request->messages = calloc (count, sizeof *self->request->messages);
    if (!self->request->messages) {
        return s_no_memory (self);
    }
    return is_single ? s_read_message (self, single) : s_read_messages (self, cursor, count);
}

static bool s_is_given (const parse_t *self, const char *key)
{
    return s_value (self, key).size > 0;
}

static int s_check_replay (parse_t *self)
{
    const request_t *request = self->request;
    bool since = s_is_given (self, "since_ms"), cursor = s_is_given (self, "cursor");
    bool ids = s_is_given (self, "after") || s_is_given (self, "until");
    bool channels = s_is_given (self, "channels");
    const char *flaw = NULL;
    if ((request->channel.size > 0) + channels + (request->pattern.size > 0) != 1) {
        flaw = "replay: needs exactly one of channel, channels and pattern";
    } else if (request->channel.size > 0 && (cursor || (since && ids))) {
        flaw = "replay: channel takes after and until, or since_ms";
    } else if (channels && (since || cursor || ids)) {
        flaw = "replay: channels takes none of after, until, since_ms and cursor";
    } else if (request->pattern.size > 0 && (ids || (since && cursor))) {
        flaw = "replay: pattern takes cursor or since_ms";
    }
    for (size_t at = 0; cursor && !flaw && at < request->place_count; at++) {
        flaw = glob_matches (request->pattern, request->places[at].name) ? NULL : s_not_cursor;
    }
    return flaw ? fault_set (self->fault, CODE_BAD_REQUEST, "%s", flaw) : 0;
}

static int s_check_flush (parse_t *self)
{
    const request_t *request = self->request;
    if ((request->channel.size > 0) == (request->pattern.size > 0)) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "flush: needs exactly one of channel and pattern");
    }
    if ((request->before > 0) + (request->before_ms > 0) + request->all != 1) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "flush: needs exactly one of before, before_ms and all");
    }
    return 0;
}

static int s_check_status (parse_t *self)
{
    request_t *request = self->request;
    if (request->channel.size > 0 && request->pattern.size > 0) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "status: takes channel or pattern, not both");
    }
    if (request->channel.size == 0 && request->pattern.size == 0) {
        request->pattern = span_of ("*", 1);
    }
    return 0;
}

int request_decode (request_t *self, fault_t *fault, span_t frame, size_t max_payload_bytes)
{
    *self = (request_t){.op = OP_COUNT};
    parse_t parse = {.request = self, .fault = fault, .max_payload_bytes = max_payload_bytes};
    //  The scan leaves room for headers that nest too deep by a little: they are told as such, with their index.
    uint32_t count;
    cursor_t entries = cursor_of (frame);
    if (!scan_is_one_value (frame.data, frame.size, SCAN_DEPTH_MAX) || !cursor_map (&entries, &count)) {
        return fault_set (fault, CODE_BAD_REQUEST, "request: not a msgpack map");
    }
    span_t op = {NULL, 0};
    if (s_find_front (&parse, entries, count, &op) == -1) {
        return fault_set (fault, CODE_BAD_REQUEST, "request: a key is not a string");
    }
    if (s_read_op (&parse, op) == -1 || s_sort_entries (&parse, entries, count) == -1 || s_read_args (&parse) == -1) {
        return -1;
    }
    return s_ops[self->op].check ? s_ops[self->op].check (&parse) : 0;
}

void request_clear (request_t *self)
{
    free (self->messages);
    self->messages = NULL;
    self->message_count = 0;
    free (self->places);
    self->places = NULL;
    self->place_count = 0;
}
