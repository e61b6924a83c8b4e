//  deadline - how an actor's loop waits: until something comes, or until the soonest time that somebody has named.
//
//  Times are zclock_mono's milliseconds; INT64_MAX: none.

#ifndef DEADLINE_H_INCLUDED
#define DEADLINE_H_INCLUDED

#include <czmq.h>

static inline int64_t deadline_sooner (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

//  Polls the items until the deadline. Fills their revents; passes over descriptors of -1.
static inline void deadline_poll (zmq_pollitem_t *items, int count, int64_t deadline_ms)
{
    int64_t wait_ms = -1;
    if (deadline_ms != INT64_MAX) {
        wait_ms = deadline_ms - zclock_mono ();
        wait_ms = wait_ms > 0 ? wait_ms : 0;
    }
    zmq_poll (items, count, wait_ms);
}

#endif
