//  parse_replay - reads the channels and the cursor of a replay, and checks what it is asked for. Any thread.

#include <stdlib.h>
#include "name.h"
#include "parse.h"

_Static_assert(LIMIT_REPLAY_CHANNELS == 1000, "the text below says so");

static const char s_not_channels[] = "channels: not a map of 1 to 1000 names, each with an integer from 0 to "
                                     "9007199254740992";
static const char s_not_cursor[] = "cursor: not one that replay gave";

//  Reads the next name and id. Returns false when they are something else.
static bool s_read_place (cursor_t *entries, place_t *place)
{
    return cursor_bytes (entries, &place->name) && cursor_uint (entries, &place->after) && place->after <= PARSE_ID_MAX;
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
        return parse_no_memory (self);
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

int parse_channels (parse_t *self, cursor_t entries)
{
    request_t *request = self->request;
    uint32_t count;
    if (!cursor_map (&entries, &count) || count < 1 || count > LIMIT_REPLAY_CHANNELS) {
        return fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_channels);
    }
    if (!s_make_places (request, count)) {
        return parse_no_memory (self);
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
           request->since_ms <= PARSE_ID_MAX && cursor_map (cursor, count) && *count <= LIMIT_REPLAY_CHANNELS;
}

//  The names stand in the order of their bytes, so that none is there twice. That they match is checked later.
int parse_cursor (parse_t *self, cursor_t value)
{
    request_t *request = self->request;
    span_t bytes = {NULL, 0};
    uint32_t count = 0;
    bool valid = cursor_bin (&value, &bytes) && scan_is_one_value (bytes.data, bytes.size, 2);
    cursor_t cursor = cursor_of (bytes);
    valid = valid && s_read_cursor_front (request, &cursor, &count);
    if (valid && !s_make_places (request, count)) {
        return parse_no_memory (self);
    }
    for (; valid && request->place_count < count; request->place_count++) {
        place_t *place = &request->places[request->place_count];
        valid = s_read_place (&cursor, place) && !name_flaw (place->name) &&
                (request->place_count == 0 || s_compare_places (place - 1, place) < 0);
    }
    return valid ? 0 : fault_set (self->fault, CODE_BAD_REQUEST, "%s", s_not_cursor);
}

int parse_replay (parse_t *self)
{
    const request_t *request = self->request;
    bool since = parse_is_given (self, "since_ms"), cursor = parse_is_given (self, "cursor");
    bool ids = parse_is_given (self, "after") || parse_is_given (self, "until");
    bool channels = parse_is_given (self, "channels");
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
