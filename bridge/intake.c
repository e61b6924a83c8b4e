//  intake - the PULL and SUB sockets. In the lane's thread; never waits, and no message stops those behind it.

#include "intake.h"
#include "log.h"
#include "rate.h"
#include "reject.h"
#include "socket.h"

enum { FRAMES = 4 };  //  one more than a message may have; the rest is read and dropped

struct intake {
    const config_t *config;
    access_t *const *access;
    writer_t *writer;
    counters_t *counters;
    void *pull;
    void *sub;
    rate_t rejections;
};

intake_t *intake_new (const config_t *config, access_t *const *access, writer_t *writer, counters_t *counters,
    char *bound, size_t bound_size, char *error, size_t error_size)
{
    intake_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->access = access;
    self->writer = writer;
    self->counters = counters;
    self->pull = socket_open (ZMQ_PULL, 1000, 1, config);
    self->sub = socket_open (ZMQ_SUB, 1000, 1, config);
    if (!self->pull || !self->sub) {
        snprintf (error, error_size, "ingest: cannot open a socket: %s", zmq_strerror (errno));
        intake_destroy (&self);
        return NULL;
    }
    zmq_setsockopt (self->sub, ZMQ_SUBSCRIBE, "", 0);
    if (socket_bind (self->pull, "ingest.pull", &config->pull, bound, bound_size, error, error_size) ||
        socket_bind (self->sub, "ingest.sub", &config->sub, bound, bound_size, error, error_size)) {
        intake_destroy (&self);
    }
    return self;
}

void intake_destroy (intake_t **self_p)
{
    intake_t *self = *self_p;
    if (self) {
        if (self->pull) {
            zmq_close (self->pull);
        }
        if (self->sub) {
            zmq_close (self->sub);
        }
        free (self);
        *self_p = NULL;
    }
}

void *intake_pull (intake_t *self)
{
    return self->pull;
}

void *intake_sub (intake_t *self)
{
    return self->sub;
}

//  Rejected messages

static void s_log_rejection (intake_t *self, const char *reason, const char *peer)
{
    uint64_t count = rate_count (&self->rejections);
    if (count) {
        log_write (LEVEL_WARN, "lane", "rejected", "count=%" PRIu64 " reason=\"%s\" peer=%s", count, reason, peer);
    }
}

//  Stores under $rejected what broke a rule: as much of it as could be told apart.
static void s_reject (intake_t *self, const message_t *message, const fault_t *fault, zmq_msg_t *frame, span_t raw)
{
    const char *peer = zmq_msg_gets (frame, "Peer-Address");
    peer = peer ? peer : "";
    self->counters->rejected_messages++;
    self->counters->rejects[reason_of (fault->code)]++;
    s_log_rejection (self, fault->message, peer);
    reject (self->writer, message->channel, message->payload.data ? message->payload : raw, fault->message, peer);
}

static bool s_may_publish (intake_t *self, zmq_msg_t *frame, span_t channel)
{
    access_t *access = *self->access;
    return !access || access_allows (access, zmq_msg_gets (frame, "User-Id"), RIGHT_PUBLISH, channel);
}

static void s_take (intake_t *self, zmq_msg_t *frames, size_t count)
{
    span_t spans[FRAMES];
    for (size_t i = 0; i < count; i++) {
        spans[i] = span_of (zmq_msg_data (&frames[i]), zmq_msg_size (&frames[i]));
    }
    message_t message;
    fault_t fault;
    if (message_read (&message, &fault, spans, count, (size_t)self->config->max_message_bytes)) {
        s_reject (self, &message, &fault, &frames[0], spans[0]);
    } else if (!s_may_publish (self, &frames[0], message.channel)) {
        fault_set (&fault, CODE_DENIED, "denied");
        s_reject (self, &message, &fault, &frames[0], spans[0]);
    } else {
        self->counters->received_bytes += message.payload.size + message.headers.size;
        writer_store (self->writer, &message);
    }
}

//  Reads the frames of one message; returns how many there are, FRAMES for more, 0 when none has arrived.
static size_t s_receive (void *socket, zmq_msg_t *frames)
{
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t surplus, *frame = count < FRAMES ? &frames[count] : &surplus;
        zmq_msg_init (frame);
        if (zmq_msg_recv (frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (frame);
            break;
        }
        more = zmq_msg_more (frame);
        if (frame == &surplus) {
            zmq_msg_close (frame);
        } else {
            count++;
        }
    }
    return count;
}

size_t intake_read (intake_t *self, void *socket, size_t most)
{
    size_t read = 0;
    uint64_t bytes = self->counters->received_bytes;
    while (read < most && !writer_is_full (self->writer)) {
        zmq_msg_t frames[FRAMES];
        size_t count = s_receive (socket, frames);
        if (count == 0) {
            break;
        }
        s_take (self, frames, count);
        for (size_t i = 0; i < count; i++) {
            zmq_msg_close (&frames[i]);
        }
        read++;
    }
    counters_t *counters = self->counters;
    bool pull = socket == self->pull;
    *(pull ? &counters->pull_messages : &counters->sub_messages) += read;
    *(pull ? &counters->pull_bytes : &counters->sub_bytes) += counters->received_bytes - bytes;
    return read;
}
