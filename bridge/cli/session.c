//  session - see session.h.
//
//  Invariants: an open request's bytes are kept until its answer is taken, and were sent over the socket that is there
//  unless due_ns is when they are sent again. Requests are sent again in the order of their tickets.

#include "session.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "limit.h"
#include "zrb.h"

#define ANSWER_NS (5 * SECOND_NS)

#define RECONNECT_NS (SECOND_NS / 10)

enum { HEARTBEAT_MS = 2000, HEARTBEAT_TIMEOUT_MS = 6000, MOST_ITEMS = 16 };

typedef struct {
    size_t ticket;
    bool was_refused;   //  answered with retry_ms: it waits for that time
    uint64_t wait_ns;   //  what the op itself may wait
    uint64_t since_ns;  //  when it was sent at first
    uint64_t due_ns;    //  when it is sent again
    msgpack_sbuffer bytes;
} request_t;

struct session_s {
    void *context, *socket, *monitor;
    const char *endpoint;
    keys_t keys;
    uint64_t wait_ns;  //  for a bridge that doesn't answer
    bool is_patient, takes_faults, was_met;
    uint64_t heard_ns;      //  of the bridge, last
    bool has_gone;          //  it has not answered since a connection was lost or a request took too long
    uint64_t connected_ns;  //  when the socket was made
    bool is_lost;           //  its connection was, so there is to be another
    request_t *requests;    //  ascending tickets, as far as they are open
    size_t window, open;
    size_t next_ticket;
    request_t *packed;  //  the one that is being packed
    msgpack_packer packer;
    int signals;  //  a signalfd
    int stop;
    unsigned stops, stops_told;
};

//  Sockets

void *session_connect (session_t *self, int type, const char *endpoint)
{
    int none = 0, heartbeat_ms = HEARTBEAT_MS, timeout_ms = HEARTBEAT_TIMEOUT_MS;
    void *socket = zmq_socket (self->context, type);
    assert (socket);
    zmq_setsockopt (socket, ZMQ_LINGER, &none, sizeof none);
    if (type == ZMQ_DEALER) {
        zmq_setsockopt (socket, ZMQ_SNDHWM, &none, sizeof none);
        zmq_setsockopt (socket, ZMQ_RCVHWM, &none, sizeof none);
        zmq_setsockopt (socket, ZMQ_HEARTBEAT_IVL, &heartbeat_ms, sizeof heartbeat_ms);
        zmq_setsockopt (socket, ZMQ_HEARTBEAT_TIMEOUT, &timeout_ms, sizeof timeout_ms);
    }
    keys_apply (&self->keys, socket);
    if (zmq_connect (socket, endpoint)) {
        zrb_complain (ZRB_USAGE, "cannot connect to \"%.200s\": %s", endpoint, zmq_strerror (errno));
        zmq_close (socket);
        return NULL;
    }
    return socket;
}

static void s_close (session_t *self)
{
    if (self->monitor) {
        zmq_close (self->monitor);
    }
    if (self->socket) {
        zmq_socket_monitor (self->socket, NULL, 0);
        zmq_close (self->socket);
    }
    self->monitor = self->socket = NULL;
}

static int s_connect (session_t *self)
{
    char name[64];
    int none = 0;
    self->socket = session_connect (self, ZMQ_DEALER, self->endpoint);
    if (!self->socket) {
        return -1;
    }
    snprintf (name, sizeof name, "inproc://session-%p", (void *)self->socket);
    self->connected_ns = clock_ns ();
    self->is_lost = false;
    zmq_socket_monitor (self->socket, name, ZMQ_EVENT_DISCONNECTED);
    self->monitor = zmq_socket (self->context, ZMQ_PAIR);
    assert (self->monitor);
    zmq_setsockopt (self->monitor, ZMQ_LINGER, &none, sizeof none);
    int rc = zmq_connect (self->monitor, name);
    assert (rc == 0);
    return 0;
}

//  Signals

