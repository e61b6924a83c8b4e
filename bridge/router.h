//  router - the ROUTER socket: requests in, replies out, each to the peer that asked.
//
//  Part of control, in its thread.

#ifndef ROUTER_H_INCLUDED
#define ROUTER_H_INCLUDED

#include <msgpack.h>
#include "code.h"
#include "config.h"
#include "socket.h"

enum { ROUTER_PEER_FRAMES = 16 };

//  Where a reply goes: the routing id, and the frames that stood before the request, with the empty one.
typedef struct {
    zmq_msg_t frames[ROUTER_PEER_FRAMES];
    size_t count;
} peer_t;

void peer_clear (peer_t *self);

//  Takes what `from` holds into what may be uninitialised.
void peer_move (peer_t *self, peer_t *from);

//  Takes the frames of a message: those before the request into what may be uninitialised, the request into body.
//  Returns 1, or -1 when there is not exactly one; then body is not filled. At most ROUTER_PEER_FRAMES + 1.
int peer_split (peer_t *self, zmq_msg_t *frames, size_t count, zmq_msg_t *body);

typedef struct router router_t;

//  Binds, and tells what was bound as socket_bind does. Returns NULL with a one-line error.
router_t *router_new (const config_t *config, char *bound, size_t bound_size, char *error, size_t error_size);

void router_destroy (router_t **self_p);

void *router_socket (router_t *self);

//  Takes the next request: fills peer and body, which the caller owns. Returns 1; 0 when none waits; -1 when
//  it is not in the form of a request: peer is filled, body is not, and the fault says why.
int router_recv (router_t *self, peer_t *peer, zmq_msg_t *body, fault_t *fault);

//  Sends a reply, or keeps it until the peer takes it. Takes what peer and reply hold, and leaves both empty.
//  `ticket` comes back exactly once: see router_on_ticket.
void router_send (router_t *self, peer_t *peer, msgpack_sbuffer *reply, void *ticket);

//  Each ticket that is not NULL is given to fn once its reply has gone (true), or can't go any more (false).
typedef void (router_ticket_fn) (void *owner, void *ticket, bool gone);
void router_on_ticket (router_t *self, router_ticket_fn *fn, void *owner);

//  When router_retry must be called; INT64_MAX: nothing is kept.
int64_t router_deadline_ms (const router_t *self);

//  Tries again to send what is kept.
void router_retry (router_t *self);

//  Gives up what is kept.
void router_give_up (router_t *self);

//  Replies that could not be delivered: the peer was gone, or took nothing for too long.
uint64_t router_undelivered (const router_t *self);

#endif
