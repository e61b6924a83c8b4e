/*  worker ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
 *
 *  It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
 *
 *      cc -o worker worker.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

static const char *channel, *name;
static void *dealer;

/*  May run again for a message whose ack did not come through in time: see to it that this does no harm. */
static bool work (uint64_t id, const msgpack_object_bin *payload, uint64_t attempt)
{
    printf ("%" PRIu64 " %" PRIu64 " %" PRIu32 " ", id, attempt, payload->size);
    fwrite (payload->ptr, 1, payload->size, stdout);
    printf ("\n");
    fflush (stdout);
    return attempt >= 3 || payload->size < 4 || memcmp (payload->ptr, "fail", 4) != 0;
}

static void settle (uint64_t id, uint64_t lease, bool is_done)
{
    request_t request;
    frame_t frame;
    msgpack_packer *packer = begin (&request, is_done ? "ack" : "nack", channel, is_done ? 1 : 3);
    pack_text (packer, "items");
    msgpack_pack_array (packer, 1);
    msgpack_pack_array (packer, 2);
    msgpack_pack_uint64 (packer, id);
    msgpack_pack_uint64 (packer, lease);
    if (!is_done) {
        pack_text (packer, "delay_ms");
        msgpack_pack_int (packer, 100);
        pack_text (packer, "reason");
        pack_text (packer, "it failed");
    }
    ask (dealer, &request, &frame); /* a `stale` in the answer: it took too long, and another has it */
    release (&frame);
}

/*  Gives back what it held when it was killed. */
static void release_all (void)
{
    request_t request;
    frame_t frame;
    msgpack_packer *packer = begin (&request, "release", channel, 1);
    pack_text (packer, "consumer");
    pack_text (packer, name);
    ask (dealer, &request, &frame);
    release (&frame);
}

static void take (void)
{
    request_t request;
    frame_t frame;
    msgpack_packer *packer = begin (&request, "take", NULL, 4);
    request.wait_ms = 2000;
    pack_text (packer, "channels");
    msgpack_pack_array (packer, 1);
    pack_text (packer, channel);
    pack_text (packer, "max");
    msgpack_pack_int (packer, 10);
    pack_text (packer, "wait_ms");
    msgpack_pack_int (packer, request.wait_ms);
    pack_text (packer, "consumer");
    pack_text (packer, name);
    const msgpack_object_array messages = value_of (ask (dealer, &request, &frame), "messages")->via.array;
    for (uint32_t i = 0; i < messages.size; i++) { /* [channel, envelope, lease, attempt] */
        const msgpack_object *items = messages.ptr[i].via.array.ptr, *envelope = items[1].via.array.ptr;
        const uint64_t id = envelope[0].via.u64;
        settle (id, items[2].via.u64, work (id, &envelope[3].via.bin, items[3].via.u64));
    }
    release (&frame);
}

int main (int argc, char **argv)
{
    if (argc != 4) {
        fprintf (stderr, "usage: worker ROUTER CHANNEL NAME\n");
        return 2;
    }
    channel = argv[2];
    name = argv[3];
    dealer = connected (zmq_ctx_new (), ZMQ_DEALER, argv[1]);
    release_all ();
    for (;;) {
        take ();
    }
}
