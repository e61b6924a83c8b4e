//  pusher - pushes the messages of a group to workers: the actor of one [[workers]] section, in its own thread, on its
//  own Redis connections.

#ifndef PUSHER_H_INCLUDED
#define PUSHER_H_INCLUDED

#include <czmq.h>
#include "config.h"

typedef struct pusher pusher_t;

//  Binds the endpoints of config's [[workers]] at `index`. Returns NULL with a one-line error.
pusher_t *pusher_new (const config_t *config, size_t index, const char *redis_url, char *error, size_t error_size);

//  "push=…", as bound.
const char *pusher_endpoints (const pusher_t *self);

//  For a pusher that no actor has taken.
void pusher_destroy (pusher_t **self_p);

//  zactor function; args is the pusher, which the actor takes. On $TERM it gives back what it has not sent, within
//  grace_ms.
void pusher_actor (zsock_t *pipe, void *args);

#endif
