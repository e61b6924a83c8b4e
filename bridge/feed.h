//  feed - what is fanned out when: each channel's ids strictly ascending, whoever wrote them.
//
//  Part of the lane, in its thread. Batches of this bridge come from the writer; what others wrote is announced
//  by Redis, or found by looking, and read from the log.

#ifndef FEED_H_INCLUDED
#define FEED_H_INCLUDED

#include "channel.h"
#include "counters.h"
#include "fanout.h"
#include "heads.h"
#include "link.h"

typedef struct feed feed_t;

//  Finds or makes a channel by name.
typedef channel_t *(feed_channel_fn)(void *owner, span_t name);

//  Borrows all until destroyed. `link` is the writer's: the feed reads the log over it.
feed_t *feed_new (const config_t *config, link_t *link, fanout_t *fanout, heads_t *heads, counters_t *counters,
    feed_channel_fn *find, void *owner);

void feed_destroy (feed_t **self_p);

//  Takes a batch that Redis has confirmed. Returns it when it was sent and can be used again, else NULL.
batch_t *feed_take (feed_t *self, channel_t *channel, batch_t *batch);

//  Somebody has appended first … head.
void feed_announced (feed_t *self, span_t name, uint64_t first, uint64_t head);

//  Announcements may have been lost: looks at the head of every channel again.
void feed_look_at_all (feed_t *self);

//  When feed_work must be called.
int64_t feed_deadline_ms (const feed_t *self);

//  Looks at the heads of a slice of the channels, when that is due.
void feed_work (feed_t *self);

#endif
