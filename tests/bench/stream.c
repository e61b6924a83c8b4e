//  stream - how fast one producer's messages are stored and received by one subscriber, and how long one takes alone.
//
//  stream PULL PUB [messages] [bytes]      endpoints of a running bridge; default 1,000,000 of 100 bytes
//
//  Each id is checked: a hole or a wrong order ends it with 1. Prints one line for each measure.

#include <czmq.h>
#include <pthread.h>

typedef struct {
    const char *pull;
    const char *channel;
    size_t messages;
    size_t bytes;
} producer_t;

static void s_send (void *push, const char *channel, const char *payload, size_t bytes)
{
    zmq_send (push, channel, strlen (channel), ZMQ_SNDMORE);
    zmq_send (push, payload, bytes, 0);
}

static void *s_produce (void *args)
{
    const producer_t *self = args;
    zsock_t *push = zsock_new_push (self->pull);
    zsock_set_linger (push, 10000);
    char *payload = calloc (1, self->bytes);
    for (size_t i = 0; i < self->messages; i++) {
        s_send (zsock_resolve (push), self->channel, payload, self->bytes);
    }
    free (payload);
    zsock_destroy (&push);
    return NULL;
}

//  Receives one message of the channel; returns its id, 0 after 10 s without one.
static uint64_t s_receive (void *sub)
{
    unsigned char envelope[65536];
    char channel[256];
    if (zmq_recv (sub, channel, sizeof channel, 0) < 0 || zmq_recv (sub, envelope, sizeof envelope, 0) < 0) {
        return 0;
    }
    uint64_t id = 0;
    for (int i = 2; i < 10; i++) {
        id = id << 8 | envelope[i];
    }
    return id;
}

static int s_compare (const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int s_measure_stream (void *sub, const producer_t *producer, uint64_t last)
{
    pthread_t thread;
    int64_t began_us = zclock_usecs ();
    pthread_create (&thread, NULL, s_produce, (void *)producer);
    for (size_t i = 0; i < producer->messages; i++) {
        uint64_t id = s_receive (sub);
        if (id != last + 1) {
            fprintf (stderr, "stream: id %" PRIu64 " after %" PRIu64 "\n", id, last);
            _exit (1);  //  the producer is still at it
        }
        last = id;
    }
    double seconds = (double)(zclock_usecs () - began_us) / 1e6;
    pthread_join (thread, NULL);
    printf ("stream messages=%zu bytes=%zu seconds=%.3f messages_per_second=%.0f\n", producer->messages,
        producer->bytes, seconds, (double)producer->messages / seconds);
    return 0;
}

static int s_measure_single (void *sub, const producer_t *producer, size_t rounds)
{
    zsock_t *push = zsock_new_push (producer->pull);
    char *payload = calloc (1, producer->bytes);
    int64_t *times = calloc (rounds, sizeof *times);
    int rc = 0;
    for (size_t i = 0; i < rounds && rc == 0; i++) {
        int64_t began_us = zclock_usecs ();
        s_send (zsock_resolve (push), producer->channel, payload, producer->bytes);
        rc = s_receive (sub) ? 0 : 1;
        times[i] = zclock_usecs () - began_us;
    }
    qsort (times, rounds, sizeof *times, s_compare);
    printf ("single rounds=%zu p50_us=%" PRId64 " p95_us=%" PRId64 " p99_us=%" PRId64 "\n", rounds, times[rounds / 2],
        times[rounds * 95 / 100], times[rounds * 99 / 100]);
    free (times);
    free (payload);
    zsock_destroy (&push);
    return rc;
}

int main (int argc, char **argv)
{
    if (argc < 3) {
        fprintf (stderr, "usage: stream PULL PUB [messages] [bytes]\n");
        return 2;
    }
    char channel[64];
    snprintf (channel, sizeof channel, "bench-%" PRId64, zclock_time ());
    producer_t producer = {argv[1], channel, argc > 3 ? strtoul (argv[3], NULL, 10) : 1000000,
        argc > 4 ? strtoul (argv[4], NULL, 10) : 100};
    zsock_t *sub = zsock_new (ZMQ_SUB);
    zsock_set_rcvhwm (sub, 0);
    zsock_set_rcvtimeo (sub, 10000);
    zsock_set_subscribe (sub, channel);
    int rc = zsock_connect (sub, "%s", argv[2]);
    //  The first message that comes back shows that the subscription stands.
    zsock_t *push = zsock_new_push (producer.pull);
    uint64_t last = 0;
    zsock_set_rcvtimeo (sub, 100);
    for (int i = 0; i < 50 && rc == 0 && last == 0; i++) {
        s_send (zsock_resolve (push), channel, "probe", 5);
        last = s_receive (zsock_resolve (sub));
    }
    while (s_receive (zsock_resolve (sub))) {
        last++;
    }
    zsock_set_rcvtimeo (sub, 10000);
    rc = last == 0;
    if (rc) {
        fprintf (stderr, "stream: nothing came back from %s\n", argv[2]);
    }
    rc = rc || s_measure_stream (zsock_resolve (sub), &producer, last) ||
         s_measure_single (zsock_resolve (sub), &producer, 5000);
    zsock_destroy (&push);
    zsock_destroy (&sub);
    return rc;
}
