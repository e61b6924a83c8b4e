//  envelope - members as they come back from Redis, with envelopes back to back, or whatever somebody has written there;
//  then as replies, takes and zrb's JSON show them.
//
//  Input: frames, each a member of the log, in its order.

#include "fuzz.h"
#include <assert.h>
#include <jansson.h>
#include <msgpack.h>
#include <stdlib.h>
#include "envelope.h"
#include "gaps.h"
#include "limit.h"
#include "output.h"
#include "printer.h"
#include "scan.h"
#include "splice.h"
#include "taken.h"

enum {
    MEMBERS = 16,
    AFTER = 1,
    GAP_FIRST = 3,  //  no message of these ids
    GAP_LAST = 4,
    FLOOR = 2,
    TAKEN_LAST = 6
};

//  One envelope

//  Whether there is no other way to write it: an array of 4, the payload's length as short as it can be.
static bool s_is_shortest (const envelope_t *envelope, const uint8_t *data)
{
    size_t headers_size = envelope->headers.size ? envelope->headers.size : 1, size = envelope->payload.size;
    uint8_t bin = data[ENVELOPE_HEADERS_AT + headers_size];
    return data[0] == 0x94 && bin == (size <= UINT8_MAX ? 0xc4 : size <= UINT16_MAX ? 0xc5 : 0xc6);
}

static void s_check_encoded_again (const envelope_t *envelope, const uint8_t *data, size_t size)
{
    message_t message = {.headers = envelope->headers, .payload = envelope->payload};
    size_t again_size = envelope_size (&message);
    uint8_t *again = malloc (again_size);
    assert (again && envelope_encode (again, &message) == again_size);
    envelope_stamp (again, envelope->id, envelope->time_ms);
    if (s_is_shortest (envelope, data)) {
        assert (again_size == size && memcmp (again, data, size) == 0);
    } else {
        envelope_t read;
        assert (envelope_decode (&read, again, again_size) == again_size);
        assert (read.id == envelope->id && read.time_ms == envelope->time_ms);
        assert (span_equals (read.headers, envelope->headers) && span_equals (read.payload, envelope->payload));
    }
    free (again);
}

