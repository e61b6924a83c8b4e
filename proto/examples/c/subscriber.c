/*  subscriber PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
 *
 *  It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
 *  meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE
 *  with its work. To build it: cc -o subscriber subscriber.c -lzmq -lmsgpack-c     (Debian 12: -lmsgpackc)
 */

#include "ask.h"

#define SILENCE_MS 6000 /* a beat comes each second, or the connection has died */

static const char *channel;
static peer_t sub, dealer;
static msgpack_unpacked nested; /* a beat's payload */
static uint64_t last, beat;
static text_t store, bridge;

static void work (const msgpack_object *envelope) /* id, time_ms, headers, payload */
{
    const msgpack_object_bin payload = envelope[3].via.bin;
    last = envelope[0].via.u64;
    printf ("%" PRIu64 " %" PRIu32 " ", last, payload.size);
    fwrite (payload.ptr, 1, payload.size, stdout);
    printf ("\n");
}

/*  All that is stored above the last. */
static void replay (void)
{
    for (bool more = true; more;) {
        const msgpack_object *reply = ask (&dealer, 3, "ss ss su", "op", "replay", "channel", channel, "after", last);
        const msgpack_object_array gaps = value_of (reply, "gaps")->via.array;
        const msgpack_object_array messages = value_of (reply, "messages")->via.array;
        for (uint32_t i = 0; i < gaps.size; i++) { /* channel, first, last, why */
            const msgpack_object *gap = gaps.ptr[i].via.array.ptr;
            printf ("hole %" PRIu64 " %" PRIu64 " %s\n", gap[1].via.u64, gap[2].via.u64, text_of (&gap[3]).text);
        }
        for (uint32_t i = 0; i < messages.size; i++) { /* channel, envelope */
            work (messages.ptr[i].via.array.ptr[1].via.array.ptr);
        }
        last = number_of (reply, "next");
        more = value_of (reply, "more")->via.boolean;
    }
}

static void on_beat (const msgpack_object *headers, const msgpack_object *heads)
{
    const text_t new_store = text_of (value_of (headers, "store")), new_bridge = text_of (value_of (headers, "bridge"));
    const uint64_t seq = number_of (headers, "seq");
    if (strcmp (new_store.text, store.text) != 0) {
        last = *store.text ? 0 : last; /* other data */
        printf ("store %s\n", new_store.text);
    }
    const bool is_new = strcmp (new_bridge.text, bridge.text) != 0 || seq > beat + 5;
    store = new_store;
    bridge = new_bridge;
    beat = seq;
    if (is_new || number_of (heads, channel) > last) {
        replay ();
    }
}

static peer_t listening (void *context, const char *pub)
{
    const int none = 0, silence_ms = SILENCE_MS;
    peer_t peer = connected (context, ZMQ_SUB, pub);
    zmq_setsockopt (peer.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (peer.socket, ZMQ_RCVTIMEO, &silence_ms, sizeof silence_ms);
    zmq_setsockopt (peer.socket, ZMQ_SUBSCRIBE, channel, strlen (channel));
    zmq_setsockopt (peer.socket, ZMQ_SUBSCRIBE, "$heads", 6);
    return peer;
}

int main (int argc, char **argv)
{
    if (argc != 4 && argc != 6) {
        errx (2, "usage: subscriber PUB ROUTER CHANNEL [LAST STORE]");
    }
    void *context = zmq_ctx_new ();
    channel = argv[3];
    last = argc == 6 ? strtoull (argv[4], NULL, 10) : 0;
    snprintf (store.text, sizeof store.text, "%s", argc == 6 ? argv[5] : "");
    sub = listening (context, argv[1]);
    dealer = connected (context, ZMQ_DEALER, argv[2]);
    for (;;) {
        char topic[256] = "";
        if (zmq_recv (sub.socket, topic, sizeof topic - 1, 0) < 0) {
            disconnect (&sub);
            sub = listening (context, argv[1]);
            continue;
        }
        const msgpack_object *envelope = receive (&sub)->via.array.ptr;
        if (strcmp (topic, "$heads") == 0) {
            msgpack_unpack_next (&nested, envelope[3].via.bin.ptr, envelope[3].via.bin.size, NULL);
            on_beat (&envelope[2], &nested.data);
        } else if (strcmp (topic, channel) == 0 && *bridge.text) { /* not its prefix; the first beat replays */
            if (envelope[0].via.u64 > last + 1) {
                replay ();
            }
            if (envelope[0].via.u64 > last) {
                work (envelope);
            }
        }
        fflush (stdout);
    }
}
