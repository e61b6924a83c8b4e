//  channel - one channel's batches, head and session. In the lane's thread; never talks to anything.
//
//  Invariants:
//  1. The queue is in the order of arrival; the first `sent` batches are in flight, in order.
//  2. Batch i of the queue (from 0) has the seq `seq + 1 + i` of the session. A seq is never used for two
//     different batches, since only a batch that Redis is known not to have stored may change.
//  3. While `refused` is not 0, nothing is sent, and none of the batches in flight changes or leaves the queue.
//  4. A batch in doubt never changes, and neither does what stands before it: a connection that was lost may still
//     hand it to Redis, under its seq.

#include "channel.h"
#include "store.h"

enum {
    //  With one batch at Redis and one on the way Redis never waits, and what comes meanwhile gathers; more go
    //  out only when they are full.
    IN_FLIGHT_AT_ONCE = 2
};

channel_t *channel_new (const config_t *config, span_t name)
{
    const char *prefix = config->prefix;
    channel_t *self = calloc (1, sizeof *self);
    self->pack = (uint32_t)config_policy (config, name)->pack;
    self->limits = config_limits (config, name);
    self->name = strndup (name.data, name.size);
    self->name_size = name.size;
    self->keys[0] = store_channel_key (prefix, name, "log");
    self->keys[1] = store_channel_key (prefix, name, "meta");
    self->keys[2] = store_channel_key (prefix, name, "gaps");
    self->keys[3] = store_channel_key (prefix, name, "ids");
    zmq_msg_init_size (&self->topic, name.size);
    memcpy (zmq_msg_data (&self->topic), name.data, name.size);
    return self;
}

void channel_destroy (channel_t **self_p)
{
    channel_t *self = *self_p;
    if (self) {
        while (self->first) {
            batch_t *batch = self->first;
            self->first = batch->next;
            batch_destroy (&batch);
        }
        while (self->held_first) {
            batch_t *batch = channel_unhold (self);
            batch_destroy (&batch);
        }
        for (int i = 0; i < 4; i++) {
            free (self->keys[i]);
        }
        zmq_msg_close (&self->topic);
        free (self->refusal);
        free (self->name);
        free (self);
        *self_p = NULL;
    }
}

batch_t *channel_batch (channel_t *self, size_t count, size_t bytes, size_t most, batch_t **spare)
{
    batch_t *last = self->last;
    if (last && batch_has_room (last, count, bytes) && (last->count == 0 || last->count + count <= most)) {
        return last;
    }
    if (self->last) {
        self->last->closed = true;
    }
    batch_t *batch = *spare ? *spare : batch_new ();
    *spare = NULL;
    batch_reset (batch, self->pack);
    batch->channel = self;
    if (self->last) {
        self->last->next = batch;
    } else {
        self->first = batch;
    }
    self->last = batch;
    self->queued++;
    return batch;
}

batch_t *channel_next (channel_t *self)
{
    if (self->refused || self->sent == self->queued || self->sent == CHANNEL_IN_FLIGHT) {
        return NULL;
    }
    batch_t *batch = self->first;
    for (size_t i = 0; i < self->sent; i++) {
        batch = batch->next;
    }
    return self->sent < IN_FLIGHT_AT_ONCE || batch->closed ? batch : NULL;
}

uint64_t channel_expects (const channel_t *self)
{
    //  What is in flight is announced too, and maybe before its reply comes: only what lies above it is known to be
    //  another writer's.
    uint64_t own = self->head + self->sent_messages;
    return (self->seen_head > own ? self->seen_head + self->sent_messages : own) + 1;
}

void channel_mark_sent (channel_t *self, batch_t *batch)
{
    batch->maybe_stored = true;
    self->sent++;
    self->sent_messages += batch->count;
}

static batch_t *s_take_first (channel_t *self)
{
    batch_t *batch = self->first;
    self->first = batch->next;
    if (!self->first) {
        self->last = NULL;
    }
    batch->next = NULL;
    self->queued--;
    return batch;
}

batch_t *channel_drop (channel_t *self)
{
    assert (self->sent == 0);
    return self->first ? s_take_first (self) : NULL;
}

batch_t *channel_confirm (channel_t *self)
{
    assert (self->sent > 0);
    batch_t *batch = s_take_first (self);
    self->sent--;
    self->sent_messages -= batch->count;
    self->seq++;
    return batch;
}

void channel_add_ready (ready_t *ready, channel_t *self)
{
    if (self->ready) {
        return;
    }
    self->ready = true;
    self->next_ready = NULL;
    if (ready->last) {
        ready->last->next_ready = self;
    } else {
        ready->first = self;
    }
    ready->last = self;
}

channel_t *channel_take_ready (ready_t *ready)
{
    channel_t *self = ready->first;
    if (self) {
        ready->first = self->next_ready;
        if (!ready->first) {
            ready->last = NULL;
        }
        self->ready = false;
    }
    return self;
}

void channel_grew (channel_t *self, uint64_t head, uint64_t time_ms)
{
    self->head = head > self->head ? head : self->head;
    self->time_ms = time_ms;
}

void channel_hold (channel_t *self, batch_t *batch)
{
    if (self->held_last) {
        self->held_last->next = batch;
    } else {
        self->held_first = batch;
    }
    self->held_last = batch;
}

batch_t *channel_unhold (channel_t *self)
{
    batch_t *batch = self->held_first;
    self->held_first = batch->next;
    if (!self->held_first) {
        self->held_last = NULL;
    }
    batch->next = NULL;
    return batch;
}

bool channel_refused (channel_t *self)
{
    assert (self->refused < self->sent);
    if (++self->refused < self->sent) {
        return false;
    }
    //  Only now may these change: until here each keeps its seq, since the connection may yet be lost.
    batch_t *batch = self->first;
    for (size_t i = 0; i < self->sent; i++, batch = batch->next) {
        batch->maybe_stored = batch->in_doubt;
    }
    self->sent = 0;
    self->sent_messages = 0;
    self->refused = 0;
    return true;
}

void channel_end_hold (channel_t *self)
{
    self->hold_until_ms = 0;
    free (self->refusal);
    self->refusal = NULL;
}

static void s_remove (channel_t *self, batch_t *before, batch_t *batch)
{
    if (before) {
        before->next = batch->next;
    } else {
        self->first = batch->next;
    }
    if (self->last == batch) {
        self->last = before;
    }
    self->queued--;
    batch_destroy (&batch);
}

void channel_withdraw (channel_t *self, const ask_t *ask, size_t *messages, size_t *bytes)
{
    //  All that a publish has for a channel is in one batch.
    batch_t *before = NULL, *batch = self->first;
    while (batch && !batch_waits (batch, ask)) {
        before = batch;
        batch = batch->next;
    }
    if (!batch) {
        return;
    }
    if (batch->maybe_stored) {
        batch_forget (batch, ask);
        return;
    }
    *bytes += batch_withdraw (batch, ask, messages);
    if (batch->count == 0) {
        s_remove (self, before, batch);
    }
}

void channel_lost (channel_t *self)
{
    batch_t *batch = self->first;
    for (size_t i = 0; i < self->sent; i++, batch = batch->next) {
        batch->in_doubt = true;
    }
    self->sent = 0;
    self->sent_messages = 0;
    self->refused = 0;
    self->listed = false;
    channel_end_hold (self);
}

void channel_renew_session (channel_t *self)
{
    self->session_no++;
    self->seq = 0;
}
