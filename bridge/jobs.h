//  jobs - messages that were taken for a worker, on their way into a PUSH socket.
//
//  Part of a pusher, in its thread.

#ifndef JOBS_H_INCLUDED
#define JOBS_H_INCLUDED

#include <czmq.h>
#include "counters.h"
#include "span.h"

enum { JOBS_MOST = 32 };

typedef struct jobs jobs_t;

//  Sends to `push`, and counts; both are borrowed.
jobs_t *jobs_new (void *push, counters_t *counters);

void jobs_destroy (jobs_t **self_p);

//  What the jobs that follow have in common.
void jobs_begin (jobs_t *self, span_t channel, span_t group, uint64_t lease, uint64_t deadline_ms);

//  Returns false when there are JOBS_MOST.
bool jobs_add (jobs_t *self, span_t envelope, uint64_t attempt);

//  Sends as many as the socket takes now. Returns how many.
size_t jobs_send (jobs_t *self);

//  Those not sent.
size_t jobs_count (const jobs_t *self);

//  Drops those not sent: calls fn with the id of each.
typedef void (jobs_fn) (void *arg, uint64_t id);
void jobs_drop (jobs_t *self, jobs_fn *fn, void *arg);

#endif
