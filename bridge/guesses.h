//  guesses - where the next take of a group is likely to begin, so that its messages are read along with it instead of
//  after it. Part of control, in its thread. A wrong guess costs a read, and nothing else.

#ifndef GUESSES_H_INCLUDED
#define GUESSES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include "span.h"

typedef struct guesses guesses_t;

typedef struct {
    uint64_t first;   //  id; 0: none, nothing is read along
    uint64_t behind;  //  above the last id, when it brings as many as it may
    bool packed;      //  members hold several envelopes: one is likely to hold them all
} guess_t;

guesses_t *guesses_new (void);

void guesses_destroy (guesses_t **self_p);

//  A take of at most so many is sent.
guess_t guesses_begin (guesses_t *self, span_t channel, span_t group, uint64_t most);

//  It began at `first`, 0: it brought nothing, and ended at `last`. `guess` is what guesses_begin has told, with
//  `packed` as it turned out.
void guesses_end (guesses_t *self, span_t channel, span_t group, guess_t guess, uint64_t first, uint64_t last);

#endif
