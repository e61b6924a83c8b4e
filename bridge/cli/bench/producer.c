//  producer - sends a producer's messages, on PUSH or by publish. Owns its sockets; in a runner's thread.
//
//  Without a rate a message is due when it is sent. With one, message n is due at its time whether or not the bridge
//  keeps up, and its latency counts from there: waiting is not hidden.

#include "asker.h"
#include "runner.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum {
    PUSH_HWM = 1000,
    TICK_NS = 200000  //  a faster sender sleeps for whole ticks, then sends all that is due: waking costs a core else
};

//  The producer's end: what it has sent is known. The last one sets the goal.
static void s_end (runner_t *self, uint32_t sent)
{
    run_t *run = self->run;
    run->sent[self->index] = sent;
    if (atomic_fetch_sub (&run->producing, 1) == 1) {
        uint64_t goal = 0;
        for (size_t at = 0; at < run->plan->producers; at++) {
            goal += run->sent[at];
        }
        atomic_store (&run->goal, goal);
    }
}

//  False when nothing more is to be sent, at the time `now`. What is due before the end is sent, also when it is late.
static bool s_goes_on (const runner_t *self, uint32_t number, uint64_t now)
{
    const run_t *run = self->run;
    const plan_t *plan = run->plan;
    uint64_t then = plan->rate > 0 ? run_due_ns (run, self->index, number) : now;
    return number < plan_share (plan, self->index) &&
           (plan->duration_ns == 0 || then < run->start_ns + plan->duration_ns) &&
           !atomic_load_explicit (&run->stop, memory_order_relaxed);
}

//  Stream

