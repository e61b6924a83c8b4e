//  ingest - messages as PUSH and PUB peers send them: from their frames to the command that takes them to Redis.
//
//  Input: a byte for how many may share a member, a byte for which are left out at the end, then messages: a byte for the
//  count of frames, and the frames. What is refused goes to $rejected, in the same batch. Behind the MESSAGES-th nothing
//  is read: more would only be slow.

#include "fuzz.h"
#include <assert.h>
#include <stdlib.h>
#include "envelope.h"
#include "name.h"
#include "reject.h"
#include "scan.h"

enum {
    MESSAGES = 32,
    FRAMES = 4,
    PAYLOAD_MAX = 64,
    HEAD_ARGUMENTS = 18,  //  of append.lua's command, before the members
    FIRST = 999,          //  an id that gets a digit more within a batch
    TIME_MS = 1234567
};

//  Stands in for the lane's writer, for reject.c.
struct writer {
    batch_t *batch;
};

//  The channel is the batch's in the bridge; here messages of all channels share one.
void writer_store (writer_t *self, const message_t *message)
{
    batch_t *batch = self->batch;
    if (!batch_has_room (batch, 1, envelope_size (message))) {
        return;
    }
    batch_add (batch, message, NULL, 0);
    envelope_t envelope;
    span_t stored = batch_envelope (batch, batch->count - 1);
    assert (envelope_decode (&envelope, stored.data, stored.size) == stored.size);
    assert (span_equals (envelope.headers, message->headers) && span_equals (envelope.payload, message->payload));
}

static message_t s_message_of (span_t stored)
{
    envelope_t envelope;
    message_t message = {.channel = span_text ("x")};
    fault_t fault;
    assert (envelope_decode (&envelope, stored.data, stored.size) == stored.size);
    message.headers = envelope.headers;
    message.payload = envelope.payload;
    int rc = message_check (&message, &fault, SIZE_MAX);
    assert (rc == 0);
    return message;
}

//  Reads a number up to "\r\n".
static uint64_t s_read_number (span_t *command)
{
    uint64_t number = 0;
    size_t at = 0;
    for (; at < command->size && command->data[at] >= '0' && command->data[at] <= '9'; at++) {
        number = number * 10 + (uint64_t)(command->data[at] - '0');
    }
    assert (at > 0 && at + 2 <= command->size && memcmp (command->data + at, "\r\n", 2) == 0);
    *command = span_of (command->data + at + 2, command->size - at - 2);
    return number;
}

static uint64_t s_read_head (span_t *command, char kind)
{
    assert (command->size > 0 && command->data[0] == kind);
    *command = span_of (command->data + 1, command->size - 1);
    return s_read_number (command);
}

static span_t s_read_argument (span_t *command)
{
    size_t size = s_read_head (command, '$');
    assert (size + 2 <= command->size && memcmp (command->data + size, "\r\n", 2) == 0);
    span_t argument = span_of (command->data, size);
    *command = span_of (command->data + size + 2, command->size - size - 2);
    return argument;
}

static uint64_t s_number_of (span_t argument)
{
    uint64_t number = 0;
    assert (argument.size > 0);
    for (size_t at = 0; at < argument.size; at++) {
        assert (argument.data[at] >= '0' && argument.data[at] <= '9');
        number = number * 10 + (uint64_t)(argument.data[at] - '0');
    }
    return number;
}

//  A member: its score is the last id of its envelopes, which go on where those before have ended. Returns that id.
static uint64_t s_check_member (const batch_t *batch, span_t *command, uint64_t id)
{
    uint64_t score = s_number_of (s_read_argument (command));
    span_t member = s_read_argument (command);
    uint32_t count = 0;
    for (size_t at = 0, size; at < member.size; at += size) {
        envelope_t envelope;
        size = envelope_decode (&envelope, member.data + at, member.size - at);
        id++;
        assert (size > 0 && envelope.id == id && envelope.time_ms == TIME_MS);
        span_t stored = batch_envelope (batch, (size_t)(id - batch->first));
        assert (span_equals (stored, span_of (member.data + at, size)));
        count++;
    }
    assert (count >= 1 && count <= batch->pack && score == id);
    return id;
}