//  msgpack-c reads the same in it.
static void s_check_msgpack (const envelope_t *envelope, span_t bytes)
{
    msgpack_unpacked unpacked;
    check_is_one_value (bytes, LIMIT_DEPTH + 1);
    msgpack_unpacked_init (&unpacked);
    msgpack_unpack_next (&unpacked, bytes.data, bytes.size, NULL);
    assert (unpacked.data.type == MSGPACK_OBJECT_ARRAY && unpacked.data.via.array.size >= 4);
    const msgpack_object *items = unpacked.data.via.array.ptr;
    assert (items[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER && items[0].via.u64 == envelope->id);
    assert (items[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER && items[1].via.u64 == envelope->time_ms);
    assert (items[2].type == (envelope->headers.size ? MSGPACK_OBJECT_MAP : MSGPACK_OBJECT_NIL));
    assert (items[3].type == MSGPACK_OBJECT_BIN);
    assert (span_equals (envelope->payload, span_of (items[3].via.bin.ptr, items[3].via.bin.size)));
    msgpack_unpacked_destroy (&unpacked);
}

//  zrb's line is JSON, but for what Jansson can't hold: a key with a zero byte.
static void s_check_json (const envelope_t *envelope)
{
    char *text = NULL;
    size_t size = 0;
    json_error_t error;
    FILE *memory = open_memstream (&text, &size);
    json_message (memory, span_text ("orders"), envelope);
    fputc ('}', memory);
    fclose (memory);
    assert (!memchr (text, '\n', size));
    json_t *json = json_loadb (text, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    assert (json || json_error_code (&error) == json_error_null_byte_in_key);
    json_decref (json);
    free (text);
}

static void s_check_member (span_t member)
{
    for (size_t at = 0, size; at < member.size; at += size) {
        envelope_t envelope;
        const uint8_t *data = (const uint8_t *)member.data + at;
        size = envelope_decode (&envelope, data, member.size - at);
        if (size == 0) {
            return;
        }
        span_t bytes = span_of (data, size);
        assert (size <= member.size - at && envelope_id (data) == envelope.id);
        assert (envelope_time_ms (data) == envelope.time_ms);
        assert (span_is_inside (envelope.headers, bytes) && span_is_inside (envelope.payload, bytes));
        s_check_encoded_again (&envelope, data, size);
        s_check_msgpack (&envelope, bytes);
        s_check_json (&envelope);
    }
}

//  The log's answer

typedef struct {
    redisReply members;
    redisReply *items[MEMBERS];
    redisReply each[MEMBERS];
    redisReply gaps;
    redisReply *rows[1];
    redisReply gap;
} log_t;

static void s_read_log (log_t *self, input_t *input)
{
    static char gap[] = "3 4 expired";
    *self = (log_t){.members = {.type = REDIS_REPLY_ARRAY}, .gaps = {.type = REDIS_REPLY_ARRAY}};
    while (input->size > 0 && self->members.elements < MEMBERS) {
        span_t member = input_frame (input);
        redisReply *item = &self->each[self->members.elements];
        *item = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)member.data, .len = member.size};
        self->items[self->members.elements++] = item;
    }
    self->members.element = self->items;
    self->gap = (redisReply){.type = REDIS_REPLY_STRING, .str = gap, .len = sizeof gap - 1};
    self->rows[0] = &self->gap;
    self->gaps.element = self->rows;
    self->gaps.elements = 1;
}

static void s_clear_log (log_t *self)
{
    for (size_t i = 0; i < self->members.elements; i++) {
        frame_free (span_of (self->each[i].str, self->each[i].len));
    }
}

static bool s_is_in_log (const log_t *self, const envelope_t *envelope)
{
    for (size_t i = 0; i < self->members.elements; i++) {
        if (self->each[i].len >= envelope->payload.size &&
            memmem (self->each[i].str, self->each[i].len, envelope->payload.data, envelope->payload.size)) {
            return true;
        }
    }
    return false;
}

//  Replies

//  Reads a reply's messages as a client does; `rising`: their ids must be.
static void s_check_reply (const log_t *log, reply_t *reply, size_t count, bool rising)
{
    check_is_one_value (span_of (reply->buffer.data, reply->buffer.size), LIMIT_DEPTH + 4);
    cursor_t messages = cursor_of (span_of (reply->buffer.data, reply->buffer.size));
    uint32_t told, keys;
    uint64_t last = 0;
    span_t channel, key;
    envelope_t envelope;
    assert (cursor_map (&messages, &keys) && keys == 3);
    for (int i = 0; i < 4; i++) {
        assert (cursor_skip (&messages));
    }
    assert (cursor_str (&messages, &key) && span_eq (key, "messages"));
    assert (cursor_array (&messages, &told) && told == count);
    for (; told > 0; told--) {
        assert (message_next (&messages, &channel, &envelope) && span_eq (channel, "orders"));
        assert (envelope.id < GAP_FIRST || envelope.id > GAP_LAST);
        assert (envelope.id > AFTER && (!rising || envelope.id > last));
        assert (s_is_in_log (log, &envelope));
        last = envelope.id;
    }
    assert (messages.at == messages.end);
}

static void s_check_splice (const log_t *log, size_t limit, bool newest)
{
    static counters_t counters;
    reply_t reply;
    uint64_t after = AFTER;
    read_t read = {.floor = FLOOR, .gaps = &log->gaps, .members = &log->members};
    reply_ok (&reply, span_of (NULL, 0), 1);
    size_t at = reply_open_array (&reply, "messages");
    splice_t splice = {
        .reply = &reply, .counters = &counters, .limit = limit, .max_bytes = 4096, .max_reply_bytes = 4096};
    if (newest) {
        splice_newest (&splice, span_text ("orders"), &read);
    } else {
        bool all = splice_members (&splice, span_text ("orders"), &read, &after, UINT64_MAX);
        assert (all || splice.full);
    }
    assert (splice.count <= limit);
    reply_close_array (&reply, at, splice.count);
    s_check_reply (log, &reply, splice.count, !newest);
    msgpack_sbuffer_destroy (&reply.buffer);
}

//  What was taken

static bool s_on_taken (void *arg, span_t envelope, uint64_t attempt)
{
    uint64_t *last = arg;
    uint64_t id = envelope_id (envelope.data);
    assert (id > *last && id <= TAKEN_LAST && attempt == 1);
    *last = id;
    return true;
}

//  take.lua gave the ids from 1 to TAKEN_LAST.
static void s_check_taken (const log_t *log)
{
    enum { FIELDS = 7, RUNS = 4, LETTERS = 5 };
    redisReply numbers[] = {{.type = REDIS_REPLY_INTEGER, .integer = 1},
        {.type = REDIS_REPLY_INTEGER, .integer = TAKEN_LAST}, {.type = REDIS_REPLY_INTEGER, .integer = 1}};
    redisReply *run[] = {&numbers[0], &numbers[1], &numbers[2]};
    redisReply runs = {.type = REDIS_REPLY_ARRAY, .element = run, .elements = 3};
    redisReply none = {.type = REDIS_REPLY_ARRAY};
    redisReply *fields[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = i == RUNS ? &runs : i == LETTERS ? &none : &numbers[0];
    }
    redisReply answer = {.type = REDIS_REPLY_ARRAY, .element = fields, .elements = FIELDS};
    uint64_t last = 0;
    taken_t *taken = taken_new (&answer, s_on_taken, &last);
    taken_read_ahead (taken, 1, &log->members);
    taken_destroy (&taken);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    log_t log;
    s_read_log (&log, &input);
    for (size_t i = 0; i < log.members.elements; i++) {
        s_check_member (span_of (log.each[i].str, log.each[i].len));
    }
    s_check_splice (&log, 2, false);
    s_check_splice (&log, 1000, false);
    s_check_splice (&log, 1000, true);
    s_check_taken (&log);
    s_clear_log (&log);
    return 0;
}
