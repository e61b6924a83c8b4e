//  fuzz - takes inputs apart, and checks what several targets expect.

#include "fuzz.h"
#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include "envelope.h"
#include "limit.h"
#include "name.h"
#include "scan.h"

enum { FRAME_LONG = 254, FRAME_REST = 255 };

uint8_t input_byte (input_t *self)
{
    if (self->size == 0) {
        return 0;
    }
    self->size--;
    return *self->at++;
}

span_t input_frame (input_t *self)
{
    size_t size = input_byte (self);
    if (size == FRAME_LONG) {
        size = (size_t)input_byte (self) << 8;
        size += input_byte (self);
    } else if (size == FRAME_REST) {
        size = self->size;
    }
    size = size < self->size ? size : self->size;
    span_t frame = frame_copy (self->at, size);
    self->at += size;
    self->size -= size;
    return frame;
}

span_t frame_copy (const void *data, size_t size)
{
    char *copy = malloc (size);
    assert (copy || size == 0);
    if (size > 0) {
        memcpy (copy, data, size);
    }
    return span_of (copy, size);
}

void frame_free (span_t frame)
{
    free ((void *)frame.data);
}

bool span_is_inside (span_t part, span_t whole)
{
    return part.size == 0 || (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

bool span_equals (span_t one, span_t other)
{
    return one.size == other.size && (one.size == 0 || memcmp (one.data, other.data, one.size) == 0);
}

void check_fault (const fault_t *fault)
{
    assert (fault->code > CODE_OK && fault->code < CODE_COUNT);
    size_t size = strlen (fault->message);
    assert (size > 0 && size < sizeof fault->message);
    assert (text_is_utf8 (span_text (fault->message)));
    for (size_t at = 0; at < size; at++) {
        assert ((unsigned char)fault->message[at] >= 0x20);
    }
}

void check_is_one_value (span_t bytes, unsigned max_depth)
{
    msgpack_unpacked unpacked;
    size_t taken = 0;
    assert (scan_is_one_value (bytes.data, bytes.size, max_depth));
    assert (scan_any_depth (bytes.data, bytes.size) == bytes.size);
    msgpack_unpacked_init (&unpacked);
    msgpack_unpack_return rc = msgpack_unpack_next (&unpacked, bytes.data, bytes.size, &taken);
    assert (rc == MSGPACK_UNPACK_SUCCESS && taken == bytes.size);
    msgpack_unpacked_destroy (&unpacked);
}

//  What the map says under the key, as msgpack-c reads it; NULL: nothing.
static const msgpack_object *s_value (const msgpack_object_map *map, const char *key)
{
    const msgpack_object *value = NULL;
    for (uint32_t at = 0; at < map->size; at++) {
        const msgpack_object_str *text = &map->ptr[at].key.via.str;
        if (span_eq (span_of (text->ptr, text->size), key)) {
            assert (!value);
            value = &map->ptr[at].val;
        }
    }
    return value;
}

static void s_check_number (const msgpack_object_map *map, const char *key, int64_t least, int64_t number)
{
    const msgpack_object *value = s_value (map, key);
    if (!value) {
        assert (number == -1);
        return;
    }
    assert (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER);
    assert (number >= least && number < INT64_C (1) << 53 && value->via.u64 == (uint64_t)number);
}

static void s_check_headers (const message_t *message)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init (&unpacked);
    msgpack_unpack_next (&unpacked, message->headers.data, message->headers.size, NULL);
    assert (unpacked.data.type == MSGPACK_OBJECT_MAP);
    const msgpack_object_map *map = &unpacked.data.via.map;
    assert (map->size >= 1 && map->size <= LIMIT_HEADERS);
    for (uint32_t at = 0; at < map->size; at++) {
        assert (map->ptr[at].key.type == MSGPACK_OBJECT_STR);
    }
    s_check_number (map, "delay_ms", 0, message->delay_ms);
    s_check_number (map, "at_ms", 0, message->at_ms);
    s_check_number (map, "ttl_ms", 1, message->ttl_ms);
    assert (message->delay_ms == -1 || message->at_ms == -1);
    const msgpack_object *front = s_value (map, "front"), *msg_id = s_value (map, "msg_id");
    assert (front ? front->type == MSGPACK_OBJECT_BOOLEAN && front->via.boolean == message->front : !message->front);
    assert ((msg_id != NULL) == (message->msg_id.size > 0));
    if (msg_id) {
        assert (msg_id->type == MSGPACK_OBJECT_STR || msg_id->type == MSGPACK_OBJECT_BIN);
        assert (span_equals (message->msg_id, span_of (msg_id->via.bin.ptr, msg_id->via.bin.size)));
        assert (message->msg_id.size <= LIMIT_MSG_ID_BYTES && span_is_inside (message->msg_id, message->headers));
    }
    msgpack_unpacked_destroy (&unpacked);
}

static void s_check_envelope (const message_t *message)
{
    size_t size = envelope_size (message);
    uint8_t *bytes = malloc (size);
    envelope_t envelope;
    assert (bytes && envelope_encode (bytes, message) == size);
    envelope_stamp (bytes, UINT64_C (1) << 53, 1700000000000);
    assert (envelope_decode (&envelope, bytes, size) == size);
    assert (envelope.id == UINT64_C (1) << 53 && envelope.time_ms == 1700000000000);
    assert (span_equals (envelope.headers, message->headers) && span_equals (envelope.payload, message->payload));
    check_is_one_value (span_of (bytes, size), LIMIT_DEPTH + 1);
    free (bytes);
}

void check_message (const message_t *message, size_t max_payload_bytes)
{
    assert (name_is_valid (message->channel) && !name_is_reserved (message->channel));
    assert (message->payload.size <= max_payload_bytes && message->headers.size <= LIMIT_HEADERS_BYTES);
    if (message->headers.size > 0) {
        check_is_one_value (message->headers, LIMIT_DEPTH);
        s_check_headers (message);
    } else {
        assert (message->msg_id.size == 0 && !message->front);
        assert (message->delay_ms == -1 && message->at_ms == -1 && message->ttl_ms == -1);
    }
    s_check_envelope (message);
}
