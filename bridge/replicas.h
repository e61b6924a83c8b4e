//  replicas - finds out how many replicas of Redis have what was published, where [redis] min_replicas asks for it.
//
//  Part of control, in its thread. WAIT blocks its connection, so it has one of its own.

#ifndef REPLICAS_H_INCLUDED
#define REPLICAS_H_INCLUDED

#include "call.h"

typedef struct replicas replicas_t;

//  Called once for each publish that replicas_add took, with how many replicas are known to have it.
typedef void (replicas_told_fn) (call_t *call, uint64_t replicas);

//  NULL when the config asks for none.
replicas_t *replicas_new (const config_t *config, const char *redis_url, replicas_told_fn *told);

//  Tells all that wait first: none is known to have it.
void replicas_destroy (replicas_t **self_p);

//  A publish of which Redis has all. Its `due` counts it until it is told.
void replicas_add (replicas_t *self, call_t *call);

//  The connection, for the poll and link_work.
link_t *replicas_link (replicas_t *self);

//  Asks for all that wait, when nothing is under way. To be called once in each turn of the loop.
void replicas_work (replicas_t *self);

#endif
