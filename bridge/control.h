//  control - ROUTER, requests, replies; its own Redis connection. One thread.

#ifndef CONTROL_H_INCLUDED
#define CONTROL_H_INCLUDED

#include <czmq.h>
#include "access.h"
#include "config.h"

typedef struct control control_t;

//  As lane_new. `lane` is control's end of the pair that it shares with the lane; control takes it.
control_t *control_new (const config_t *config, const char *redis_url, zsock_t **lane_p, access_t **access_p,
    char *error, size_t error_size);

//  "router=tcp://127.0.0.1:5555"; only before control_actor has started.
const char *control_endpoints (const control_t *self);

//  For a control that no actor has taken.
void control_destroy (control_t **self_p);

//  zactor function; args is the control, which the actor takes. On $TERM it stops reading, answers
//  what it has read, within grace_ms, and ends.
void control_actor (zsock_t *pipe, void *args);

#endif
