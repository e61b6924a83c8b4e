//  message - reads and checks what a producer sent. Owns nothing, keeps no state; any thread.
//
//  It runs once for each message on the hot path: it must never allocate and never copy; a message borrows.
//  The order of the checks is the contract's: of several faults the first in this file is told.

#include <assert.h>
#include "limit.h"
#include "message.h"
#include "name.h"
#include "scan.h"

_Static_assert(LIMIT_MSG_ID_BYTES == 128 && LIMIT_HEADERS_BYTES == 16384, "the texts below say so");
_Static_assert(LIMIT_HEADERS == 64 && LIMIT_DEPTH == 16, "the texts below say so");

static const char s_not_an_array[] = "frame: not a msgpack array [channel, payload] or [channel, payload, headers]";

//  What a message is before anything is known of it.
static const message_t s_nothing = {.delay_ms = -1, .at_ms = -1, .ttl_ms = -1};

//  The headers that tell the bridge something.
typedef enum { HEADER_MSG_ID, HEADER_DELAY, HEADER_AT, HEADER_TTL, HEADER_FRONT, HEADER_KNOWN } header_t;

static const struct {
    size_t size;
    const char *key;
    const char *flaw;
} s_headers[HEADER_KNOWN] = {
    [HEADER_MSG_ID] = {6, "msg_id", "not 1 to 128 bytes of str or bin"},
    [HEADER_DELAY] = {8, "delay_ms", "not an integer from 0 to 9007199254740991"},
    [HEADER_AT] = {5, "at_ms", "not an integer from 0 to 9007199254740991"},
    [HEADER_TTL] = {6, "ttl_ms", "not an integer from 1 to 9007199254740991"},
    [HEADER_FRONT] = {5, "front", "not a bool"},
};

static header_t s_header_named (span_t key)
{
    header_t header = 0;
    while (header < HEADER_KNOWN &&
           (s_headers[header].size != key.size || memcmp (s_headers[header].key, key.data, key.size) != 0)) {
        header++;
    }
    return header;
}

//  Times are kept below 2^53, so that every language and Redis can count with them.
static bool s_read_ms (cursor_t *value, uint64_t least, int64_t *ms)
{
    uint64_t number;
    if (!cursor_uint (value, &number) || number < least || number >= UINT64_C (1) << 53) {
        return false;
    }
    *ms = (int64_t)number;
    return true;
}

static bool s_read_header (message_t *self, header_t header, span_t raw)
{
    cursor_t value = cursor_of (raw);
    switch (header) {
    case HEADER_MSG_ID:
        return cursor_bytes (&value, &self->msg_id) && self->msg_id.size >= 1 &&
               self->msg_id.size <= LIMIT_MSG_ID_BYTES;
    case HEADER_DELAY:
        return s_read_ms (&value, 0, &self->delay_ms);
    case HEADER_AT:
        return s_read_ms (&value, 0, &self->at_ms);
    case HEADER_TTL:
        return s_read_ms (&value, 1, &self->ttl_ms);
    case HEADER_FRONT:
        return cursor_bool (&value, &self->front);
    case HEADER_KNOWN:
        break;
    }
    return false;
}

//  Finds the known headers in a scanned map. Returns 0, or -1 when a key is not a string. *twice is one that
//  stands there again, else HEADER_KNOWN.
static int s_find_headers (span_t map, span_t *values, header_t *twice)
{
    uint32_t count = 0;
    cursor_t cursor = cursor_of (map);
    cursor_map (&cursor, &count);
    while (count-- > 0) {
        span_t key;
        span_t value;
        if (!cursor_str (&cursor, &key) || !cursor_raw (&cursor, &value)) {
            return -1;
        }
        header_t header = s_header_named (key);
        if (header == HEADER_KNOWN) {
            continue;
        }
        if (values[header].size > 0) {
            *twice = header;
        }
        values[header] = value;
    }
    return 0;
}

static int s_check_entries (message_t *self, fault_t *fault)
{
    span_t values[HEADER_KNOWN] = {{NULL, 0}};
    header_t twice = HEADER_KNOWN;
    if (s_find_headers (self->headers, values, &twice) == -1) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers: a key is not a string");
    }
    for (header_t header = 0; header < HEADER_KNOWN; header++) {
        if (values[header].size > 0 && !s_read_header (self, header, values[header])) {
            return fault_set (fault, CODE_BAD_REQUEST, "headers.%s: %s", s_headers[header].key, s_headers[header].flaw);
        }
    }
    if (self->delay_ms >= 0 && self->at_ms >= 0) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers: both delay_ms and at_ms");
    }
    if (twice < HEADER_KNOWN) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers.%s: given twice", s_headers[twice].key);
    }
    return 0;
}

