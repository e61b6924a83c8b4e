//  heads - the beat on topic $heads: once a second, the highest id fanned out of each channel that grew.
//
//  Part of the lane, in its thread.

#ifndef HEADS_H_INCLUDED
#define HEADS_H_INCLUDED

#include "channel.h"

typedef struct heads heads_t;

//  Told of a channel within about a second after it grew, and sooner when it has grown much and has a limit of number.
typedef void (heads_grown_fn) (void *owner, const channel_t *channel);

//  `bridge` is the random id of this start; borrowed.
heads_t *heads_new (const char *bridge, heads_grown_fn *on_grown, void *owner);

void heads_destroy (heads_t **self_p);

//  The channel's head has been fanned out up to channel->cursor.
void heads_grew (heads_t *self, channel_t *channel);

//  When the next beat is due.
int64_t heads_deadline_ms (const heads_t *self);

//  Builds the beat that is due, as an envelope with id 0. `store` is the store's id. Returns 0 and fills `envelope`,
//  which the caller owns; or -1 when none is due yet.
int heads_beat (heads_t *self, const char *store, uint64_t time_ms, zmq_msg_t *envelope);

#endif
