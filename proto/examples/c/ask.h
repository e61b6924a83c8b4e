/*  ask.h - what the three programs share: requests to a bridge, and values of its replies. */

#include <inttypes.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

/*  Every request is answered in that time and its wait_ms, or its bridge is gone. */
#define PATIENCE_MS 5000

/*  A received frame. What `value` holds points into `message`. */
typedef struct {
    zmq_msg_t message;
    msgpack_unpacked value;
} frame_t;

typedef struct {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    int wait_ms;
} request_t;

static inline void *connected (void *context, int type, const char *endpoint)
{
    void *socket = zmq_socket (context, type);
    if (!socket || zmq_connect (socket, endpoint) != 0) {
        fprintf (stderr, "%s: %s\n", endpoint, zmq_strerror (zmq_errno ()));
        exit (1);
    }
    return socket;
}

/*  The caller releases the frame, and what points into it is gone then. */
static inline const msgpack_object *receive (void *socket, frame_t *frame)
{
    zmq_msg_init (&frame->message);
    msgpack_unpacked_init (&frame->value);
    if (zmq_msg_recv (&frame->message, socket, 0) < 0 ||
        msgpack_unpack_next (&frame->value, zmq_msg_data (&frame->message), zmq_msg_size (&frame->message), NULL) < 0) {
        exit (1);
    }
    return &frame->value.data;
}

static inline void release (frame_t *frame)
{
    msgpack_unpacked_destroy (&frame->value);
    zmq_msg_close (&frame->message);
}

static inline bool is_text (const msgpack_object *value, const char *text)
{
    return value->via.str.size == strlen (text) && memcmp (value->via.str.ptr, text, strlen (text)) == 0;
}

/*  The value of a map's key, or NULL. */
static inline const msgpack_object *value_of (const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        if (is_text (&map->via.map.ptr[i].key, key)) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

static inline void pack_text (msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body (packer, text, strlen (text));
}

/*  Begins a request; the caller packs `others` more pairs, and then asks. */
static inline msgpack_packer *begin (request_t *request, const char *op, const char *channel, int others)
{
    request->wait_ms = 0;
    msgpack_sbuffer_init (&request->buffer);
    msgpack_packer_init (&request->packer, &request->buffer, msgpack_sbuffer_write);
    msgpack_pack_map (&request->packer, (channel ? 3 : 2) + others); /* the seq too */
    pack_text (&request->packer, "op");
    pack_text (&request->packer, op);
    if (channel) {
        pack_text (&request->packer, "channel");
        pack_text (&request->packer, channel);
    }
    return &request->packer;
}

/*  True: there is an answer to this very try, in the frame, which the caller releases. */
static inline bool is_answered (void *dealer, request_t *request, uint32_t seq, frame_t *frame)
{
    zmq_pollitem_t item = {dealer, 0, ZMQ_POLLIN, 0};
    while (zmq_poll (&item, 1, PATIENCE_MS + request->wait_ms) > 0) {
        if (value_of (receive (dealer, frame), "seq")->via.u64 == seq) {
            return true;
        }
        release (frame);
    }
    return false;
}

/*  Asks until it is answered well: the bridge may be gone for a while, or its Redis. Ends the request. Returns the
 *  reply, which is gone when the caller releases the frame. */
static inline const msgpack_object *ask (void *dealer, request_t *request, frame_t *frame)
{
    static uint32_t seq = 0;
    const size_t size = request->buffer.size;
    for (;;) {
        request->buffer.size = size;
        pack_text (&request->packer, "seq");
        msgpack_pack_uint32 (&request->packer, ++seq);
        zmq_send (dealer, request->buffer.data, request->buffer.size, 0);
        if (!is_answered (dealer, request, seq, frame)) {
            continue;
        }
        const msgpack_object *reply = &frame->value.data, *retry_ms = value_of (reply, "retry_ms");
        if (value_of (reply, "ok")->via.boolean) {
            msgpack_sbuffer_destroy (&request->buffer);
            return reply;
        }
        if (!retry_ms) {
            const msgpack_object_str text = value_of (reply, "message")->via.str;
            fprintf (stderr, "%.*s\n", (int)text.size, text.ptr);
            exit (1);
        }
        usleep (retry_ms->via.u64 * 1000);
        release (frame);
    }
}
