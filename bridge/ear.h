//  ear - hears what is appended in Redis, and what can be taken, by whomever: a connection that listens to the
//  announcements.
//
//  Belongs to one actor's thread, and is polled as a link is.

#ifndef EAR_H_INCLUDED
#define EAR_H_INCLUDED

#include "link.h"

typedef struct ear ear_t;

//  Somebody has appended first … head to the channel. The name is borrowed for the call.
typedef void (ear_appended_fn) (void *owner, span_t channel, uint64_t first, uint64_t head);

//  Something has become takeable in the channel's group, other than by an append.
typedef void (ear_takeable_fn) (void *owner, span_t channel, span_t group);

//  The ear hears from now on; what was announced before, while it was away, it has missed.
typedef void (ear_missed_fn) (void *owner);

//  `actor` names the ear in logs and is kept by reference. on_takeable may be NULL.
ear_t *ear_new (const char *actor, const char *redis_url, const char *prefix, ear_appended_fn *on_appended,
    ear_takeable_fn *on_takeable, ear_missed_fn *on_missed, void *owner);

void ear_destroy (ear_t **self_p);

//  The connection, for the poll and link_work.
link_t *ear_link (ear_t *self);

#endif
