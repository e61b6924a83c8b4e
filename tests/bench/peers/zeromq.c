//  zeromq - the limit: PUSH to PULL over TCP on loopback, with nothing stored.
//
//  stream   [channel][payload] as fast as it goes
//  forward  the same, received and sent on: PUSH to PULL, PUB to SUB. The way of a message through a bridge that stores
//           nothing
//  round    one at a time: PUSH to PULL there, PUSH to PULL back

#include "peer.h"
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

typedef struct {
    void *context;
    uint64_t count;
    char to[64], back[64];  //  endpoints
    void *pull;             //  of who passes on
} route_t;

static void *s_socket (void *context, int kind)
{
    int timeout_ms = PEER_PATIENCE_S * 1000;
    void *socket = zmq_socket (context, kind);
    zmq_setsockopt (socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt (socket, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    return socket;
}

static void *s_bind (void *context, int kind, char *endpoint, size_t size)
{
    void *socket = s_socket (context, kind);
    if (zmq_bind (socket, "tcp://127.0.0.1:*") || zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size)) {
        peer_die ("bind: %s", zmq_strerror (zmq_errno ()));
    }
    return socket;
}

static void *s_connect (void *context, int kind, const char *endpoint)
{
    void *socket = s_socket (context, kind);
    if (zmq_connect (socket, endpoint)) {
        peer_die ("connect: %s", zmq_strerror (zmq_errno ()));
    }
    return socket;
}

static void s_send (void *push, const uint8_t *payload)
{
    if (zmq_send (push, "bench", 5, ZMQ_SNDMORE) < 0 || zmq_send (push, payload, PEER_PAYLOAD_BYTES, 0) < 0) {
        peer_die ("send: %s", zmq_strerror (zmq_errno ()));
    }
}

//  Receives both frames; the payload stays in `frame`.
static void s_receive (void *pull, zmq_msg_t *frame)
{
    if (zmq_msg_recv (frame, pull, 0) < 0 || !zmq_msg_more (frame) || zmq_msg_recv (frame, pull, 0) < 0 ||
        zmq_msg_size (frame) != PEER_PAYLOAD_BYTES) {
        peer_die ("receive: %s", zmq_strerror (zmq_errno ()));
    }
}

static void *s_produce (void *argument)
{
    route_t *route = argument;
    uint8_t *payload = peer_payload ();
    void *push = s_connect (route->context, ZMQ_PUSH, route->to);
    for (uint64_t number = 0; number < route->count; number++) {
        peer_stamp (payload, number);
        s_send (push, payload);
    }
    zmq_close (push);
    free (payload);
    return NULL;
}

//  Receives all, in order.
static void s_consume (const peer_t *peer, void *socket)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    for (uint64_t number = 0; number < peer->count; number++) {
        s_receive (socket, &frame);
        if (memcmp (zmq_msg_data (&frame), &number, PEER_NUMBER_BYTES) != 0) {
            peer_die ("message %llu is missing", (unsigned long long)number);
        }
    }
    zmq_msg_close (&frame);
}

static void s_stream (const peer_t *peer, route_t *route)
{
    void *pull = s_bind (route->context, ZMQ_PULL, route->to, sizeof route->to);
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, route);
    s_consume (peer, pull);
    peer_tell_rate (peer, start_ns);
    pthread_join (producer, NULL);
    zmq_close (pull);
}

static void *s_pass_on (void *argument)
{
    route_t *route = argument;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    void *pub = s_socket (route->context, ZMQ_XPUB);
    //  It waits for a slow subscriber, where a PUB would drop.
    int whole = 1;
    zmq_setsockopt (pub, ZMQ_XPUB_NODROP, &whole, sizeof whole);
    if (zmq_connect (pub, route->back) || zmq_msg_recv (&frame, pub, 0) < 0) {
        peer_die ("nobody has subscribed: %s", zmq_strerror (zmq_errno ()));
    }
    for (uint64_t left = 2 * route->count; left > 0; left--) {
        if (zmq_msg_recv (&frame, route->pull, 0) < 0 || zmq_msg_send (&frame, pub, left % 2 ? 0 : ZMQ_SNDMORE) < 0) {
            peer_die ("pass on: %s", zmq_strerror (zmq_errno ()));
        }
    }
    zmq_msg_close (&frame);
    zmq_close (route->pull);
    zmq_close (pub);
    return NULL;
}

static void s_forward (const peer_t *peer, route_t *route)
{
    void *sub = s_bind (route->context, ZMQ_SUB, route->back, sizeof route->back);
    zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0);
    route->pull = s_bind (route->context, ZMQ_PULL, route->to, sizeof route->to);
    pthread_t middle = peer_start (s_pass_on, route);
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, route);
    s_consume (peer, sub);
    peer_tell_rate (peer, start_ns);
    pthread_join (producer, NULL);
    pthread_join (middle, NULL);
    zmq_close (sub);
}

static void *s_echo (void *argument)
{
    route_t *route = argument;
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    void *pull = s_connect (route->context, ZMQ_PULL, route->to);
    void *push = s_connect (route->context, ZMQ_PUSH, route->back);
    for (uint64_t number = 0; number < route->count; number++) {
        s_receive (pull, &frame);
        s_send (push, zmq_msg_data (&frame));
    }
    zmq_msg_close (&frame);
    zmq_close (pull);
    zmq_close (push);
    return NULL;
}

static void s_round (const peer_t *peer, route_t *route)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    uint8_t *payload = peer_payload ();
    uint64_t *times_ns = calloc (peer->count, sizeof *times_ns);
    void *push = s_bind (route->context, ZMQ_PUSH, route->to, sizeof route->to);
    void *pull = s_bind (route->context, ZMQ_PULL, route->back, sizeof route->back);
    pthread_t echo = peer_start (s_echo, route);
    for (uint64_t number = 0; times_ns && number < peer->count; number++) {
        uint64_t sent_ns = peer_now_ns ();
        s_send (push, payload);
        s_receive (pull, &frame);
        times_ns[number] = peer_now_ns () - sent_ns;
    }
    peer_tell_times (times_ns, peer->count);
    pthread_join (echo, NULL);
    zmq_msg_close (&frame);
    zmq_close (push);
    zmq_close (pull);
    free (times_ns);
    free (payload);
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 0, (const char *const[]){"stream", "forward", "round", NULL});
    route_t route = {.context = zmq_ctx_new (), .count = peer.count};
    if (peer_does (&peer, "stream")) {
        s_stream (&peer, &route);
    } else if (peer_does (&peer, "forward")) {
        s_forward (&peer, &route);
    } else {
        s_round (&peer, &route);
    }
    zmq_ctx_term (route.context);
    return EXIT_SUCCESS;
}
