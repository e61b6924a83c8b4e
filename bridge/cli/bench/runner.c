//  runner - what all threads of a run do alike.

#include "runner.h"
#include "asker.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

runner_t *runner_new (run_t *run, size_t index, void (*work) (runner_t *self), bool receives)
{
    runner_t *self = calloc (1, sizeof *self);
    assert (self);
    self->run = run;
    self->index = index;
    self->work = work;
    self->latency = histogram_new ();
    if (receives) {
        self->tally = tally_new (run->plan->producers, run->plan->channels);
        self->ids = calloc (run->plan->channels, sizeof *self->ids);
        assert (self->ids);
    }
    return self;
}

void runner_destroy (runner_t **self_p)
{
    runner_t *self = *self_p;
    if (self) {
        if (self->socket) {
            zmq_close (self->socket);
        }
        histogram_destroy (&self->latency);
        tally_destroy (&self->tally);
        free (self->ids);
        free (self);
        *self_p = NULL;
    }
}

static void *s_run (void *arg)
{
    runner_t *self = arg;
    prctl (PR_SET_TIMERSLACK, 1UL);  //  due times are kept to the microsecond, not to the usual 50
    self->work (self);
    uint64_t one = 1;
    ssize_t written = write (self->run->ended, &one, sizeof one);
    assert (written == sizeof one);
    return NULL;
}

void runner_start (runner_t *self)
{
    int rc = pthread_create (&self->thread, NULL, s_run, self);
    assert (rc == 0);
}

void runner_join (runner_t *self)
{
    pthread_join (self->thread, NULL);
}

void runner_fail (runner_t *self, const char *format, ...)
{
    if (!self->error[0]) {
        va_list args;
        va_start (args, format);
        vsnprintf (self->error, sizeof self->error, format, args);
        va_end (args);
    }
    atomic_store (&self->run->stop, true);
}

void runner_did (runner_t *self, uint64_t count, uint64_t now_ns)
{
    //  Nobody else writes it.
    uint64_t done = atomic_load_explicit (&self->done, memory_order_relaxed);
    atomic_store_explicit (&self->done, done + count, memory_order_relaxed);
    self->last_ns = now_ns;
}

//  Reads the head of a payload; false when it is none of this run, or not as it was sent.
static bool s_read_stamp (const run_t *run, span_t payload, stamp_t *stamp)
{
    const plan_t *plan = run->plan;
    if (payload.size != plan->size) {
        return false;
    }
    memcpy (stamp, payload.data, sizeof *stamp);
    return stamp->run == (uint16_t)plan->run && stamp->producer < plan->producers &&
           memcmp (payload.data + sizeof *stamp, run->filler + sizeof *stamp, plan->size - sizeof *stamp) == 0;
}

bool runner_check (runner_t *self, const arrival_t *arrival)
{
    const plan_t *plan = self->run->plan;
    stamp_t stamp;
    if (!s_read_stamp (self->run, arrival->envelope.payload, &stamp) ||
        span_compare (arrival->channel, plan->names[stamp.number % plan->channels]) != 0) {
        self->damaged++;
        return false;
    }
    tally_verdict_t verdict = tally_add (self->tally, stamp.producer, stamp.number);
    uint64_t *newest = arrival->ids + stamp.number % plan->channels;
    self->redelivered += arrival->redelivered;
    if (!arrival->redelivered) {
        self->doubles += verdict == TALLY_DOUBLE;
        self->late +=
            (verdict == TALLY_LATE && !arrival->shared) || (verdict != TALLY_DOUBLE && arrival->envelope.id <= *newest);
        *newest = arrival->envelope.id > *newest ? arrival->envelope.id : *newest;
    }
    if (arrival->now_ns && verdict != TALLY_DOUBLE) {
        histogram_add (self->latency, arrival->now_ns - stamp.due_ns);
    }
    return verdict != TALLY_DOUBLE;
}

uint64_t run_patience_ns (const run_t *self)
{
    uint64_t planned_ns = self->plan->patience_ns;
    return atomic_load (&self->stop) && planned_ns > SECOND_NS ? SECOND_NS : planned_ns;
}

bool runner_expects (const runner_t *self, uint64_t received, uint64_t last_ns)
{
    uint64_t goal = atomic_load (&self->run->goal);
    if (goal == UINT64_MAX) {
        return true;
    }
    return received < goal && clock_ns () < last_ns + run_patience_ns (self->run);
}

void run_stamp (const run_t *self, uint8_t *to, stamp_t stamp)
{
    memcpy (to, &stamp, sizeof stamp);
    memcpy (to + sizeof stamp, self->filler + sizeof stamp, self->plan->size - sizeof stamp);
}

uint64_t run_due_ns (const run_t *self, size_t producer, uint32_t number)
{
    const plan_t *plan = self->plan;
    double place = (double)number * (double)plan->producers + (double)producer;
    return self->start_ns + (uint64_t)(place * 1e9 / plan->rate);
}
