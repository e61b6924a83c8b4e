/*  subscriber PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
 *
 *  It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
 *  meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE
 *  with its work. To build it: cc -o subscriber subscriber.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

static const char *channel;
static void *sub, *dealer;
static uint64_t last, beat;
static char store[64], bridge[64];

static void work (const msgpack_object *envelope)
{
    const msgpack_object_bin payload = envelope->via.array.ptr[3].via.bin;
    last = envelope->via.array.ptr[0].via.u64;
    printf ("%" PRIu64 " %" PRIu32 " ", last, payload.size);
    fwrite (payload.ptr, 1, payload.size, stdout);
    printf ("\n");
    fflush (stdout);
}

/*  All that is stored above the last. */
static void replay (void)
{
    for (bool more = true; more;) {
        request_t request;
        frame_t frame;
        msgpack_packer *packer = begin (&request, "replay", channel, 1);
        pack_text (packer, "after");
        msgpack_pack_uint64 (packer, last);
        const msgpack_object *reply = ask (dealer, &request, &frame);
        const msgpack_object_array messages = value_of (reply, "messages")->via.array;
        const msgpack_object_array gaps = value_of (reply, "gaps")->via.array;
        for (uint32_t i = 0; i < gaps.size; i++) { /* [channel, first, last, why] */
            const msgpack_object *gap = gaps.ptr[i].via.array.ptr;
            const msgpack_object_str why = gap[3].via.str;
            printf ("hole %" PRIu64 " %" PRIu64 " %.*s\n", gap[1].via.u64, gap[2].via.u64, (int)why.size, why.ptr);
        }
        for (uint32_t i = 0; i < messages.size; i++) { /* [channel, envelope] */
            work (&messages.ptr[i].via.array.ptr[1]);
        }
        last = value_of (reply, "next")->via.u64;
        more = value_of (reply, "more")->via.boolean;
        release (&frame);
    }
}

static void on_beat (const msgpack_object *headers, const msgpack_object *heads)
{
    const msgpack_object_str new_store = value_of (headers, "store")->via.str;
    const msgpack_object_str new_bridge = value_of (headers, "bridge")->via.str;
    const uint64_t seq = value_of (headers, "seq")->via.u64;
    const msgpack_object *head = value_of (heads, channel);
    if (!is_text (value_of (headers, "store"), store)) {
        last = *store ? 0 : last; /* other data */
        snprintf (store, sizeof store, "%.*s", (int)new_store.size, new_store.ptr);
        printf ("store %s\n", store);
        fflush (stdout);
    }
    const bool is_new = !is_text (value_of (headers, "bridge"), bridge) || seq > beat + 5;
    snprintf (bridge, sizeof bridge, "%.*s", (int)new_bridge.size, new_bridge.ptr);
    beat = seq;
    if (is_new || (head && head->via.u64 > last)) {
        replay ();
    }
}

int main (int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        fprintf (stderr, "usage: subscriber PUB ROUTER CHANNEL [LAST STORE]\n");
        return 2;
    }
    void *context = zmq_ctx_new ();
    channel = argv[3];
    last = argc == 6 ? strtoull (argv[4], NULL, 10) : 0;
    snprintf (store, sizeof store, "%s", argc == 6 ? argv[5] : "");
    sub = connected (context, ZMQ_SUB, argv[1]);
    dealer = connected (context, ZMQ_DEALER, argv[2]);
    zmq_setsockopt (sub, ZMQ_SUBSCRIBE, channel, strlen (channel));
    zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "$heads", 6);
    for (;;) {
        char topic[256] = "";
        frame_t frame, beat_frame;
        zmq_recv (sub, topic, sizeof topic - 1, 0);
        const msgpack_object *items = receive (sub, &frame)->via.array.ptr; /* id, time_ms, headers, payload */
        if (strcmp (topic, "$heads") == 0) {
            msgpack_unpacked_init (&beat_frame.value);
            msgpack_unpack_next (&beat_frame.value, items[3].via.bin.ptr, items[3].via.bin.size, NULL);
            on_beat (&items[2], &beat_frame.value.data);
            msgpack_unpacked_destroy (&beat_frame.value);
        } else if (strcmp (topic, channel) == 0 && *bridge) { /* a subscription is a prefix; the first beat replays */
            if (items[0].via.u64 > last + 1) {
                replay ();
            }
            if (items[0].via.u64 > last) {
                work (&frame.value.data);
            }
        }
        release (&frame);
    }
}
