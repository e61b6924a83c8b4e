//  fanout - sends confirmed batches on the XPUB socket. In the lane's thread; never waits for a subscriber.

#include "fanout.h"
#include "limit.h"
#include "log.h"
#include "name.h"
#include "rate.h"
#include "socket.h"

//  What CURVE adds to a subscription.
enum { CURVE_EXTRA = 64 };

struct fanout {
    void *xpub;
    access_t *const *access;
    rate_t denials;
    bool is_heard;
};

fanout_t *fanout_new (
    const config_t *config, access_t *const *access, char *bound, size_t bound_size, char *error, size_t error_size)
{
    fanout_t *self = calloc (1, sizeof *self);
    self->xpub = socket_open (ZMQ_XPUB, 1000, (int)config->hwm, config);
    if (!self->xpub) {
        snprintf (error, error_size, "fanout.pub: cannot open a socket: %s", zmq_strerror (errno));
        fanout_destroy (&self);
        return NULL;
    }
    //  Nothing but subscriptions comes in, and ZeroMQ keeps each in many times its bytes.
    int64_t max_frame = LIMIT_SUBSCRIPTION_BYTES + CURVE_EXTRA;
    zmq_setsockopt (self->xpub, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame);
    //  Without VERBOSE a second subscriber to the same topic would be invisible.
    socket_set (self->xpub, ZMQ_XPUB_VERBOSE, 1);
    self->access = access;
    socket_set (self->xpub, ZMQ_XPUB_MANUAL, *access != NULL);
    socket_set (self->xpub, ZMQ_HEARTBEAT_IVL, 10000);
    socket_set (self->xpub, ZMQ_HEARTBEAT_TIMEOUT, 30000);
    if (socket_bind (self->xpub, "fanout.pub", &config->pub, bound, bound_size, error, error_size)) {
        fanout_destroy (&self);
    }
    return self;
}

void fanout_destroy (fanout_t **self_p)
{
    fanout_t *self = *self_p;
    if (self) {
        if (self->xpub) {
            zmq_close (self->xpub);
        }
        free (self);
        *self_p = NULL;
    }
}

void *fanout_socket (fanout_t *self)
{
    return self->xpub;
}

static void s_log_denial (fanout_t *self, const char *key, span_t topic)
{
    uint64_t count = rate_count (&self->denials);
    if (count) {
        char shown[NAME_SHOWN_SIZE];
        const char *client = access_client (*self->access, key);
        log_write (LEVEL_WARN, "lane", "subscription_denied", "count=%" PRIu64 " client=%s topic=\"%s\"", count,
            client ? client : "", name_shown (shown, topic));
    }
}

//  The first byte says whether it begins or ends, the others are the topic. In manual mode nothing holds but what is
//  set here, for the peer whose frame was read last.
//  LIMIT: it can't be taken back later, so what was granted holds until the peer is gone, whatever a reload says.
static void s_judge (fanout_t *self, zmq_msg_t *frame)
{
    const char *data = zmq_msg_data (frame), *key = zmq_msg_gets (frame, "User-Id");
    span_t topic = span_of (data + 1, zmq_msg_size (frame) - 1);
    if (data[0] == 0) {
        zmq_setsockopt (self->xpub, ZMQ_UNSUBSCRIBE, topic.data, topic.size);
    } else if (data[0] != 1) {
        return;
    } else if (access_allows_topic (*self->access, key, topic)) {
        zmq_setsockopt (self->xpub, ZMQ_SUBSCRIBE, topic.data, topic.size);
    } else {
        s_log_denial (self, key, topic);
    }
}

void fanout_read (fanout_t *self)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, self->xpub, ZMQ_DONTWAIT) >= 0) {
        if (*self->access && zmq_msg_size (&frame) > 0) {
            s_judge (self, &frame);
        }
        self->is_heard = true;
    }
    zmq_msg_close (&frame);
}

bool fanout_is_heard (fanout_t *self)
{
    //  XPUB may know of a subscription that has not been read yet.
    if (!self->is_heard) {
        fanout_read (self);
    }
    return self->is_heard;
}

//  XPUB never blocks: it drops for whoever is too slow, and the hole shows there.
static void s_send (void *xpub, zmq_msg_t *topic, zmq_msg_t *envelope)
{
    bool begun = zmq_msg_send (topic, xpub, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (!begun) {
        zmq_msg_close (topic);
    }
    //  Alone, an envelope would be taken for a topic.
    if (!begun || zmq_msg_send (envelope, xpub, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close (envelope);
    }
}

void fanout_send (fanout_t *self, channel_t *channel, span_t envelope)
{
    zmq_msg_t topic, body;
    zmq_msg_init (&topic);
    zmq_msg_copy (&topic, &channel->topic);
    zmq_msg_init_size (&body, envelope.size);
    memcpy (zmq_msg_data (&body), envelope.data, envelope.size);
    s_send (self->xpub, &topic, &body);
}

void fanout_send_beat (fanout_t *self, zmq_msg_t *envelope)
{
    zmq_msg_t topic;
    zmq_msg_init_size (&topic, strlen ("$heads"));
    memcpy (zmq_msg_data (&topic), "$heads", strlen ("$heads"));
    s_send (self->xpub, &topic, envelope);
}
