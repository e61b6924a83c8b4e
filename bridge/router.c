//  router - the ROUTER socket. In control's thread; never waits for a peer.
//
//  ROUTER_MANDATORY makes a reply that cannot go fail instead of vanish. A peer that is gone loses its reply; one
//  that is slow has it kept here for a while. Bounds: for each peer a pipe of ROUTER_SEND_HWM short replies and
//  PARCELS_AT_ONCE long ones, KEPT_BYTES for all that is kept.

#include "parcel.h"
#include "router.h"

enum {
    ROUTER_RECEIVE_HWM = 64,
    ROUTER_SEND_HWM = 1024,
    KEPT_BYTES = 67108864,
    KEPT_FOR_MS = 10000,
    RETRY_FIRST_MS = 1,  //  doubled while nobody takes anything
    RETRY_LAST_MS = 32,
    RETRY_AT_ONCE = 1024,
    MAILBOXES = 64  //  beyond these the empty ones are let go
};

typedef struct {
    peer_t peer;
    zmq_msg_t body;
    parcel_t *parcel;  //  the body's, when it is a long one
    int64_t until_ms;
    size_t bytes;  //  that keeping it takes
    void *ticket;
} kept_t;

struct router {
    void *socket;
    zlistx_t *kept;
    size_t kept_bytes;
    int64_t retry_at_ms;
    int64_t pause_ms;
    zhashx_t *mailboxes;  //  routing id, in hex → mailbox_t, for peers that were sent long replies
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

void peer_move (peer_t *self, peer_t *from)
{
    memcpy (self->frames, from->frames, from->count * sizeof *from->frames);
    self->count = from->count;
    from->count = 0;
}

int peer_split (peer_t *self, zmq_msg_t *frames, size_t count, zmq_msg_t *body)
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
            self->frames[i] = frames[i];
        } else if (rc == 1) {
            *body = frames[i];
        } else {
            zmq_msg_close (&frames[i]);
        }
    }
    self->count = head < count ? head : count;
    return rc;
}

static void s_destroy_kept (void **kept_p)
{
    kept_t *kept = *kept_p;
    peer_clear (&kept->peer);
    zmq_msg_close (&kept->body);
    free (kept);
    *kept_p = NULL;
}

static void s_destroy_mailbox (void **mailbox_p)
{
    mailbox_let_go ((mailbox_t **)mailbox_p);
}

