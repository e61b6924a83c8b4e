//  tally - which messages of a run have come: what is missing, came late, or came twice.
//
//  A producer numbers its messages 0, 1, 2 …, and sends number n to channel n modulo the channels; order is promised
//  in a channel only. So a tally follows each producer in each channel alone.

#ifndef TALLY_H_INCLUDED
#define TALLY_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tally_s tally_t;

typedef enum {
    TALLY_NEXT,   //  above all before it of its producer and channel, holes between or not
    TALLY_LATE,   //  fills a hole that a higher one had left
    TALLY_DOUBLE  //  was there already
} tally_verdict_t;

//  The caller destroys it.
tally_t *tally_new (size_t producers, size_t channels);
void tally_destroy (tally_t **self_p);

tally_verdict_t tally_add (tally_t *self, size_t producer, uint32_t number);

//  How many different messages have come.
uint64_t tally_count (const tally_t *self);

//  How many of the first `sent` of a producer have not come; with `holes_only` those above the highest of their
//  channel that came are not counted: they may be under way.
uint64_t tally_missing (const tally_t *self, size_t producer, uint32_t sent, bool holes_only);

#endif
