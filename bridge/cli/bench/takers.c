//  takers - take the messages of a queue, work them in no time, and ack. Own an asker each; all in one runner's thread,
//  so that what one has not got can be seen to have come to another.

#include "asker.h"
#include "runner.h"
#include <assert.h>
#include <stdlib.h>

enum { WAIT_MS = 1000 };

typedef struct {
    runner_t *runner;
    asker_t *asker;
    bool takes;     //  a take is open
    size_t *acked;  //  by slot: messages of an ack; 0: a take
    uint64_t *ids;  //  the newest of each channel
} taker_t;

static void s_take (taker_t *self)
{
    const plan_t *plan = self->runner->run->plan;
    msgpack_packer *packer = asker_begin (self->asker, "take", 5);
    pack_text (packer, "channels");
    msgpack_pack_array (packer, 1);
    if (plan->channels == 1) {
        pack_str (packer, plan->names[0]);
    } else {
        size_t size = strlen (plan->base);
        msgpack_pack_str (packer, size + 2);
        msgpack_pack_str_body (packer, plan->base, size);
        msgpack_pack_str_body (packer, ".*", 2);
    }
    pack_text (packer, "group");
    pack_text (packer, self->runner->run->plan->group);
    pack_text (packer, "max");
    msgpack_pack_uint64 (packer, plan->batch);
    pack_text (packer, "wait_ms");
    msgpack_pack_uint64 (packer, WAIT_MS);
    //  Where main has made it, a take that is left behind is not to make it again at the first message.
    pack_text (packer, "create");
    if (plan->channel) {
        msgpack_pack_false (packer);
    } else {
        msgpack_pack_true (packer);
    }
    self->acked[asker_send (self->asker)] = 0;
    self->takes = true;
}

//  Settles `count` messages, which are all that one lease holds of a channel.
static void s_ack (taker_t *self, span_t channel, uint64_t lease, size_t count)
{
    msgpack_packer *packer = asker_begin (self->asker, "ack", 3);
    pack_text (packer, "channel");
    pack_str (packer, channel);
    pack_text (packer, "group");
    pack_text (packer, self->runner->run->plan->group);
    pack_text (packer, "lease");
    msgpack_pack_uint64 (packer, lease);
    self->acked[asker_send (self->asker)] = count;
}

//  Reads [channel, envelope, lease, attempt]; false when it is none.
static bool s_read (cursor_t *messages, arrival_t *arrival, uint64_t *lease)
{
    uint32_t items;
    uint64_t attempt;
    span_t envelope;
    if (!cursor_array (messages, &items) || items < 4 || !cursor_str (messages, &arrival->channel) ||
        !cursor_raw (messages, &envelope) || !cursor_uint (messages, lease) || !cursor_uint (messages, &attempt)) {
        return false;
    }
    for (; items > 4; items--) {
        cursor_skip (messages);
    }
    arrival->redelivered = attempt > 1;
    return envelope_decode (&arrival->envelope, envelope.data, envelope.size) > 0;
}

//  Checks what was taken, and acks each lease once its last message has been seen.
static void s_work (taker_t *self, answer_t *answer, uint64_t now)
{
    cursor_t messages;
    uint32_t count;
    if (!answer_value (answer, "messages", &messages) || !cursor_array (&messages, &count)) {
        runner_fail (self->runner, "take: a reply without messages");
        return;
    }
    span_t channel = span_of (NULL, 0);
    uint64_t lease = 0;
    size_t held = 0;
    for (uint32_t at = 0; at < count; at++) {
        arrival_t arrival = {.ids = self->ids, .now_ns = now, .shared = true};
        uint64_t next;
        if (!s_read (&messages, &arrival, &next)) {
            runner_fail (self->runner, "take: message %u of a reply is none", at);
            return;
        }
        if (held > 0 && (next != lease || span_compare (channel, arrival.channel) != 0)) {
            s_ack (self, channel, lease, held);
            held = 0;
        }
        channel = arrival.channel;
        lease = next;
        held++;
        runner_check (self->runner, &arrival);
    }
    if (held > 0) {
        s_ack (self, channel, lease, held);
    }
}

