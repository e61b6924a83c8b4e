//  reader - reads all channels by replay, several requests ahead. Owns its asker; in a runner's thread.
//
//  Ids of a run in its channels go up to head without holes, so the ranges to ask for are known before: a request asks
//  for (after, until]. Replies may overtake each other and are worked in the order of their ranges, so that the order
//  of what was stored is seen; of a reply that was cut short the rest is asked for in its place.

#include "asker.h"
#include "runner.h"
#include <assert.h>
#include <stdlib.h>

typedef struct {
    size_t channel;
    uint64_t after, until;
    uint64_t asked_ns;
    bool answered;
    answer_t answer;
} range_t;

typedef struct {
    runner_t *runner;
    asker_t *asker;
    size_t window;
    size_t *of_slot;  //  which range an open request is for
    range_t *ranges;  //  a ring, the oldest at first
    size_t first, count;
    size_t channel;  //  the next range begins here
    uint64_t after;
} reader_t;

static void s_ask (reader_t *self, size_t at)
{
    const plan_t *plan = self->runner->run->plan;
    range_t *range = self->ranges + at;
    range->answered = false;
    range->asked_ns = clock_ns ();
    msgpack_packer *packer = asker_begin (self->asker, "replay", 4);
    pack_text (packer, "channel");
    pack_str (packer, plan->names[range->channel]);
    pack_text (packer, "after");
    msgpack_pack_uint64 (packer, range->after);
    pack_text (packer, "until");
    msgpack_pack_uint64 (packer, range->until);
    pack_text (packer, "limit");
    msgpack_pack_uint64 (packer, plan_read_batch (plan));
    self->of_slot[asker_send (self->asker)] = at;
}

//  The highest id of a channel, with all messages of the run in it.
static uint64_t s_head (const run_t *run, size_t channel)
{
    uint64_t head = run->before;
    for (size_t producer = 0; producer < run->plan->producers; producer++) {
        head += (run->sent[producer] + run->plan->channels - 1 - channel) / run->plan->channels;
    }
    return head;
}

//  Asks for ranges as long as there are more, and room for them.
static void s_fill (reader_t *self)
{
    const run_t *run = self->runner->run;
    while (self->count < self->window && self->channel < run->plan->channels && !atomic_load (&run->stop)) {
        uint64_t head = s_head (run, self->channel);
        if (self->after >= head) {
            self->channel++;
            self->after = run->before;
            continue;
        }
        uint64_t until = self->after + plan_read_batch (run->plan);
        size_t at = (self->first + self->count++) % self->window;
        self->ranges[at] =
            (range_t){.channel = self->channel, .after = self->after, .until = until < head ? until : head};
        self->after = self->ranges[at].until;
        s_ask (self, at);
    }
}

//  Checks the messages of the oldest range's reply.
static void s_work (reader_t *self, range_t *range)
{
    runner_t *runner = self->runner;
    cursor_t messages;
    uint32_t count = 0, pair;
    uint64_t fresh = 0;
    if (!range->answer.ok) {
        runner_fail (runner, "replay: %s", range->answer.fault);
    } else if (!answer_value (&range->answer, "messages", &messages) || !cursor_array (&messages, &count)) {
        runner_fail (runner, "replay: a reply without messages");
    }
    for (uint32_t at = 0; at < count; at++) {
        arrival_t arrival = {.ids = runner->ids};
        span_t envelope;
        if (!cursor_array (&messages, &pair) || pair != 2 || !cursor_str (&messages, &arrival.channel) ||
            !cursor_raw (&messages, &envelope) || !envelope_decode (&arrival.envelope, envelope.data, envelope.size)) {
            runner_fail (runner, "replay: message %u of a reply is none", at);
            break;
        }
        fresh += runner_check (runner, &arrival);
    }
    runner_did (runner, fresh, clock_ns ());
}

//  Works the replies whose turn it is.
static void s_work_ready (reader_t *self)
{
    while (self->count > 0 && self->ranges[self->first].answered) {
        range_t *range = self->ranges + self->first;
        s_work (self, range);
        uint64_t next = answer_uint (&range->answer, "next");
        answer_clear (&range->answer);
        range->answered = false;
        if (next > range->after && next < range->until && !self->runner->error[0]) {
            range->after = next;
            s_ask (self, self->first);
        } else {
            self->first = (self->first + 1) % self->window;
            self->count--;
        }
    }
}

static void s_read_all (reader_t *self)
{
    uint64_t moved_ns = clock_ns ();
    for (s_fill (self); self->count > 0; s_fill (self)) {
        answer_t answer;
        uint64_t now = clock_ns ();
        if (asker_take_until (self->asker, &answer, now + GRAIN_NS)) {
            range_t *range = self->ranges + self->of_slot[answer.slot];
            answer_move (&range->answer, &answer);
            range->answered = true;
            moved_ns = clock_ns ();
            histogram_add (self->runner->latency, moved_ns - range->asked_ns);
            s_work_ready (self);
        } else if (now > moved_ns + run_patience_ns (self->runner->run)) {
            runner_fail (self->runner, "replay: no reply; is the bridge gone?");
            break;
        }
    }
    for (size_t at = 0; at < self->window; at++) {
        if (self->ranges[at].answered) {
            answer_clear (&self->ranges[at].answer);
        }
    }
}

void reader_read (runner_t *self)
{
    const plan_t *plan = self->run->plan;
    size_t window = plan_read_window (plan);
    reader_t reader = {.runner = self,
        .asker = asker_new (self->run->context, plan->ask, window, &plan->keys),
        .window = window,
        .of_slot = calloc (window, sizeof *reader.of_slot),
        .ranges = calloc (window, sizeof *reader.ranges),
        .after = self->run->before};
    assert (reader.asker && reader.of_slot && reader.ranges);  //  main has connected there before
    s_read_all (&reader);
    asker_destroy (&reader.asker);
    free (reader.of_slot);
    free (reader.ranges);
}