//  Checks the headers' form, then what they say. The limits on size and depth come after "is it a map at all",
//  so a map that only nests too deep is walked a second time to tell it from garbage.
static int s_check_headers (message_t *self, fault_t *fault)
{
    span_t headers = self->headers;
    self->headers = span_of (NULL, 0);
    cursor_t cursor = cursor_of (headers);
    if (headers.size == 1 && cursor_nil (&cursor)) {
        return 0;
    }
    uint32_t count;
    bool deep = !scan_is_one_value (headers.data, headers.size, LIMIT_DEPTH);
    bool whole = !deep || scan_any_depth (headers.data, headers.size) == headers.size;
    if (!whole || !cursor_map (&cursor, &count)) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers: not a msgpack map");
    }
    if (headers.size > LIMIT_HEADERS_BYTES) {
        return fault_set (fault, CODE_TOO_LARGE, "headers: larger than 16384 bytes");
    }
    if (deep) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers: nested deeper than 16");
    }
    if (count > LIMIT_HEADERS) {
        return fault_set (fault, CODE_BAD_REQUEST, "headers: more than 64 entries");
    }
    if (count == 0) {
        return 0;
    }
    self->headers = headers;
    return s_check_entries (self, fault);
}

static int s_check_channel (const message_t *self, fault_t *fault)
{
    const char *flaw = name_flaw (self->channel);
    if (flaw) {
        return fault_set (fault, CODE_BAD_CHANNEL, "channel: %s", flaw);
    }
    if (name_is_reserved (self->channel)) {
        return fault_set (fault, CODE_BAD_CHANNEL, "channel: names that begin with $ are the bridge's own");
    }
    return 0;
}

//  Checks payload size and headers.
static int s_check_rest (message_t *self, fault_t *fault, size_t max_payload_bytes)
{
    if (self->payload.size > max_payload_bytes) {
        return fault_set (fault, CODE_TOO_LARGE, "payload: larger than max_message_bytes (%zu)", max_payload_bytes);
    }
    return self->headers.size == 0 ? 0 : s_check_headers (self, fault);
}

int message_check (message_t *self, fault_t *fault, size_t max_payload_bytes)
{
    self->msg_id = span_of (NULL, 0);
    self->delay_ms = -1;
    self->at_ms = -1;
    self->ttl_ms = -1;
    self->front = false;
    if (s_check_channel (self, fault) == -1) {
        return -1;
    }
    return s_check_rest (self, fault, max_payload_bytes);
}

//  Leaves in a refused message only what can be shown.
static int s_refuse (message_t *self)
{
    if (!name_is_text (self->channel)) {
        self->channel = span_of (NULL, 0);
    }
    self->headers = span_of (NULL, 0);
    return -1;
}

int message_read_values (
    message_t *self, fault_t *fault, span_t channel, span_t payload, span_t headers, size_t max_payload_bytes)
{
    *self = s_nothing;
    self->headers = headers;
    cursor_t channel_cursor = cursor_of (channel);
    cursor_t payload_cursor = cursor_of (payload);
    bool named = cursor_bytes (&channel_cursor, &self->channel);
    bool carried = cursor_bytes (&payload_cursor, &self->payload);
    if (!named) {
        fault_set (fault, CODE_BAD_REQUEST, "channel: not a string");
        return s_refuse (self);
    }
    if (s_check_channel (self, fault) == -1) {
        return s_refuse (self);
    }
    if (!carried) {
        fault_set (fault, CODE_BAD_REQUEST, "payload: neither bin nor str");
        return s_refuse (self);
    }
    return s_check_rest (self, fault, max_payload_bytes) == 0 ? 0 : s_refuse (self);
}

//  Reads the form in one frame. Any depth passes here, since headers are checked for theirs alone.
static int s_read_array (message_t *self, fault_t *fault, span_t frame, size_t max_payload_bytes)
{
    span_t values[3] = {{NULL, 0}};  //  channel, payload, headers
    uint32_t count = 0;
    cursor_t cursor = cursor_of (frame);
    bool whole = frame.size > 0 && scan_any_depth (frame.data, frame.size) == frame.size;
    if (!whole || !cursor_array (&cursor, &count) || count < 2 || count > 3) {
        *self = s_nothing;
        return fault_set (fault, CODE_BAD_REQUEST, "%s", s_not_an_array);
    }
    for (uint32_t at = 0; at < count; at++) {
        cursor_raw (&cursor, &values[at]);
    }
    return message_read_values (self, fault, values[0], values[1], values[2], max_payload_bytes);
}

int message_read (message_t *self, fault_t *fault, const span_t *frames, size_t count, size_t max_payload_bytes)
{
    assert (count > 0);
    if (count == 1) {
        return s_read_array (self, fault, frames[0], max_payload_bytes);
    }
    if (count > 3) {
        *self = s_nothing;
        return fault_set (fault, CODE_BAD_REQUEST, "frames: more than 3");
    }
    self->channel = frames[0];
    self->payload = frames[1];
    self->headers = count > 2 ? frames[2] : span_of (NULL, 0);
    return message_check (self, fault, max_payload_bytes) == 0 ? 0 : s_refuse (self);
}