//  An ack's reply: `done` lists those that this call has settled.
static void s_settle (taker_t *self, answer_t *answer, size_t count, uint64_t now)
{
    cursor_t ids;
    uint32_t done = 0;
    if (!answer_value (answer, "done", &ids) || !cursor_array (&ids, &done)) {
        runner_fail (self->runner, "ack: a reply without what was done");
        return;
    }
    self->runner->unsettled += done < count ? count - done : 0;
    runner_did (self->runner, done, now);
}

//  Open requests of a taker: one take, and acks, of which a take may bring as many as messages.
static size_t s_window (const plan_t *plan)
{
    return 4 * plan->batch + 1;
}

static void s_take_next (taker_t *self)
{
    const plan_t *plan = self->runner->run->plan;
    if (!self->takes && s_window (plan) - asker_open (self->asker) > plan->batch) {
        s_take (self);
    }
}

static void s_on_answer (taker_t *self, answer_t *answer)
{
    size_t count = self->acked[answer->slot];
    uint64_t now = clock_ns ();
    self->takes = self->takes && count > 0;
    if (!answer->ok) {
        runner_fail (self->runner, "%s: %s", count ? "ack" : "take", answer->fault);
    } else if (count) {
        s_settle (self, answer, count, now);
    } else {
        s_take_next (self);  //  the bridge is not to wait while these are worked
        s_work (self, answer, now);
    }
}

//  One round of all takers. Returns their open acks.
static size_t s_turn (taker_t *takers, size_t count)
{
    size_t acks = 0;
    for (size_t at = 0; at < count; at++) {
        taker_t *taker = takers + at;
        answer_t answer;
        while (asker_take (taker->asker, &answer)) {
            s_on_answer (taker, &answer);
            answer_clear (&answer);
        }
        acks += asker_open (taker->asker) - taker->takes;
        s_take_next (taker);
    }
    return acks;
}

static void s_take_all (runner_t *self, taker_t *takers, asker_t *const *askers)
{
    size_t count = self->run->plan->takers, acks = 0;
    uint64_t moved_ns = clock_ns (), settled = 0;
    while (!self->error[0] && (acks > 0 || runner_expects (self, tally_count (self->tally), moved_ns))) {
        acks = s_turn (takers, count);
        uint64_t now = clock_ns ();
        if (atomic_load (&self->run->producing) > 0 || settled != tally_count (self->tally) + self->last_ns) {
            settled = tally_count (self->tally) + self->last_ns;
            moved_ns = now;
        } else if (acks > 0 && now > moved_ns + run_patience_ns (self->run)) {
            runner_fail (self, "ack: no reply; is the bridge gone?");
        }
        asker_wait (askers, count, now + GRAIN_NS);
    }
}

void takers_take (runner_t *self)
{
    const plan_t *plan = self->run->plan;
    taker_t *takers = calloc (plan->takers, sizeof *takers);
    asker_t **askers = calloc (plan->takers, sizeof *askers);
    assert (takers && askers);
    for (size_t at = 0; at < plan->takers; at++) {
        askers[at] = asker_new (self->run->context, plan->ask, s_window (plan), &plan->keys);
        takers[at] = (taker_t){.runner = self,
            .asker = askers[at],
            .acked = calloc (s_window (plan), sizeof *takers[at].acked),
            .ids = calloc (plan->channels, sizeof *takers[at].ids)};
        assert (askers[at] && takers[at].acked && takers[at].ids);  //  main has connected there before
    }
    s_take_all (self, takers, askers);
    for (size_t at = 0; at < plan->takers; at++) {
        asker_destroy (&askers[at]);
        free (takers[at].acked);
        free (takers[at].ids);
    }
    free (takers);
    free (askers);
}
