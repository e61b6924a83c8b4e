//  schedule - which channel has something to be done next: a heap of channels by time, each once.
//
//  Owned by one actor, in its thread. Times are whatever clock its owner goes by.

#ifndef SCHEDULE_H_INCLUDED
#define SCHEDULE_H_INCLUDED

#include <stdint.h>
#include "span.h"

typedef struct schedule schedule_t;

schedule_t *schedule_new (void);

void schedule_destroy (schedule_t **self_p);

//  The channel has something to be done at at_ms, or sooner where that is known.
void schedule_add (schedule_t *self, span_t channel, int64_t at_ms);

//  The time of the first; INT64_MAX: there is none.
int64_t schedule_first_ms (const schedule_t *self);

//  Takes the first one out. The caller owns its name; NULL: there is none.
char *schedule_take (schedule_t *self);

#endif
