//  lane - the hot path: PULL and SUB in, one Redis connection, XPUB out. One thread.

#ifndef LANE_H_INCLUDED
#define LANE_H_INCLUDED

#include <czmq.h>
#include "access.h"
#include "config.h"

typedef struct lane lane_t;

//  Makes and binds the sockets, in the caller's thread, so that a taken port is an error of start.
//  `control` is the lane's end of the pair that it shares with the control actor; the lane takes it, and the access,
//  which is NULL without curve. Returns NULL with a one-line error that names the endpoint.
lane_t *lane_new (const config_t *config, const char *redis_url, zsock_t **control_p, access_t **access_p, char *error,
    size_t error_size);

//  The endpoints bound, as "pull=tcp://127.0.0.1:5551 sub=… pub=…" with real ports in place of wildcards.
//  Only before lane_actor has started.
const char *lane_endpoints (const lane_t *self);

//  For a lane that no actor has taken.
void lane_destroy (lane_t **self_p);

//  zactor function; args is the lane, which the actor takes. On $TERM it stops reading, stores and
//  sends what has arrived, within grace_ms, and ends.
void lane_actor (zsock_t *pipe, void *args);

#endif