static void *s_new_push (const run_t *run)
{
    void *push = zmq_socket (run->context, ZMQ_PUSH);
    assert (push);
    int hwm = PUSH_HWM, timeout_ms = GRAIN_NS / 1000000;
    zmq_setsockopt (push, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt (push, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    keys_apply (&run->plan->keys, push);
    return push;
}

//  Sleeps until message `number` is due, or for a grain. Returns the time.
static uint64_t s_sleep (const runner_t *self, uint32_t number, uint64_t now)
{
    uint64_t due = run_due_ns (self->run, self->index, number);
    if (run_due_ns (self->run, self->index, number + 1) < due + TICK_NS) {
        due = self->run->start_ns + (due - self->run->start_ns + TICK_NS - 1) / TICK_NS * TICK_NS;
    }
    uint64_t until = due < now + GRAIN_NS ? due : now + GRAIN_NS;
    if (until > now) {
        struct timespec time = {(time_t)(until / SECOND_NS), (long)(until % SECOND_NS)};
        clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
        now = clock_ns ();
    }
    return now;
}

//  Waits for a grain until a message may be under way to each subscriber; -1: none may.
static int s_enter (run_t *run, size_t *entered)
{
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_nsec += GRAIN_NS;
    until.tv_sec += until.tv_nsec / (long)SECOND_NS;
    until.tv_nsec %= (long)SECOND_NS;
    for (; *entered < run->plan->subscribers; (*entered)++) {
        if (sem_trywait (&run->room) && sem_timedwait (&run->room, &until)) {
            return -1;
        }
    }
    *entered = 0;
    return 0;
}

//  Sends one message. Returns -1 with errno EAGAIN when the bridge takes nothing for a grain.
static int s_push (const runner_t *self, void *push, uint32_t number, uint64_t due)
{
    const plan_t *plan = self->run->plan;
    span_t name = plan->names[number % plan->channels];
    if (zmq_send (push, name.data, name.size, ZMQ_SNDMORE) < 0) {
        return -1;
    }
    zmq_msg_t payload;
    zmq_msg_init_size (&payload, plan->size);
    stamp_t stamp = {(uint16_t)plan->run, (uint16_t)self->index, number, due};
    run_stamp (self->run, zmq_msg_data (&payload), stamp);
    int rc = zmq_msg_send (&payload, push, 0);
    assert (rc >= 0);  //  a message that has begun is taken whole
    return 0;
}

void producer_push (runner_t *self)
{
    const plan_t *plan = self->run->plan;
    void *push = s_new_push (self->run);
    uint32_t number = 0;
    size_t entered = 0;
    uint64_t now = clock_ns (), moved_ns = now;
    if (zmq_connect (push, plan->push)) {
        runner_fail (self, "can't connect to --push %s: %s", plan->push, zmq_strerror (errno));
    }
    for (; s_goes_on (self, number, now); now = clock_ns ()) {
        if (plan->rate > 0 && (now = s_sleep (self, number, now)) < run_due_ns (self->run, self->index, number)) {
            moved_ns = now;
            continue;
        }
        bool held = plan->in_flight > 0 && s_enter (self->run, &entered);
        uint64_t due = plan->rate > 0        ? run_due_ns (self->run, self->index, number)
                       : plan->in_flight > 0 ? clock_ns ()
                                             : now;
        if (!held && !s_push (self, push, number, due)) {
            number++;
            moved_ns = now;
            runner_did (self, 1, now);
        } else if (now > moved_ns + run_patience_ns (self->run)) {
            runner_fail (self, held ? "nothing comes back on %s" : "the bridge takes nothing at --push %s",
                held ? plan->sub : plan->push);
        }
    }
    s_end (self, number);
    int linger_ms = (int)(run_patience_ns (self->run) / 1000000);
    zmq_setsockopt (push, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close (push);
}

//  Publish

typedef struct {
    runner_t *runner;
    asker_t *asker;
    uint32_t number;  //  of the next message
    struct request_s {
        uint32_t first, count;
        uint64_t sent_ns;
    } * requests;  //  by slot
    uint8_t *payload;
} publisher_t;

//  Messages that are due, up to a batch.
static uint32_t s_due (const publisher_t *self, uint64_t now)
{
    const run_t *run = self->runner->run;
    uint32_t left = plan_share (run->plan, self->runner->index) - self->number;
    uint32_t most = (uint32_t)plan_publish_batch (run->plan);
    most = most < left ? most : left;
    uint32_t count = run->plan->rate > 0 ? 0 : most;
    while (count < most && run_due_ns (run, self->runner->index, self->number + count) <= now) {
        count++;
    }
    return count;
}

static void s_publish (publisher_t *self, uint32_t count, uint64_t now)
{
    const run_t *run = self->runner->run;
    const plan_t *plan = run->plan;
    msgpack_packer *packer = asker_begin (self->asker, "publish", 1);
    pack_text (packer, "messages");
    msgpack_pack_array (packer, count);
    for (uint32_t at = 0; at < count; at++) {
        uint32_t number = self->number + at;
        uint64_t due = plan->rate > 0 ? run_due_ns (run, self->runner->index, number) : now;
        stamp_t stamp = {(uint16_t)plan->run, (uint16_t)self->runner->index, number, due};
        run_stamp (run, self->payload, stamp);
        msgpack_pack_array (packer, 2);
        pack_str (packer, plan->names[number % plan->channels]);
        msgpack_pack_bin (packer, plan->size);
        msgpack_pack_bin_body (packer, self->payload, plan->size);
    }
    self->requests[asker_send (self->asker)] = (struct request_s){self->number, count, now};
    self->number += count;
}

//  A reply has come: all of its messages are stored, or the run ends.
static void s_confirm (publisher_t *self, answer_t *answer, uint64_t now)
{
    const run_t *run = self->runner->run;
    const struct request_s *request = self->requests + answer->slot;
    cursor_t ids;
    uint32_t count = 0;
    if (!answer->ok) {
        runner_fail (self->runner, "publish: %s", answer->fault);
    } else if (!answer_value (answer, "ids", &ids) || !cursor_array (&ids, &count) || count != request->count) {
        runner_fail (self->runner, "publish: %u messages were sent, and %u ids came", request->count, count);
    }
    for (uint32_t at = 0; at < count && !self->runner->error[0]; at++) {
        uint64_t due =
            run->plan->rate > 0 ? run_due_ns (run, self->runner->index, request->first + at) : request->sent_ns;
        histogram_add (self->runner->latency, now - due);
    }
    runner_did (self->runner, count, now);
}

//  When to look up at the latest: at the next due time, if there is room.
static uint64_t s_next_ns (const publisher_t *self, uint64_t now)
{
    const run_t *run = self->runner->run;
    uint64_t due = UINT64_MAX;
    if (run->plan->rate > 0 && asker_has_room (self->asker) && s_goes_on (self->runner, self->number, now)) {
        due = run_due_ns (run, self->runner->index, self->number);
    }
    return due < now + GRAIN_NS ? due : now + GRAIN_NS;
}

static void s_publish_all (publisher_t *self)
{
    uint64_t now = clock_ns (), moved_ns = now;
    while (s_goes_on (self->runner, self->number, now) || asker_open (self->asker) > 0) {
        uint32_t count;
        while (asker_has_room (self->asker) && s_goes_on (self->runner, self->number, now) &&
               (count = s_due (self, now)) > 0) {
            s_publish (self, count, now);
            now = clock_ns ();
        }
        answer_t answer;
        bool idle = asker_open (self->asker) == 0;
        if (asker_take_until (self->asker, &answer, s_next_ns (self, now))) {
            do {
                now = clock_ns ();
                s_confirm (self, &answer, now);
                answer_clear (&answer);
            } while (asker_take (self->asker, &answer));
            moved_ns = now;
        } else if (!idle && now > moved_ns + run_patience_ns (self->runner->run)) {
            runner_fail (self->runner, "publish: no reply; is the bridge gone?");
            break;
        } else if (idle) {
            moved_ns = now;
        }
        now = clock_ns ();
    }
}

void producer_publish (runner_t *self)
{
    const plan_t *plan = self->run->plan;
    publisher_t publisher = {.runner = self,
        .asker = asker_new (self->run->context, plan->ask, plan->in_flight, &plan->keys),
        .requests = calloc (plan->in_flight, sizeof *publisher.requests),
        .payload = malloc (plan->size)};
    assert (publisher.asker && publisher.requests && publisher.payload);  //  main has connected there before
    s_publish_all (&publisher);
    s_end (self, publisher.number);
    asker_destroy (&publisher.asker);
    free (publisher.requests);
    free (publisher.payload);
}
