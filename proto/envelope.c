//  envelope - encodes and decodes stored messages. Owns nothing, keeps no state; any thread.
//
//  Encoding runs once for each message on the hot path: its only copy is of headers and payload into place.

#include "envelope.h"
#include "limit.h"
#include "scan.h"

enum {
    BYTE_ARRAY_OF_4 = 0x94,
    BYTE_ARRAY_OF_15 = 0x9f,
    BYTE_NIL = 0xc0,
    BYTE_BIN_8 = 0xc4,
    BYTE_BIN_16 = 0xc5,
    BYTE_BIN_32 = 0xc6,
    BYTE_UINT_64 = 0xcf
};

static void s_put_number (uint8_t *to, uint64_t number, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        to[at] = (uint8_t)(number >> 8 * (size - 1 - at));
    }
}

static uint64_t s_number (const uint8_t *at)
{
    uint64_t number = 0;
    for (size_t byte = 0; byte < 8; byte++) {
        number = number << 8 | at[byte];
    }
    return number;
}

//  Bytes of a bin's length, as short as it can be.
static size_t s_length_bytes (size_t payload_size)
{
    return payload_size <= UINT8_MAX ? 1 : payload_size <= UINT16_MAX ? 2 : 4;
}

size_t envelope_size (const message_t *message)
{
    size_t headers_size = message->headers.size ? message->headers.size : 1;
    size_t payload_size = message->payload.size;
    return ENVELOPE_HEADERS_AT + headers_size + 1 + s_length_bytes (payload_size) + payload_size;
}

size_t envelope_encode (uint8_t *to, const message_t *message)
{
    span_t headers = message->headers;
    span_t payload = message->payload;
    uint8_t *at = to;
    *at = BYTE_ARRAY_OF_4;
    envelope_stamp (to, 0, 0);
    at += ENVELOPE_HEADERS_AT;
    if (headers.size > 0) {
        memcpy (at, headers.data, headers.size);
        at += headers.size;
    } else {
        *at++ = BYTE_NIL;
    }
    size_t length_bytes = s_length_bytes (payload.size);
    *at++ = length_bytes == 1 ? BYTE_BIN_8 : length_bytes == 2 ? BYTE_BIN_16 : BYTE_BIN_32;
    s_put_number (at, payload.size, length_bytes);
    at += length_bytes;
    if (payload.size > 0) {
        memcpy (at, payload.data, payload.size);
        at += payload.size;
    }
    return (size_t)(at - to);
}

void envelope_stamp (uint8_t *self, uint64_t id, uint64_t time_ms)
{
    self[ENVELOPE_ID_AT - 1] = BYTE_UINT_64;
    s_put_number (self + ENVELOPE_ID_AT, id, 8);
    self[ENVELOPE_TIME_AT - 1] = BYTE_UINT_64;
    s_put_number (self + ENVELOPE_TIME_AT, time_ms, 8);
}

uint64_t envelope_id (const void *self)
{
    return s_number ((const uint8_t *)self + ENVELOPE_ID_AT);
}

uint64_t envelope_time_ms (const void *self)
{
    return s_number ((const uint8_t *)self + ENVELOPE_TIME_AT);
}

//  The array's head, id and time have one form only, which puts id and time at their places.
static bool s_has_front (const uint8_t *data, size_t size)
{
    return size > ENVELOPE_HEADERS_AT && data[0] >= BYTE_ARRAY_OF_4 && data[0] <= BYTE_ARRAY_OF_15 &&
           data[ENVELOPE_ID_AT - 1] == BYTE_UINT_64 && data[ENVELOPE_TIME_AT - 1] == BYTE_UINT_64;
}

size_t envelope_decode (envelope_t *self, const void *data, size_t size)
{
    size_t taken = s_has_front (data, size) ? scan_value (data, size, LIMIT_DEPTH + 1) : 0;
    if (taken == 0) {
        return 0;
    }
    self->id = envelope_id (data);
    self->time_ms = envelope_time_ms (data);
    self->headers = span_of (NULL, 0);
    span_t bytes = span_of ((const char *)data + ENVELOPE_HEADERS_AT, taken - ENVELOPE_HEADERS_AT);
    cursor_t cursor = cursor_of (bytes);
    if (!cursor_nil (&cursor)) {
        uint32_t count;
        cursor_t map = cursor;
        if (!cursor_map (&map, &count) || !cursor_raw (&cursor, &self->headers)) {
            return 0;
        }
    }
    return cursor_bin (&cursor, &self->payload) ? taken : 0;
}
