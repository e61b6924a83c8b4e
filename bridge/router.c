//  router - the ROUTER socket. In control's thread; never waits for a peer.
//
//  ROUTER_MANDATORY makes a reply that cannot go fail instead of vanish. A peer that is gone loses its reply; one
//  that is slow has it kept here for a while. Bounds: a pipe of ROUTER_SEND_HWM replies for each peer, KEPT_BYTES
//  for all that is kept.

#include "router.h"

enum {
    ROUTER_RECEIVE_HWM = 64,
    ROUTER_SEND_HWM = 64,
    KEPT_BYTES = 67108864,
    KEPT_FOR_MS = 10000,
    RETRY_EVERY_MS = 5,
    RETRY_AT_ONCE = 256
};

typedef struct {
    peer_t peer;
    zmq_msg_t body;
    int64_t until_ms;
    size_t bytes;  //  that keeping it takes
    void *ticket;
} kept_t;

struct router {
    void *socket;
    zlistx_t *kept;
    size_t kept_bytes;
    int64_t retry_at_ms;
    uint64_t undelivered;
    router_ticket_fn *on_ticket;
    void *owner;
};

void peer_clear (peer_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        zmq_msg_close (&self->frames[i]);
    }
    self->count = 0;
}

static void s_destroy_kept (void **kept_p)
{
    kept_t *kept = *kept_p;
    peer_clear (&kept->peer);
    zmq_msg_close (&kept->body);
    free (kept);
    *kept_p = NULL;
}

router_t *router_new (const config_t *config, char *bound, size_t bound_size, char *error, size_t error_size)
{
    router_t *self = calloc (1, sizeof *self);
    self->kept = zlistx_new ();
    zlistx_set_destructor (self->kept, s_destroy_kept);
    self->socket = socket_open (ZMQ_ROUTER, ROUTER_RECEIVE_HWM, ROUTER_SEND_HWM, config);
    if (!self->socket) {
        snprintf (error, error_size, "control.router: cannot open a socket: %s", zmq_strerror (errno));
        router_destroy (&self);
        return NULL;
    }
    socket_set (self->socket, ZMQ_ROUTER_MANDATORY, 1);
    socket_set (self->socket, ZMQ_HEARTBEAT_IVL, 10000);
    socket_set (self->socket, ZMQ_HEARTBEAT_TIMEOUT, 30000);
    if (socket_bind (self->socket, "control.router", &config->router, bound, bound_size, error, error_size)) {
        router_destroy (&self);
    }
    return self;
}

void router_destroy (router_t **self_p)
{
    router_t *self = *self_p;
    if (self) {
        zlistx_destroy (&self->kept);
        if (self->socket) {
            zmq_close (self->socket);
        }
        free (self);
        *self_p = NULL;
    }
}

void *router_socket (router_t *self)
{
    return self->socket;
}

//  Reads and drops the rest of a multipart.
static void s_drop_rest (void *socket, bool more)
{
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        more = zmq_msg_recv (&frame, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more (&frame);
        zmq_msg_close (&frame);
    }
}

//  Splits frames into the peer's and the body. Returns 1, or -1 when there is not exactly one body.
static int s_split (peer_t *peer, zmq_msg_t *frames, size_t count, zmq_msg_t *body)
{
    size_t head = 1;
    //  A frame with nothing behind it is the body, also when it is empty.
    for (size_t i = 1; i + 1 < count && head == 1; i++) {
        if (zmq_msg_size (&frames[i]) == 0) {
            head = i + 1;
        }
    }
    int rc = count == head + 1 ? 1 : -1;
    for (size_t i = 0; i < count; i++) {
        if (i < head) {
            peer->frames[i] = frames[i];
        } else if (rc == 1) {
            *body = frames[i];
        } else {
            zmq_msg_close (&frames[i]);
        }
    }
    peer->count = head < count ? head : count;
    return rc;
}