//  Index, header and value: as the header says, in the envelope that the index names.
static void s_check_wish (const batch_t *batch, span_t *command)
{
    uint64_t index = s_number_of (s_read_argument (command));
    span_t header = s_read_argument (command), value = s_read_argument (command);
    assert (index >= 1 && index <= batch->count);
    message_t message = s_message_of (batch_envelope (batch, index - 1));
    if (span_eq (header, "msg_id")) {
        assert (span_equals (value, message.msg_id));
    } else if (span_eq (header, "delay_ms")) {
        assert ((int64_t)s_number_of (value) == message.delay_ms);
    } else if (span_eq (header, "at_ms")) {
        assert ((int64_t)s_number_of (value) == message.at_ms);
    } else if (span_eq (header, "ttl_ms")) {
        assert ((int64_t)s_number_of (value) == message.ttl_ms);
    } else {
        assert (span_eq (header, "front") && message.front && span_eq (value, "1"));
    }
}

static size_t s_wishes (const batch_t *batch)
{
    size_t wishes = 0;
    for (size_t i = 0; i < batch->count; i++) {
        message_t message = s_message_of (batch_envelope (batch, i));
        wishes += (message.msg_id.size > 0) + (message.delay_ms >= 0) + (message.at_ms >= 0) + (message.ttl_ms >= 0) +
                  message.front;
    }
    return wishes;
}

//  The command is RESP to its last byte, and says all that the messages do.
static void s_check_command (batch_t *batch)
{
    static const append_t append = {.digest = "0123456789012345678901234567890123456789",
        .keys = {"zrb:{x}:log", "zrb:{x}:meta", "zrb:{x}:gaps", "zrb:{x}:ids"},
        .session = "session",
        .seq = 1,
        .epoch = "epoch",
        .announce = "zrb:appends",
        .channel = {"x", 1}};
    span_t command = batch_command (batch, &append, FIRST, TIME_MS);
    uint64_t arguments = s_read_head (&command, '*'), id = FIRST - 1;
    size_t wishes = s_wishes (batch);
    assert (arguments == HEAD_ARGUMENTS + 2 * batch->member_count + 3 * wishes);
    for (size_t i = 0; i < HEAD_ARGUMENTS; i++) {
        s_read_argument (&command);
    }
    for (size_t i = 0; i < batch->member_count; i++) {
        id = s_check_member (batch, &command, id);
    }
    assert (id == FIRST + batch->count - 1);
    for (size_t i = 0; i < wishes; i++) {
        s_check_wish (batch, &command);
    }
    assert (command.size == 0);
}

static void s_check_left_out (batch_t *batch, uint8_t which)
{
    size_t kept = 0;
    bool *out = calloc (batch->count + 1, sizeof *out);
    for (size_t i = 0; i < batch->count; i++) {
        out[i] = which >> i % 8 & 1;
        kept += !out[i];
    }
    batch_leave_out (batch, out);
    free (out);
    assert (batch->count == kept);
    if (kept > 0) {
        s_check_command (batch);
    }
}

//  As intake.c takes it.
static void s_take (writer_t *writer, const span_t *frames, size_t count)
{
    message_t message;
    fault_t fault;
    if (message_read (&message, &fault, frames, count, PAYLOAD_MAX) == 0) {
        check_message (&message, PAYLOAD_MAX);
        writer_store (writer, &message);
        return;
    }
    check_fault (&fault);
    assert (message.channel.size == 0 || name_is_text (message.channel));
    assert (span_is_inside (message.channel, frames[0]));
    assert (span_is_inside (message.payload, frames[count > 1]));
    reject (writer, message.channel, message.payload.data ? message.payload : frames[0], fault.message, "127.0.0.1");
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    writer_t writer = {batch_new ()};
    batch_reset (writer.batch, 1 + input_byte (&input));
    uint8_t which = input_byte (&input);
    for (int messages = 0; messages < MESSAGES && input.size > 0; messages++) {
        span_t frames[FRAMES];
        size_t count = 1 + input_byte (&input) % FRAMES;
        for (size_t i = 0; i < count; i++) {
            frames[i] = input_frame (&input);
        }
        s_take (&writer, frames, count);
        for (size_t i = 0; i < count; i++) {
            frame_free (frames[i]);
        }
    }
    if (writer.batch->count > 0) {
        s_check_command (writer.batch);
        s_check_left_out (writer.batch, which);
    }
    batch_destroy (&writer.batch);
    return 0;
}
