//  keeper - frees what lies below the floor, and does what is due; in small steps, on its own Redis connections. One
//  thread.

#ifndef KEEPER_H_INCLUDED
#define KEEPER_H_INCLUDED

#include <czmq.h>
#include "config.h"

//  Where control and lane name channels that have something to free, or have grown: a PULL socket, one name a message.
#define KEEPER_HINTS "inproc://keeper"

//  A channel that retains what is not acked has its turn so long after it was named: what is settled until then counts.
enum { KEEPER_SETTLED_MS = 200 };

typedef struct keeper keeper_t;

keeper_t *keeper_new (const config_t *config, const char *redis_url);

//  For a keeper that no actor has taken.
void keeper_destroy (keeper_t **self_p);

//  zactor function; args is the keeper, which the actor takes. Ends on $TERM.
void keeper_actor (zsock_t *pipe, void *args);

#endif
