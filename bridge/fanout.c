//  fanout - sends confirmed batches on the XPUB socket. In the lane's thread; never waits for a subscriber.

#include "fanout.h"
#include "socket.h"

struct fanout {
    void *xpub;
    bool is_heard;
};

fanout_t *fanout_new (const config_t *config, char *bound, size_t bound_size, char *error, size_t error_size)
{
    fanout_t *self = calloc (1, sizeof *self);
    self->xpub = socket_open (ZMQ_XPUB, 1000, (int)config->hwm, config);
    if (!self->xpub) {
        snprintf (error, error_size, "fanout.pub: cannot open a socket: %s", zmq_strerror (errno));
        fanout_destroy (&self);
        return NULL;
    }
    //  Without VERBOSE a second subscriber to the same topic would be invisible.
    socket_set (self->xpub, ZMQ_XPUB_VERBOSE, 1);
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

void fanout_read (fanout_t *self)
{
    char subscription[1];
    while (zmq_recv (self->xpub, subscription, sizeof subscription, ZMQ_DONTWAIT) >= 0) {
        self->is_heard = true;
    }
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
