//  gate - owns zauth, the sockets' monitors, and the turnstile before them.
//
//  zauth is given certificates in memory, never clients_dir itself: it would read the directory again at each handshake,
//  let in whom the rules don't know yet, and end the process at a file that holds the key of another.

#include "gate.h"
#include "log.h"
#include "rate.h"
#include "turnstile.h"

static const char *const inbox_endpoint = "inproc://gate";

enum {
    FAILURES =
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
    EVENTS = FAILURES | ZMQ_EVENT_LISTENING | ZMQ_EVENT_CLOSED | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED,
    ANSWER_MS = 1000
};

//  Why sockets refuse. Each is logged at a rate of its own, so that a flood of one hides no other.
typedef enum { REASON_NO_CURVE, REASON_SERVER_KEY, REASON_UNKNOWN, REASON_GATE, REASON_BROKEN, REASONS } reason_t;

static const char *const reason_texts[REASONS] = {
    [REASON_NO_CURVE] = "it does not speak CURVE",
    [REASON_SERVER_KEY] = "it does not know this bridge's public key",
    [REASON_UNKNOWN] = "no certificate in clients_dir has its key",
    [REASON_GATE] = "it could not be judged",
    [REASON_BROKEN] = "it did not finish the handshake",
};

struct gate {
    zactor_t *auth;
    zsock_t *inbox;  //  names of monitors to listen to
    zpoller_t *poller;
    zlistx_t *monitors;
    turnstile_t *turnstile;
    rate_t rates[REASONS], shuts;
};

//  What zauth looks keys up in. It takes the store.
static zcertstore_t *s_store (const clients_t *clients)
{
    zcertstore_t *store = zcertstore_new (NULL);
    for (size_t i = 0; i < clients->count; i++) {
        //  zauth looks at the public key alone. No secret one is known here, and anything stands in for it.
        uint8_t key[CERTIFICATE_KEY_BYTES];
        zmq_z85_decode (key, clients->items[i].key);
        zcert_t *certificate = zcert_new_from (key, key);
        zcertstore_insert (store, &certificate);
    }
    return store;
}

static void s_destroy_monitor (void **monitor_p)
{
    zsock_destroy ((zsock_t **)monitor_p);
}

gate_t *gate_new (const clients_t *clients)
{
    gate_t *self = calloc (1, sizeof *self);
    self->auth = zactor_new (zauth, s_store (clients));
    self->inbox = zsock_new (ZMQ_REP);
    self->monitors = zlistx_new ();
    self->turnstile = turnstile_new ();
    zlistx_set_destructor (self->monitors, s_destroy_monitor);
    int bound = zsock_bind (self->inbox, "%s", inbox_endpoint);
    assert (self->auth && bound == 0);
    (void)bound;
    return self;
}

void gate_destroy (gate_t **self_p)
{
    gate_t *self = *self_p;
    if (self) {
        zpoller_destroy (&self->poller);
        zlistx_destroy (&self->monitors);
        turnstile_destroy (&self->turnstile);
        zsock_destroy (&self->inbox);
        zactor_destroy (&self->auth);
        free (self);
        *self_p = NULL;
    }
}

void gate_tell (zactor_t *actor, const clients_t *clients)
{
    zsock_send (actor, "sp", "$CLIENTS", s_store (clients));
}

void gate_watch (void *socket)
{
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "inproc://refusals-%p", socket);
    zsock_t *inbox = zsock_new (ZMQ_REQ);
    zsock_set_linger (inbox, 0);
    zsock_set_sndtimeo (inbox, ANSWER_MS);
    zsock_set_rcvtimeo (inbox, ANSWER_MS);
    zsock_connect (inbox, "%s", inbox_endpoint);
    //  A monitor to which nobody listens holds up ZeroMQ's own thread, so the listener comes first.
    if (zstr_send (inbox, endpoint) == 0 && zsock_wait (inbox) == 0) {
        zmq_socket_monitor (socket, endpoint, EVENTS);
    }
    zsock_destroy (&inbox);
}

//  Refusals

