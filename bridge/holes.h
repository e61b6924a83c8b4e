//  holes - the gaps that a reply tells, gathered until it is known how far the reply reaches. Part of control.

#ifndef HOLES_H_INCLUDED
#define HOLES_H_INCLUDED

#include "read.h"

typedef struct {
    size_t source;  //  the owner's number for the channel
    span_t channel;
    uint64_t first;
    uint64_t last;
    char why[16];
} hole_t;

typedef struct {
    hole_t *items;  //  owned; the names are borrowed
    size_t count;
    size_t room;
} holes_t;

//  Adds the holes that a read tells of, above its `after` and up to `to`.
void holes_add (holes_t *self, size_t source, span_t channel, const read_t *read, uint64_t to);

//  Packs the reply's `gaps`; what was cut to nothing is left out.
void holes_pack (const holes_t *self, reply_t *reply);

//  Frees the items, not the holes themselves.
void holes_clear (holes_t *self);

#endif
