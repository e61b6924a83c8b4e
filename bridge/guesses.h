//  guesses - where the next take of a group is likely to begin, so that its messages are read along with it instead of
//  after it. Part of control, in its thread. A wrong guess costs a read, and nothing else.

#ifndef GUESSES_H_INCLUDED
#define GUESSES_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include "span.h"

typedef struct guesses guesses_t;

typedef struct {
    uint64_t first;    //  id; 0: none, nothing is read along
    uint64_t behind;   //  above the last id, when it brings as many as it may
    uint64_t members;  //  that are likely to hold them
} guess_t;

guesses_t *guesses_new (void);

void guesses_destroy (guesses_t **self_p);

//  A take of at most so many is sent.
guess_t guesses_begin (guesses_t *self, span_t channel, span_t group, uint64_t most);

//  What a take has brought.
typedef struct {
    uint64_t first;  //  id; 0: nothing
    uint64_t last;
    uint64_t member_last;  //  the last id of the member that holds the last message, or about that; 0: not known
    uint64_t member_ids;   //  how many the member holds
    bool refused;          //  nothing, though messages were there: it is paused, say
} brought_t;

//  It has brought that; `guess` is what guesses_begin has told.
void guesses_end (guesses_t *self, span_t channel, span_t group, guess_t guess, brought_t brought);

#endif
