//  timers - does in each channel what is due there (KEYSPACE.md, Timers), by the scripts made for it.
//
//  Part of the keeper, in its thread. Times are Redis's.

#ifndef TIMERS_H_INCLUDED
#define TIMERS_H_INCLUDED

#include "config.h"
#include "link.h"

typedef struct timers timers_t;

//  Borrows config and link, the keeper's, until destroyed; destroyed after the link, whose replies it gets.
timers_t *timers_new (const config_t *config, const char *redis_url, link_t *link);

void timers_destroy (timers_t **self_p);

//  The connection that hears of timers, for the poll and link_work.
link_t *timers_ear (timers_t *self);

//  The keeper's link has come up.
void timers_up (timers_t *self);

//  Asks Redis what is next in the channel: an announcement may have been lost. Only while the link is up.
void timers_look (timers_t *self, span_t channel);

//  When timers_work has something to do, as zclock_mono tells it; INT64_MAX: no need.
int64_t timers_deadline_ms (const timers_t *self);

//  Begins what is due.
void timers_work (timers_t *self);

#endif
