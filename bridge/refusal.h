//  refusal - whether Redis takes writes. It may be there and take none: full, a disk that is full, too few replicas.
//
//  Part of the writer, in the lane's thread. What an append was told counts until one is stored; since clients may send
//  none meanwhile, a write that changes nothing is tried each second.

#ifndef REFUSAL_H_INCLUDED
#define REFUSAL_H_INCLUDED

#include "link.h"
#include "rate.h"

typedef struct {
    char why[160];  //  "": it takes writes, as far as is known
    char *channel;  //  owned: the one that was refused
    int64_t try_at_ms;
    bool trying;
    rate_t rate;  //  of the log's lines
} refusal_t;

//  An append to the channel was refused; logged at a limited rate.
void refusal_told (refusal_t *self, const char *channel, const char *why);

//  An append was stored.
void refusal_over (refusal_t *self);

//  When refusal_work must be called; INT64_MAX: no need.
int64_t refusal_deadline_ms (const refusal_t *self);

//  Tries a write when that is due; without a connection nothing is known. `channels_key`: the index, in which the channel stands already.
void refusal_work (refusal_t *self, link_t *link, const char *channels_key);

#endif
