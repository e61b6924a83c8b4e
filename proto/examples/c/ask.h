/*  ask.h - what the three programs share: a socket with what came on it last, requests to a bridge, their replies. */

#include <err.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_MS 5000 /* a request is answered in that time (and its wait_ms), or its bridge is gone */

/*  What `value` holds points into `frame`; both are gone when the next frame comes. */
typedef struct {
    void *socket;
    uint64_t seq;
    zmq_msg_t frame;
    msgpack_unpacked value;
} peer_t;

typedef struct {
    char text[200];
} text_t;

static inline peer_t connected (void *context, int type, const char *endpoint)
{
    peer_t peer = {zmq_socket (context, type), 0, {{0}}, {0}};
    const int patience_ms = PATIENCE_MS;
    zmq_msg_init (&peer.frame);
    zmq_setsockopt (peer.socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    if (type != ZMQ_SUB) { /* finds out that a connection has died without a word */
        zmq_setsockopt (peer.socket, ZMQ_HEARTBEAT_IVL, &patience_ms, sizeof patience_ms);
    }
    if (zmq_connect (peer.socket, endpoint) != 0) {
        errx (1, "%s: %s", endpoint, zmq_strerror (zmq_errno ()));
    }
    return peer;
}

static inline void disconnect (peer_t *peer)
{
    zmq_close (peer->socket);
    zmq_msg_close (&peer->frame);
    msgpack_unpacked_destroy (&peer->value);
}

/*  The next frame's value, or NULL when none came in time. */
static inline const msgpack_object *receive (peer_t *peer)
{
    const int size = zmq_msg_recv (&peer->frame, peer->socket, 0);
    return size > 0 && msgpack_unpack_next (&peer->value, zmq_msg_data (&peer->frame), size, NULL) > 0
               ? &peer->value.data
               : NULL;
}

/*  The value of a map's key, or NULL. */
static inline const msgpack_object *value_of (const msgpack_object *map, const char *key)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_str name = map->via.map.ptr[i].key.via.str;
        if (name.size == strlen (key) && memcmp (name.ptr, key, name.size) == 0) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

/*  0 where the map has no such key. */
static inline uint64_t number_of (const msgpack_object *map, const char *key)
{
    const msgpack_object *value = value_of (map, key);
    return value ? value->via.u64 : 0;
}

static inline text_t text_of (const msgpack_object *value)
{
    text_t text;
    snprintf (text.text, sizeof text.text, "%.*s", (int)value->via.str.size, value->via.str.ptr);
    return text;
}

/*  Packs what the format's letters say: `s` a text, `b` bytes and their size_t, `u` a uint64_t; `[` and `{` begin an
 *  array and a map of as many items as the digit behind them says. */
static inline void pack (msgpack_packer *packer, const char *format, va_list values)
{
    for (; *format; format++) {
        if (*format == '[') {
            msgpack_pack_array (packer, *++format - '0');
        } else if (*format == '{') {
            msgpack_pack_map (packer, *++format - '0');
        } else if (*format == 'u') {
            msgpack_pack_uint64 (packer, va_arg (values, uint64_t));
        } else if (*format == 's') {
            const char *text = va_arg (values, const char *);
            msgpack_pack_str_with_body (packer, text, strlen (text));
        } else if (*format == 'b') {
            const char *bytes = va_arg (values, const char *);
            msgpack_pack_bin_with_body (packer, bytes, va_arg (values, size_t));
        }
    }
}

/*  Sends a map of as many pairs, and its seq, until it is answered well: the bridge may be gone for a while, or its
 *  Redis. The reply lasts until the peer receives again. */
static inline const msgpack_object *ask (peer_t *peer, int pairs, const char *format, ...)
{
    for (;;) {
        va_list values;
        msgpack_sbuffer request;
        msgpack_packer packer;
        msgpack_sbuffer_init (&request);
        msgpack_packer_init (&packer, &request, msgpack_sbuffer_write);
        msgpack_pack_map (&packer, pairs + 1);
        va_start (values, format);
        pack (&packer, format, values);
        va_end (values);
        msgpack_pack_str_with_body (&packer, "seq", 3);
        msgpack_pack_uint64 (&packer, ++peer->seq);
        zmq_send (peer->socket, request.data, request.size, 0);
        msgpack_sbuffer_destroy (&request);
        const msgpack_object *reply = receive (peer);
        while (reply && number_of (reply, "seq") != peer->seq) { /* to an earlier try */
            reply = receive (peer);
        }
        if (reply && value_of (reply, "ok")->via.boolean) {
            return reply;
        }
        if (reply && !value_of (reply, "retry_ms")) {
            errx (1, "%s", text_of (value_of (reply, "message")).text);
        }
        usleep (reply ? number_of (reply, "retry_ms") * 1000 : 0);
    }
}