static void s_block_signals (session_t *self)
{
    sigset_t signals;
    sigemptyset (&signals);
    sigaddset (&signals, SIGINT);
    sigaddset (&signals, SIGTERM);
    sigprocmask (SIG_BLOCK, &signals, NULL);
    self->signals = signalfd (-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    assert (self->signals >= 0);
}

static void s_read_signals (session_t *self)
{
    struct signalfd_siginfo signal;
    while (read (self->signals, &signal, sizeof signal) == sizeof signal) {
        self->stop = 128 + (int)signal.ssi_signo;
        self->stops++;
    }
}

unsigned session_stops (session_t *self)
{
    s_read_signals (self);
    return self->stops_told = self->stops;
}

int session_stop (session_t *self)
{
    session_stops (self);
    return self->stop;
}

//  Life

session_t *session_new (const args_t *args, size_t window)
{
    session_t *self = calloc (1, sizeof *self);
    assert (self && window > 0);
    self->endpoint = args_text (args, "ask");
    self->wait_ns = args_count (args, "wait") * 1000000;
    self->window = window;
    self->requests = calloc (window, sizeof *self->requests);
    assert (self->requests);
    s_block_signals (self);
    self->context = zmq_ctx_new ();
    if (keys_from_args (&self->keys, args) || s_connect (self)) {
        session_destroy (&self);
    }
    return self;
}

void session_destroy (session_t **self_p)
{
    session_t *self = *self_p;
    if (self) {
        s_close (self);
        zmq_ctx_term (self->context);
        close (self->signals);
        for (size_t at = 0; at < self->window; at++) {
            msgpack_sbuffer_destroy (&self->requests[at].bytes);
        }
        free (self->requests);
        free (self);
        *self_p = NULL;
    }
}

void *session_context (const session_t *self)
{
    return self->context;
}

const char *session_endpoint (const session_t *self)
{
    return self->endpoint;
}

void session_be_patient (session_t *self)
{
    self->is_patient = true;
}

void session_take_faults (session_t *self)
{
    self->takes_faults = true;
}

size_t session_open (const session_t *self)
{
    return self->open;
}

bool session_has_room (const session_t *self)
{
    return self->open < self->window;
}

bool session_is_away (const session_t *self)
{
    return self->has_gone || !self->was_met;
}

//  Asking

static void s_send (request_t *request, void *socket)
{
    zmq_send (socket, request->bytes.data, request->bytes.size, ZMQ_DONTWAIT);  //  without limit: never refused
    request->was_refused = false;
    request->due_ns = clock_ns () + ANSWER_NS + request->wait_ns;
}

msgpack_packer *session_begin (session_t *self, const char *op, size_t keys)
{
    assert (self->open < self->window && !self->packed);
    self->packed = &self->requests[self->open++];
    self->packed->ticket = self->next_ticket++;
    msgpack_sbuffer_clear (&self->packed->bytes);
    msgpack_packer_init (&self->packer, &self->packed->bytes, msgpack_sbuffer_write);
    msgpack_pack_map (&self->packer, keys + 2);
    pack_text (&self->packer, "op");
    pack_text (&self->packer, op);
    pack_text (&self->packer, "seq");
    msgpack_pack_uint64 (&self->packer, self->packed->ticket);
    return &self->packer;
}

size_t session_send (session_t *self, uint64_t wait_ms)
{
    request_t *request = self->packed;
    self->packed = NULL;
    request->wait_ns = wait_ms * 1000000;
    request->since_ns = clock_ns ();
    s_send (request, self->socket);
    return request->ticket;
}

static void s_renew (session_t *self)
{
    self->has_gone = true;
    s_close (self);
    int rc = s_connect (self);
    assert (rc == 0);  //  the endpoint was good before
    for (size_t at = 0; at < self->open; at++) {
        s_send (&self->requests[at], self->socket);
    }
}

//  The place of a request, which is given up to those behind it; its buffer stays for later.
static void s_end (session_t *self, size_t at)
{
    request_t ended = self->requests[at];
    self->open--;
    memmove (&self->requests[at], &self->requests[at + 1], (self->open - at) * sizeof ended);
    self->requests[self->open] = ended;
}

//  Whether a fault is one that asking again may mend, and there is still time for it.
static bool s_asks_again (session_t *self, request_t *request, answer_t *answer)
{
    cursor_t value;
    uint64_t retry_ms;
    if (answer->ok || self->takes_faults || !answer_value (answer, "retry_ms", &value) ||
        !cursor_uint (&value, &retry_ms)) {
        return false;
    }
    uint64_t due_ns = clock_ns () + (retry_ms < 1 ? 1 : retry_ms) * 1000000;
    if (!self->is_patient && due_ns > request->since_ns + self->wait_ns + request->wait_ns) {
        return false;
    }
    request->due_ns = due_ns;
    request->was_refused = true;
    return true;
}

//  Reads a frame; false when it is no answer that the caller is to have.
static bool s_read (session_t *self, answer_t *answer)
{
    uint64_t ticket;
    size_t at = 0;
    if (!answer_read (answer, &ticket)) {
        return false;
    }
    while (at < self->open && self->requests[at].ticket != ticket) {
        at++;
    }
    self->heard_ns = clock_ns ();
    self->was_met = true;
    self->has_gone = false;
    if (at == self->open || &self->requests[at] == self->packed || s_asks_again (self, &self->requests[at], answer)) {
        return false;
    }
    answer->slot = (size_t)ticket;
    s_end (self, at);
    return true;
}

bool session_take (session_t *self, answer_t *answer)
{
    zmq_msg_init (&answer->frame);
    while (zmq_msg_recv (&answer->frame, self->socket, ZMQ_DONTWAIT) >= 0) {
        if (s_read (self, answer)) {
            return true;
        }
    }
    zmq_msg_close (&answer->frame);
    return false;
}

//  Waiting

static bool s_was_lost (session_t *self)
{
    zmq_msg_t frame;
    bool lost = false;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, self->monitor, ZMQ_DONTWAIT) >= 0) {
        lost = true;
    }
    zmq_msg_close (&frame);
    return lost;
}