static reason_t s_reason (uint16_t event, uint32_t value)
{
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
        return value == 400 ? REASON_UNKNOWN : REASON_GATE;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
        return REASON_BROKEN;
    }
    switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return REASON_NO_CURVE;
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return REASON_SERVER_KEY;
    default:
        return value & ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED ? REASON_GATE : REASON_BROKEN;
    }
}

static void s_log_refusal (gate_t *self, reason_t reason, const char *endpoint)
{
    uint64_t count = rate_count (&self->rates[reason]);
    if (count) {
        log_write (LEVEL_WARN, "gate", "refused", "count=%" PRIu64 " endpoint=%s reason=\"%s\"", count, endpoint,
            reason_texts[reason]);
    }
}

static void s_begin (gate_t *self, const char *endpoint)
{
    uint64_t count = turnstile_begin (self->turnstile) ? rate_count (&self->shuts) : 0;
    if (count) {
        log_write (LEVEL_WARN, "gate", "shut",
            "count=%" PRIu64 " endpoint=%s reason=\"more than %d handshakes that nobody finishes\"", count, endpoint,
            TURNSTILE_MOST);
    }
}

//  What strangers can do over TCP goes through the turnstile; who reaches a path of this host is no stranger.
static void s_handle (gate_t *self, uint16_t event, uint32_t value, const char *endpoint)
{
    bool is_tcp = strncmp (endpoint, "tcp://", 6) == 0;
    if (event & FAILURES) {
        s_log_refusal (self, s_reason (event, value), endpoint);
    } else if (is_tcp && event == ZMQ_EVENT_LISTENING) {
        turnstile_add (self->turnstile, endpoint, (int)value);
    } else if (is_tcp && event == ZMQ_EVENT_CLOSED) {
        turnstile_remove (self->turnstile, endpoint);
    } else if (is_tcp && event == ZMQ_EVENT_ACCEPTED) {
        s_begin (self, endpoint);
    } else if (is_tcp && event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        turnstile_succeed (self->turnstile);
    }
}

static void s_read_monitor (gate_t *self, zsock_t *monitor)
{
    zframe_t *what = zframe_recv (monitor);
    char *endpoint = zstr_recv (monitor);
    uint16_t event = 0;
    uint32_t value = 0;
    if (what && zframe_size (what) == sizeof event + sizeof value) {
        memcpy (&event, zframe_data (what), sizeof event);
        memcpy (&value, zframe_data (what) + sizeof event, sizeof value);
    }
    s_handle (self, event, value, endpoint ? endpoint : "");
    zframe_destroy (&what);
    freen (endpoint);
}

static void s_read_inbox (gate_t *self)
{
    char *endpoint = zstr_recv (self->inbox);
    zsock_t *monitor = zsock_new (ZMQ_PAIR);
    int rc = zsock_connect (monitor, "%s", endpoint);
    zlistx_add_end (self->monitors, monitor);
    zpoller_add (self->poller, monitor);
    zsock_signal (self->inbox, rc != 0);
    freen (endpoint);
}

//  Returns false when it says $TERM.
static bool s_read_pipe (gate_t *self, zsock_t *pipe)
{
    char *word = NULL;
    zcertstore_t *store = NULL;
    if (zsock_recv (pipe, "sp", &word, &store) == 0 && streq (word, "$CLIENTS")) {
        //  Between the two nobody gets in; clients try again by themselves.
        zactor_destroy (&self->auth);
        self->auth = zactor_new (zauth, store);
        freen (word);
        return true;
    }
    freen (word);
    return false;
}

void gate_actor (zsock_t *pipe, void *args)
{
    gate_t *self = args;
    zsock_signal (pipe, 0);
    self->poller = zpoller_new (pipe, self->inbox, NULL);
    zpoller_set_nonstop (self->poller, true);
    bool serving = true;
    while (serving) {
        zsock_t *which = zpoller_wait (self->poller, turnstile_turn (self->turnstile));
        if (which == pipe) {
            serving = s_read_pipe (self, pipe);
        } else if (which == self->inbox) {
            s_read_inbox (self);
        } else if (which) {
            s_read_monitor (self, which);
        }
    }
    gate_destroy (&self);
}
