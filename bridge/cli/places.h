//  places - how far a subscriber is in each channel.

#ifndef PLACES_H_INCLUDED
#define PLACES_H_INCLUDED

#include <stdint.h>
#include "span.h"

typedef struct places_s places_t;

typedef struct {
    span_t channel;
    uint64_t last;  //  the highest id that was worked, or passed over as a gap
    bool is_new;    //  nothing was read yet
} place_t;

places_t *places_new (void);
void places_destroy (places_t **self_p);

//  The channel's place; one that wasn't there is new, with last 0. Valid until the next call.
place_t *places_of (places_t *self, span_t channel);

//  Forgets all.
void places_clear (places_t *self);

#endif