int router_recv (router_t *self, peer_t *peer, zmq_msg_t *body, fault_t *fault)
{
    zmq_msg_t frames[ROUTER_PEER_FRAMES + 1];
    size_t count = 0;
    bool more = true;
    while (more && count < ROUTER_PEER_FRAMES + 1) {
        zmq_msg_init (&frames[count]);
        if (zmq_msg_recv (&frames[count], self->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (&frames[count]);
            break;
        }
        more = zmq_msg_more (&frames[count++]);
    }
    if (count == 0) {
        return 0;
    }
    s_drop_rest (self->socket, more);
    int rc = s_split (peer, frames, count, body);
    if (more && rc == 1) {
        zmq_msg_close (body);
        rc = -1;
    }
    if (rc < 0) {
        fault_set (fault, CODE_BAD_REQUEST, "request: not one frame, alone or behind an empty one");
    }
    return rc;
}

static void s_return_ticket (router_t *self, void *ticket, bool gone)
{
    self->undelivered += !gone;
    if (ticket) {
        self->on_ticket (self->owner, ticket, gone);
    }
}

//  Returns 0 when the peer took it or is gone, -1 when it must wait. peer and body are empty after 0, and the ticket has
//  been returned.
static int s_send (router_t *self, peer_t *peer, zmq_msg_t *body, void *ticket)
{
    for (size_t i = 0; i < peer->count; i++) {
        if (zmq_msg_send (&peer->frames[i], self->socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
            continue;
        }
        if (errno == EAGAIN && i == 0) {
            return -1;
        }
        peer_clear (peer);
        zmq_msg_close (body);
        s_return_ticket (self, ticket, false);
        return 0;
    }
    bool gone = zmq_msg_send (body, self->socket, ZMQ_DONTWAIT) >= 0;
    if (!gone) {
        zmq_msg_close (body);
    }
    peer_clear (peer);
    s_return_ticket (self, ticket, gone);
    return 0;
}

static void s_free_reply (void *data, void *hint)
{
    free (data);
}

//  Makes the reply a message. A short one is copied, since the buffer that it was built in is far larger.
static void s_take_reply (zmq_msg_t *body, msgpack_sbuffer *reply)
{
    size_t size = reply->size;
    if (reply->alloc > 2 * size) {
        zmq_msg_init_size (body, size);
        memcpy (zmq_msg_data (body), reply->data, size);
        msgpack_sbuffer_destroy (reply);
    } else {
        zmq_msg_init_data (body, msgpack_sbuffer_release (reply), size, s_free_reply, NULL);
    }
}

void router_send (router_t *self, peer_t *peer, msgpack_sbuffer *reply, void *ticket)
{
    zmq_msg_t body;
    size_t size = reply->size;
    s_take_reply (&body, reply);
    if (s_send (self, peer, &body, ticket) == 0) {
        return;
    }
    size_t bytes = sizeof (kept_t) + size;
    for (size_t i = 0; i < peer->count; i++) {
        bytes += zmq_msg_size (&peer->frames[i]);
    }
    if (self->kept_bytes + bytes > KEPT_BYTES) {
        peer_clear (peer);
        zmq_msg_close (&body);
        s_return_ticket (self, ticket, false);
        return;
    }
    kept_t *kept = malloc (sizeof *kept);
    *kept = (kept_t){*peer, body, zclock_mono () + KEPT_FOR_MS, bytes, ticket};
    peer->count = 0;
    self->kept_bytes += bytes;
    zlistx_add_end (self->kept, kept);
    self->retry_at_ms = zclock_mono () + RETRY_EVERY_MS;
}

int64_t router_deadline_ms (const router_t *self)
{
    return zlistx_size (self->kept) ? self->retry_at_ms : INT64_MAX;
}

//  The first of those kept, where the list's cursor stands.
static void s_drop_first (router_t *self)
{
    const kept_t *kept = zlistx_first (self->kept);
    self->kept_bytes -= kept->bytes;
    zlistx_delete (self->kept, zlistx_cursor (self->kept));
}

void router_give_up (router_t *self)
{
    for (kept_t *kept = zlistx_first (self->kept); kept; kept = zlistx_first (self->kept)) {
        s_return_ticket (self, kept->ticket, false);
        s_drop_first (self);
    }
}

void router_on_ticket (router_t *self, router_ticket_fn *fn, void *owner)
{
    self->on_ticket = fn;
    self->owner = owner;
}

void router_retry (router_t *self)
{
    int64_t now_ms = zclock_mono ();
    if (zlistx_size (self->kept) == 0 || now_ms < self->retry_at_ms) {
        return;
    }
    size_t count = zlistx_size (self->kept);
    for (size_t i = 0; i < count && i < RETRY_AT_ONCE; i++) {
        kept_t *kept = zlistx_first (self->kept);
        bool late = now_ms >= kept->until_ms;
        if (!late && s_send (self, &kept->peer, &kept->body, kept->ticket)) {
            zlistx_move_end (self->kept, zlistx_cursor (self->kept));
            continue;
        }
        if (late) {
            s_return_ticket (self, kept->ticket, false);
        } else {
            zmq_msg_init (&kept->body);
        }
        s_drop_first (self);
    }
    self->retry_at_ms = now_ms + RETRY_EVERY_MS;
}

uint64_t router_undelivered (const router_t *self)
{
    return self->undelivered;
}
