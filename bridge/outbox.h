//  outbox - commands for Redis whose replies are due, in order: the first of them with the kernel, the rest not yet.
//
//  Part of a link, in its thread.

#ifndef OUTBOX_H_INCLUDED
#define OUTBOX_H_INCLUDED

#include "link.h"

typedef struct {
    const char *data;
    size_t size;
    bool owned;   //  free data when answered
    span_t text;  //  of an EVALSHA's script, to be sent instead of the digest; size 0: none
    link_reply_fn *fn;
    void *owner;
    void *arg;
} pending_t;

typedef struct outbox outbox_t;

outbox_t *outbox_new (void);

//  Frees the owned data of what is left.
void outbox_destroy (outbox_t **self_p);

void outbox_push (outbox_t *self, pending_t pending);

//  Takes the oldest command out; its data is the caller's to free when it is owned. Only when there is one.
pending_t outbox_pop (outbox_t *self);

//  Borrowed until the next push or pop. Only when there is one.
pending_t *outbox_first (outbox_t *self);
pending_t *outbox_last (outbox_t *self);

//  Commands whose replies are due, and how many of those are not wholly written yet.
size_t outbox_count (const outbox_t *self);
size_t outbox_unwritten (const outbox_t *self);

//  Writes as much as the socket takes. Returns 0, or -1 with errno when the connection is of no use any more.
int outbox_write (outbox_t *self, int fd);

#endif
