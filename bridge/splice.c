//  splice - puts stored envelopes into a reply. In control's thread.
//
//  A member may hold several envelopes back to back. What is no envelope was written there by hand, and is left out.

#include <stdlib.h>
#include "envelope.h"
#include "gaps.h"
#include "splice.h"

enum {
    MESSAGE_EXTRA = 16,  //  bytes of a message in a reply beyond its name and envelope, at most
    TAKEN_EXTRA = 34     //  and of one with lease and attempt
};

//  Returns whether one more goes in, and counts it.
static bool s_has_room (splice_t *self, span_t envelope, size_t extra)
{
    size_t reply_bytes = self->reply->buffer.size + envelope.size + extra;
    bool too_large = self->bytes + envelope.size > self->max_bytes || reply_bytes > self->max_reply_bytes;
    if (self->full || (self->count > 0 && too_large)) {
        self->full = true;
        return false;
    }
    self->count++;
    self->bytes += envelope.size;
    self->counters->reply_messages++;
    self->counters->reply_bytes += envelope.size;
    self->full = self->count == self->limit || self->bytes >= self->max_bytes;
    return true;
}

bool splice_envelope (splice_t *self, span_t channel, span_t envelope)
{
    if (!s_has_room (self, envelope, channel.size + MESSAGE_EXTRA)) {
        return false;
    }
    msgpack_pack_array (&self->reply->packer, 2);
    reply_str (self->reply, channel);
    reply_raw (self->reply, envelope);
    return true;
}

bool splice_taken (splice_t *self, span_t channel, span_t envelope, uint64_t lease, uint64_t attempt)
{
    if (!s_has_room (self, envelope, channel.size + TAKEN_EXTRA)) {
        return false;
    }
    self->counters->redelivered_messages += attempt > 1;
    msgpack_pack_array (&self->reply->packer, 4);
    reply_str (self->reply, channel);
    reply_raw (self->reply, envelope);
    msgpack_pack_uint64 (&self->reply->packer, lease);
    msgpack_pack_uint64 (&self->reply->packer, attempt);
    return true;
}

static bool s_splice_member (
    splice_t *self, span_t channel, const read_t *read, span_t member, uint64_t *after, uint64_t until)
{
    size_t at = 0, size;
    envelope_t envelope;
    while (at < member.size && (size = envelope_decode (&envelope, member.data + at, member.size - at)) > 0) {
        if (envelope.id > *after && envelope.id <= until && !gaps_hold (read->gaps, envelope.id)) {
            if (!splice_envelope (self, channel, span_of (member.data + at, size))) {
                return false;
            }
            *after = envelope.id;
        }
        at += size;
    }
    return true;
}

bool splice_members (splice_t *self, span_t channel, const read_t *read, uint64_t *after, uint64_t until)
{
    for (size_t i = 0; i < read->members->elements; i++) {
        const redisReply *member = read->members->element[i];
        if (!s_splice_member (self, channel, read, span_of (member->str, member->len), after, until)) {
            return false;
        }
    }
    return true;
}

//  Finds the envelopes of a member from the floor on that have a message. Returns their count; fills `to` unless it is
//  NULL.
static size_t s_find_envelopes (const read_t *read, span_t member, span_t *to)
{
    size_t at = 0, size, count = 0;
    envelope_t envelope;
    while (at < member.size && (size = envelope_decode (&envelope, member.data + at, member.size - at)) > 0) {
        if (envelope.id >= read->floor && !gaps_hold (read->gaps, envelope.id)) {
            if (to) {
                to[count] = span_of (member.data + at, size);
            }
            count++;
        }
        at += size;
    }
    return count;
}

static void s_splice_backwards (splice_t *self, span_t channel, const read_t *read, span_t member)
{
    size_t count = s_find_envelopes (read, member, NULL);
    span_t *envelopes = calloc (count + 1, sizeof *envelopes);
    s_find_envelopes (read, member, envelopes);
    while (count > 0 && splice_envelope (self, channel, envelopes[count - 1])) {
        count--;
    }
    free (envelopes);
}

void splice_newest (splice_t *self, span_t channel, const read_t *read)
{
    for (size_t i = 0; i < read->members->elements && !self->full; i++) {
        const redisReply *member = read->members->element[i];
        s_splice_backwards (self, channel, read, span_of (member->str, member->len));
    }
}
