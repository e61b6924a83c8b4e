//  jobs - messages on their way to workers. In a pusher's thread; never waits for the socket.

#include <msgpack.h>
#include "envelope.h"
#include "jobs.h"

typedef struct {
    zmq_msg_t envelope;
    uint64_t attempt;
} job_t;

struct jobs {
    void *push;
    counters_t *counters;
    zmq_msg_t channel;
    char *group;
    uint64_t lease;
    uint64_t deadline_ms;
    job_t items[JOBS_MOST];
    size_t first;  //  that is not sent
    size_t count;
};

jobs_t *jobs_new (void *push, counters_t *counters)
{
    jobs_t *self = calloc (1, sizeof *self);
    self->push = push;
    self->counters = counters;
    zmq_msg_init (&self->channel);
    return self;
}

void jobs_destroy (jobs_t **self_p)
{
    jobs_t *self = *self_p;
    if (self) {
        jobs_drop (self, NULL, NULL);
        zmq_msg_close (&self->channel);
        free (self->group);
        free (self);
        *self_p = NULL;
    }
}

static void s_fill (zmq_msg_t *message, span_t bytes)
{
    zmq_msg_init_size (message, bytes.size);
    memcpy (zmq_msg_data (message), bytes.data, bytes.size);
}

void jobs_begin (jobs_t *self, span_t channel, span_t group, uint64_t lease, uint64_t deadline_ms)
{
    assert (jobs_count (self) == 0);
    zmq_msg_close (&self->channel);
    s_fill (&self->channel, channel);
    free (self->group);
    self->group = strndup (group.data, group.size);
    self->lease = lease;
    self->deadline_ms = deadline_ms;
    self->first = self->count = 0;
}

bool jobs_add (jobs_t *self, span_t envelope, uint64_t attempt)
{
    if (self->count == JOBS_MOST) {
        return false;
    }
    job_t *job = &self->items[self->count++];
    s_fill (&job->envelope, envelope);
    job->attempt = attempt;
    return true;
}

//  The third frame: {group, lease, attempt, deadline_ms}.
static void s_fill_lease (zmq_msg_t *message, const jobs_t *self, const job_t *job)
{
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"lease", self->lease}, {"attempt", job->attempt}, {"deadline_ms", self->deadline_ms}};
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init (&buffer);
    msgpack_packer_init (&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_map (&packer, 4);
    msgpack_pack_str_with_body (&packer, "group", strlen ("group"));
    msgpack_pack_str_with_body (&packer, self->group, strlen (self->group));
    for (size_t i = 0; i < 3; i++) {
        msgpack_pack_str_with_body (&packer, numbers[i].key, strlen (numbers[i].key));
        msgpack_pack_uint64 (&packer, numbers[i].value);
    }
    s_fill (message, span_of (buffer.data, buffer.size));
    msgpack_sbuffer_destroy (&buffer);
}

//  Returns false when no pipe has room. Once the first frame is taken, so is all.
static bool s_send (jobs_t *self, job_t *job)
{
    zmq_msg_t channel, lease;
    size_t size = zmq_msg_size (&job->envelope);
    zmq_msg_init (&channel);
    zmq_msg_copy (&channel, &self->channel);
    if (zmq_msg_send (&channel, self->push, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&channel);
        return false;
    }
    s_fill_lease (&lease, self, job);
    if (zmq_msg_send (&job->envelope, self->push, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&job->envelope);
    }
    if (zmq_msg_send (&lease, self->push, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (&lease);
    }
    self->counters->pushed_messages++;
    self->counters->pushed_bytes += size;
    self->counters->redelivered_messages += job->attempt > 1;
    return true;
}

size_t jobs_send (jobs_t *self)
{
    size_t sent = 0;
    while (self->first < self->count && s_send (self, &self->items[self->first])) {
        self->first++;
        sent++;
    }
    return sent;
}

size_t jobs_count (const jobs_t *self)
{
    return self->count - self->first;
}

void jobs_drop (jobs_t *self, jobs_fn *fn, void *arg)
{
    for (; self->first < self->count; self->first++) {
        zmq_msg_t *envelope = &self->items[self->first].envelope;
        if (fn) {
            fn (arg, envelope_id (zmq_msg_data (envelope)));
        }
        zmq_msg_close (envelope);
    }
}
