//  supply - the channels from which the workers of a section get messages, in the order of its names and globs: which
//  of them may have something, and how much of each is leased.
//
//  Part of a pusher, in its thread.

#ifndef SUPPLY_H_INCLUDED
#define SUPPLY_H_INCLUDED

#include <czmq.h>
#include "config.h"

typedef struct {
    char *name;
    char *meta_key;
    char *log_key;
    char *load_key;
    size_t rank;  //  of the name or glob that brought it
    bool maybe;   //  it may have something to be taken
    size_t load;  //  leased for this section's workers, at most
} source_t;

typedef struct supply supply_t;

//  Borrows both until destroyed.
supply_t *supply_new (const workers_t *section, const char *prefix);

void supply_destroy (supply_t **self_p);

//  The channel may have something; passed over when the section does not name it. The source, which lives as long as
//  the supply, or NULL.
source_t *supply_tell (supply_t *self, span_t channel);

//  Each channel may.
void supply_tell_all (supply_t *self);

//  The first source that may have something, or NULL.
source_t *supply_first (const supply_t *self);

//  The sources, in order.
size_t supply_count (const supply_t *self);
source_t *supply_at (const supply_t *self, size_t index);

//  What is leased of all, at most.
size_t supply_load (const supply_t *self);

#endif
