//  access - what each client may do: the rules of [[access]], and the clients they are for, by their public keys.
//
//  Each actor that judges has one of its own. It is never changed: a reload makes another one aside, which the actor
//  swaps in when main hands it over.

#ifndef ACCESS_H_INCLUDED
#define ACCESS_H_INCLUDED

#include <czmq.h>
#include "clients.h"
#include "config.h"

typedef enum { RIGHT_PUBLISH, RIGHT_SUBSCRIBE, RIGHT_CONSUME, RIGHT_ADMIN, RIGHT_COUNT } right_t;

typedef struct access access_t;

//  Keeps neither.
access_t *access_new (const clients_t *clients, const config_t *config);

void access_destroy (access_t **self_p);

//  `key` is what a message's User-Id is: the public key of who has sent it, NULL where it has none. An access that is
//  NULL, without curve, allows everything.

//  The name of the client; NULL: nobody's key, or no longer anybody's.
const char *access_client (const access_t *self, const char *key);

//  Whether the client may do that in the channel. Remembers its last answer, so that a run of messages of one client to
//  one channel is judged once.
bool access_allows (access_t *self, const char *key, right_t right, span_t channel);

//  Whether the client may subscribe to all topics that begin so.
bool access_allows_topic (const access_t *self, const char *key, span_t prefix);

//  Hands a new access to an actor that calls access_listen, which takes it.
void access_send (access_t *self, zactor_t *actor);

//  Reads what main says on an actor's pipe, and swaps in an access that comes. Returns false when it says $TERM.
bool access_listen (access_t **self_p, zsock_t *pipe);

#endif