//  When patience with the bridge ends; UINT64_MAX: never.
static uint64_t s_patience_ends (const session_t *self)
{
    if (self->open == 0 || (self->is_patient && self->was_met)) {
        return UINT64_MAX;
    }
    const request_t *first = &self->requests[0];
    uint64_t from = first->since_ns > self->heard_ns ? first->since_ns : self->heard_ns;
    return from + self->wait_ns + first->wait_ns;
}

static uint64_t s_earliest (const session_t *self, uint64_t until_ns)
{
    for (size_t at = 0; at < self->open; at++) {
        until_ns = self->requests[at].due_ns < until_ns ? self->requests[at].due_ns : until_ns;
    }
    uint64_t patience_ns = s_patience_ends (self), renewal_ns = self->connected_ns + RECONNECT_NS;
    until_ns = self->is_lost && renewal_ns < until_ns ? renewal_ns : until_ns;
    return patience_ns < until_ns ? patience_ns : until_ns;
}

//  Sends again what is due. Silence means that the connection is good for nothing; a fault, that the bridge is there.
static void s_send_due (session_t *self)
{
    uint64_t now = clock_ns ();
    for (size_t at = 0; at < self->open; at++) {
        request_t *request = &self->requests[at];
        if (request->due_ns <= now) {
            if (request->was_refused) {
                s_send (request, self->socket);
            } else {
                s_renew (self);
            }
        }
    }
}

static int s_complain_absent (const session_t *self)
{
    return zrb_complain (ZRB_ABSENT, "no bridge answers at %s within %" PRIu64 " ms: is zrbridge running there?",
        self->endpoint, self->wait_ns / 1000000);
}

//  What is to be done while no answer lies there unread.
static int s_look_after (session_t *self)
{
    self->is_lost = s_was_lost (self) || self->is_lost;
    if (self->is_lost && clock_ns () >= self->connected_ns + RECONNECT_NS) {
        s_renew (self);
    }
    if (clock_ns () >= s_patience_ends (self)) {
        return s_complain_absent (self);
    }
    s_send_due (self);
    return 0;
}

//  Milliseconds for zmq_poll, rounded up.
static long s_timeout_ms (uint64_t until_ns)
{
    uint64_t now = clock_ns ();
    uint64_t left_ms = until_ns > now ? (until_ns - now + 999999) / 1000000 : 0;
    return left_ms < 3600000 ? (long)left_ms : 3600000;
}

int session_wait (session_t *self, zmq_pollitem_t *items, size_t count, uint64_t until_ns)
{
    zmq_pollitem_t all[MOST_ITEMS + 3];
    assert (count <= MOST_ITEMS);
    for (;;) {
        all[0] = (zmq_pollitem_t){self->socket, 0, ZMQ_POLLIN, 0};
        all[1] = (zmq_pollitem_t){self->monitor, 0, ZMQ_POLLIN, 0};
        all[2] = (zmq_pollitem_t){NULL, self->signals, ZMQ_POLLIN, 0};
        for (size_t at = 0; at < count; at++) {
            all[3 + at] = items[at];
        }
        int ready = zmq_poll (all, (int)count + 3, s_timeout_ms (s_earliest (self, until_ns)));
        s_read_signals (self);
        bool wanted = self->stops > self->stops_told || (ready > 0 && all[0].revents);
        for (size_t at = 0; at < count; at++) {
            items[at].revents = all[3 + at].revents;
            wanted = wanted || items[at].revents;
        }
        int status = all[0].revents ? 0 : s_look_after (self);
        if (status || wanted || clock_ns () >= until_ns) {
            return status;
        }
    }
}

int session_ask_any (session_t *self, uint64_t wait_ms, answer_t *answer)
{
    assert (self->open == 1);  //  alone
    session_send (self, wait_ms);
    int status = 0;
    while (status == 0 && !session_take (self, answer)) {
        status = session_wait (self, NULL, 0, UINT64_MAX);
        status = status ? status : session_stop (self);
    }
    if (status) {
        s_end (self, 0);
    }
    return status;
}

int session_ask (session_t *self, uint64_t wait_ms, answer_t *answer)
{
    int status = session_ask_any (self, wait_ms, answer);
    if (status == 0 && !answer->ok) {
        status = zrb_complain (ZRB_BAD, "%s answers: %s", self->endpoint, answer->fault);
        answer_clear (answer);
    }
    return status;
}
