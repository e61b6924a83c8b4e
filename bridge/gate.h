//  gate - lets clients in, by their certificates: czmq's zauth, a turnstile that strangers can't flood, and a log of whom
//  the sockets have refused. One thread.
//
//  Sockets ask zauth alone, and let nobody in where it is not there (ZMQ_ZAP_ENFORCE_DOMAIN).

#ifndef GATE_H_INCLUDED
#define GATE_H_INCLUDED

#include "clients.h"

typedef struct gate gate_t;

//  From now on these clients are let in; who else comes is refused.
gate_t *gate_new (const clients_t *clients);

//  For a gate that no actor has taken.
void gate_destroy (gate_t **self_p);

//  zactor function; args is the gate, which the actor takes. Ends on $TERM.
void gate_actor (zsock_t *pipe, void *args);

//  From any thread: other clients are let in from now on. Who is in stays in.
void gate_tell (zactor_t *actor, const clients_t *clients);

//  From any thread, before the socket is bound: has the gate count who comes, and log whom it refuses. Where no gate is,
//  neither is done; a gate must live as long as the socket.
void gate_watch (void *socket);

#endif
