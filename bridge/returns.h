//  returns - taken messages that go back since nobody got them: the client was gone, had cancelled, had been answered
//  before, or the reply was full. They count as no attempt. Part of control, in its thread.

#ifndef RETURNS_H_INCLUDED
#define RETURNS_H_INCLUDED

#include <czmq.h>
#include "config.h"
#include "link.h"

//  The leases that one take was given.
typedef struct leases leases_t;

leases_t *leases_new (span_t group);
void leases_destroy (leases_t **self_p);
void leases_add (leases_t *self, span_t channel, uint64_t lease);

typedef struct returns returns_t;

//  Borrows both until destroyed. The link may end before; it is NULL then.
returns_t *returns_new (const config_t *config, link_t *const *link);

void returns_destroy (returns_t **self_p);

//  Gives the leases back, at once, or when Redis is there again. Takes them; NULL is fine.
void returns_leases (returns_t *self, leases_t **leases_p);

//  Gives a run of a lease's ids back.
void returns_run (returns_t *self, span_t channel, span_t group, uint64_t lease, uint64_t first, uint64_t last);

//  Redis is there again.
void returns_again (returns_t *self);

//  How many steps have not been confirmed.
size_t returns_count (const returns_t *self);

#endif
