/*  worker ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
 *
 *  It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
 *
 *      cc -o worker worker.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

#define WAIT_MS 2000

/*  May run again for a message whose ack did not come through in time: see to it that this does no harm. */
static bool work (uint64_t id, const msgpack_object_bin *payload, uint64_t attempt)
{
    printf ("%" PRIu64 " %" PRIu64 " %" PRIu32 " ", id, attempt, payload->size);
    fwrite (payload->ptr, 1, payload->size, stdout);
    printf ("\n");
    fflush (stdout);
    return attempt >= 3 || payload->size < 4 || memcmp (payload->ptr, "fail", 4) != 0;
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        errx (2, "usage: worker ROUTER CHANNEL NAME");
    }
    const char *channel = argv[2], *name = argv[3];
    void *context = zmq_ctx_new ();
    peer_t taker = connected (context, ZMQ_DEALER, argv[1]);
    peer_t settler = connected (context, ZMQ_DEALER, argv[1]); /* what was taken lasts while it is settled */
    zmq_setsockopt (taker.socket, ZMQ_RCVTIMEO, &(int){PATIENCE_MS + WAIT_MS}, sizeof (int));
    /*  What it held when it was killed. */
    ask (&settler, 3, "ss ss ss", "op", "release", "channel", channel, "consumer", name);
    for (;;) {
        const msgpack_object *taken = ask (&taker, 5, "ss s[1s su su ss", "op", "take", "channels", channel, "max",
            UINT64_C (10), "wait_ms", (uint64_t)WAIT_MS, "consumer", name);
        const msgpack_object_array messages = value_of (taken, "messages")->via.array;
        for (uint32_t i = 0; i < messages.size; i++) { /* channel, envelope, lease, attempt */
            const msgpack_object *items = messages.ptr[i].via.array.ptr, *envelope = items[1].via.array.ptr;
            const uint64_t id = envelope[0].via.u64, lease = items[2].via.u64;
            if (work (id, &envelope[3].via.bin, items[3].via.u64)) { /* `stale`: it took too long, another has it */
                ask (&settler, 3, "ss ss s[1[2uu", "op", "ack", "channel", channel, "items", id, lease);
            } else {
                ask (&settler, 5, "ss ss s[1[2uu su ss", "op", "nack", "channel", channel, "items", id, lease,
                    "delay_ms", UINT64_C (100), "reason", "it failed");
            }
        }
    }
}
