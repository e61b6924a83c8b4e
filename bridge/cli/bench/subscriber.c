//  subscriber - receives all messages of a stream on SUB. Owns the SUB; in a runner's thread.

#include "asker.h"
#include "runner.h"
#include <assert.h>
#include <errno.h>

enum {
    PROBE_MS = 50,
    CLOCK_EVERY = 16  //  of messages ready in a flood so many share a time: the clock costs a tenth of a message
};

static void *s_new (const run_t *run, int kind, int timeout_ms)
{
    int unlimited = 0;
    void *socket = zmq_socket (run->context, kind);
    assert (socket);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
    zmq_setsockopt (socket, ZMQ_LINGER, &unlimited, sizeof unlimited);
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt (socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    keys_apply (&run->plan->keys, socket);
    return socket;
}

//  Receives [channel][envelope] into two open messages; false when nothing comes.
static bool s_receive (void *sub, zmq_msg_t *channel, zmq_msg_t *envelope)
{
    return zmq_msg_recv (channel, sub, 0) >= 0 && zmq_msg_more (channel) && zmq_msg_recv (envelope, sub, 0) >= 0;
}

static span_t s_span (zmq_msg_t *frame)
{
    return span_of (zmq_msg_data (frame), zmq_msg_size (frame));
}

//  Sends probes to a channel of their own until one comes: then the subscription stands.
static bool s_probe (const run_t *run, void *sub, void *push)
{
    zmq_msg_t channel, envelope;
    zmq_msg_init (&channel);
    zmq_msg_init (&envelope);
    bool came = false;
    char name[PLAN_NAME_BYTES + 32];
    int size = snprintf (name, sizeof name, "%s.probe", run->plan->base);
    uint64_t until = clock_ns () + run->plan->patience_ns;
    while (!came && clock_ns () < until) {
        zmq_send (push, name, (size_t)size, ZMQ_SNDMORE);
        zmq_send (push, "probe", 5, 0);
        came = s_receive (sub, &channel, &envelope);
    }
    zmq_msg_close (&channel);
    zmq_msg_close (&envelope);
    return came;
}

void *subscriber_connect (const run_t *run, char *error, size_t error_size)
{
    const plan_t *plan = run->plan;
    void *sub = s_new (run, ZMQ_SUB, PROBE_MS), *push = s_new (run, ZMQ_PUSH, PROBE_MS);
    zmq_setsockopt (sub, ZMQ_SUBSCRIBE, plan->base, strlen (plan->base));
    bool stands = false;
    if (zmq_connect (sub, plan->sub)) {
        snprintf (error, error_size, "can't connect to --sub %s: %s", plan->sub, zmq_strerror (errno));
    } else if (zmq_connect (push, plan->push)) {
        snprintf (error, error_size, "can't connect to --push %s: %s", plan->push, zmq_strerror (errno));
    } else if (!s_probe (run, sub, push)) {
        snprintf (error, error_size, "what is sent to --push %s does not come back on --sub %s; name the bridge's own",
            plan->push, plan->sub);
    } else {
        int timeout_ms = GRAIN_NS / 1000000;
        zmq_setsockopt (sub, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
        stands = true;
    }
    zmq_close (push);
    if (!stands) {
        zmq_close (sub);
        sub = NULL;
    }
    return sub;
}

//  The same, and the time at which they came: of each, but in a flood. `ready`: how many have come since a wait.
static bool s_receive_at (
    const runner_t *self, zmq_msg_t *channel, zmq_msg_t *envelope, unsigned *ready, uint64_t *now_ns)
{
    const plan_t *plan = self->run->plan;
    bool waits = zmq_msg_recv (channel, self->socket, ZMQ_DONTWAIT) < 0;
    if (waits && zmq_msg_recv (channel, self->socket, 0) < 0) {
        return false;
    }
    *ready = waits ? 0 : *ready + 1;
    if (*ready % CLOCK_EVERY == 0 || plan->rate > 0 || plan->in_flight > 0) {
        *now_ns = clock_ns ();
    }
    return zmq_msg_more (channel) && zmq_msg_recv (envelope, self->socket, 0) >= 0;
}

//  A message has come; probes, of other subscribers too, are none of the run's.
static void s_take (runner_t *self, span_t channel, span_t envelope, uint64_t now_ns)
{
    run_t *run = self->run;
    arrival_t arrival = {.channel = channel, .ids = self->ids, .now_ns = now_ns};
    if (envelope_decode (&arrival.envelope, envelope.data, envelope.size) != envelope.size) {
        self->damaged++;
    } else if (span_eq (arrival.envelope.payload, "probe")) {
        return;
    } else if (runner_check (self, &arrival)) {
        runner_did (self, 1, arrival.now_ns);
        if (run->plan->in_flight > 0) {
            sem_post (&run->room);
        }
    }
}

//  Once all is there it listens until nothing has come for a grain: there may be doubles.
void subscriber_receive (runner_t *self)
{
    zmq_msg_t channel, envelope;
    zmq_msg_init (&channel);
    zmq_msg_init (&envelope);
    uint64_t last_ns = clock_ns (), now_ns = last_ns;
    unsigned ready = 0;
    do {
        while (s_receive_at (self, &channel, &envelope, &ready, &now_ns)) {
            s_take (self, s_span (&channel), s_span (&envelope), now_ns);
            last_ns = self->last_ns > last_ns ? self->last_ns : last_ns;
        }
        if (atomic_load (&self->run->producing) > 0) {
            last_ns = clock_ns ();
        }
    } while (runner_expects (self, tally_count (self->tally), last_ns));
    zmq_msg_close (&channel);
    zmq_msg_close (&envelope);
}
