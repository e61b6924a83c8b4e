//  monitor - tells how the bridge does: over HTTP, and in the log when asked. One thread; it never asks Redis.

#ifndef MONITOR_H_INCLUDED
#define MONITOR_H_INCLUDED

#include <czmq.h>
#include "config.h"

typedef struct monitor monitor_t;

//  Listens, if the config says so; to be made before the actors that tell it of themselves. Returns NULL with a one-line
//  error.
monitor_t *monitor_new (const config_t *config, char *error, size_t error_size);

//  "http=address:port", as bound; "": nowhere.
const char *monitor_endpoint (const monitor_t *self);

//  For a monitor that no actor has taken.
void monitor_destroy (monitor_t **self_p);

//  Words for the actor's pipe: the bridge begins to stop; write the state to the log.
#define MONITOR_DRAIN "DRAIN"
#define MONITOR_LOG "LOG"

//  zactor function; args is the monitor, which the actor takes. Ends on $TERM.
void monitor_actor (zsock_t *pipe, void *args);

#endif