router_t *router_new (const config_t *config, char *bound, size_t bound_size, char *error, size_t error_size)
{
    router_t *self = calloc (1, sizeof *self);
    self->kept = zlistx_new ();
    zlistx_set_destructor (self->kept, s_destroy_kept);
    self->mailboxes = zhashx_new ();
    zhashx_set_destructor (self->mailboxes, s_destroy_mailbox);
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
        zhashx_destroy (&self->mailboxes);
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
    int rc = peer_split (peer, frames, count, body);
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

static void s_let_go_empty (router_t *self)
{
    zlistx_t *ids = zhashx_keys (self->mailboxes);
    for (const char *id = zlistx_first (ids); id; id = zlistx_next (ids)) {
        if (mailbox_is_empty (zhashx_lookup (self->mailboxes, id))) {
            zhashx_delete (self->mailboxes, id);
        }
    }
    zlistx_destroy (&ids);
}

static mailbox_t *s_mailbox (router_t *self, peer_t *peer)
{
    char id[2 * 255 + 1];
    const uint8_t *bytes = zmq_msg_data (&peer->frames[0]);
    for (size_t i = 0; i < zmq_msg_size (&peer->frames[0]); i++) {
        snprintf (id + 2 * i, 3, "%02x", bytes[i]);
    }
    mailbox_t *mailbox = zhashx_lookup (self->mailboxes, id);
    if (!mailbox) {
        if (zhashx_size (self->mailboxes) >= MAILBOXES) {
            s_let_go_empty (self);
        }
        mailbox = mailbox_new ();
        zhashx_insert (self->mailboxes, id, mailbox);
    }
    return mailbox;
}

//  Sends all frames. Returns 0, or -1 with errno EAGAIN when none has gone and the peer may take them later, and
//  another one when the peer is gone.
static int s_send_frames (router_t *self, peer_t *peer, zmq_msg_t *body)
{
    for (size_t i = 0; i < peer->count; i++) {
        if (zmq_msg_send (&peer->frames[i], self->socket, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
            errno = errno == EAGAIN && i > 0 ? EHOSTUNREACH : errno;
            return -1;
        }
    }
    return zmq_msg_send (body, self->socket, ZMQ_DONTWAIT) < 0 ? (errno = EHOSTUNREACH, -1) : 0;
}

//  Returns 0 when the peer took it or is gone, -1 when it must wait. peer and body are empty after 0, and the ticket has
//  been returned.
static int s_send (router_t *self, peer_t *peer, zmq_msg_t *body, parcel_t *parcel, void *ticket)
{
    if (parcel) {
        mailbox_t *mailbox = s_mailbox (self, peer);
        if (mailbox_is_full (mailbox)) {
            return -1;
        }
        parcel_post (parcel, mailbox);
    }
    bool gone = s_send_frames (self, peer, body) == 0;
    if (!gone && errno == EAGAIN) {
        if (parcel) {
            parcel_take_back (parcel);
        }
        return -1;
    }
    if (!gone) {
        zmq_msg_close (body);
    }
    peer_clear (peer);
    s_return_ticket (self, ticket, gone);
    return 0;
}

//  Makes the reply a message. A short one is copied, since the buffer that it was built in is far larger. Returns the
//  parcel of a long one.
static parcel_t *s_take_reply (zmq_msg_t *body, msgpack_sbuffer *reply)
{
    size_t size = reply->size;
    if (size >= PARCEL_BYTES) {
        return parcel_new (body, msgpack_sbuffer_release (reply), size);
    }
    zmq_msg_init_size (body, size);
    memcpy (zmq_msg_data (body), reply->data, size);
    msgpack_sbuffer_destroy (reply);
    return NULL;
}

void router_send (router_t *self, peer_t *peer, msgpack_sbuffer *reply, void *ticket)
{
    zmq_msg_t body;
    size_t size = reply->size;
    parcel_t *parcel = s_take_reply (&body, reply);
    if (s_send (self, peer, &body, parcel, ticket) == 0) {
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
    *kept = (kept_t){
        .body = body, .parcel = parcel, .until_ms = zclock_mono () + KEPT_FOR_MS, .bytes = bytes, .ticket = ticket};
    peer_move (&kept->peer, peer);
    self->kept_bytes += bytes;
    if (zlistx_size (self->kept) == 0) {
        self->pause_ms = RETRY_FIRST_MS;
        self->retry_at_ms = zclock_mono () + RETRY_FIRST_MS;
    }
    zlistx_add_end (self->kept, kept);
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
    bool moved = false;
    for (size_t i = 0; i < count && i < RETRY_AT_ONCE; i++) {
        kept_t *kept = zlistx_first (self->kept);
        bool late = now_ms >= kept->until_ms;
        if (!late && s_send (self, &kept->peer, &kept->body, kept->parcel, kept->ticket)) {
            zlistx_move_end (self->kept, zlistx_cursor (self->kept));
            continue;
        }
        if (late) {
            s_return_ticket (self, kept->ticket, false);
        } else {
            moved = true;
            zmq_msg_init (&kept->body);
        }
        s_drop_first (self);
    }
    self->pause_ms = moved ? RETRY_FIRST_MS : self->pause_ms * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : self->pause_ms * 2;
    self->retry_at_ms = now_ms + self->pause_ms;
}

uint64_t router_undelivered (const router_t *self)
{
    return self->undelivered;
}
