//  crew - the actors: made, started, watched and stopped together. Owned by main's thread.

#ifndef CREW_H_INCLUDED
#define CREW_H_INCLUDED

#include <czmq.h>
#include "config.h"

typedef struct crew crew_t;

//  Binds every endpoint and starts the actors. Returns NULL with a one-line error; what was bound is then
//  free again and what had arrived is stored.
crew_t *crew_new (const config_t *config, const char *redis_url, char *error, size_t error_size);

//  Only when crew_is_gone; else it waits until the actors have ended.
void crew_destroy (crew_t **self_p);

//  "pull=… sub=… pub=… router=…", a "push=…" for each [[workers]], and "http=…", as bound.
const char *crew_endpoints (const crew_t *self);

//  Writes the state to the log.
void crew_log (crew_t *self);

//  The number of actors.
int crew_size (const crew_t *self);

//  Fills in what to poll before crew_work is called; returns how many, at most crew_size.
int crew_poll_items (const crew_t *self, zmq_pollitem_t *items);

//  With curve: reads clients_dir again and hands the access rules of this config, which it doesn't keep, to the actors.
//  Nobody is cut off. Returns 0, or -1 with a one-line error; then all stays as it was.
int crew_reload (crew_t *self, const config_t *config, char *error, size_t error_size);

//  Begins to stop the actors, one after the other, in the order that loses nothing.
void crew_stop (crew_t *self);

//  Goes on with stopping as far as it can without waiting. Returns 0; or -1 when an actor has ended that
//  nobody told to, which is logged: the caller then stops the rest.
int crew_work (crew_t *self);

bool crew_is_gone (const crew_t *self);

#endif
