//  hints - names channels to the keeper, so that their turn comes soon. Part of control, in its thread.

#ifndef HINTS_H_INCLUDED
#define HINTS_H_INCLUDED

#include "config.h"

typedef struct hints hints_t;

//  The config is borrowed.
hints_t *hints_new (const config_t *config);

void hints_destroy (hints_t **self_p);

//  The channel has something to be freed.
void hints_flushed (hints_t *self, span_t channel);

//  Something was settled in one of the channel's groups: it may have something to be freed where only that is retained
//  which is not acked. Costs next to nothing for other channels.
void hints_settled (hints_t *self, span_t channel);

#endif
