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

//  Polls the items until the deadline. Fills their revents; passes over descriptors of -1. Looks again and again for
//  spin_us before it sleeps: what comes meanwhile need not wake the thread.
static inline void deadline_poll (zmq_pollitem_t *items, int count, int64_t deadline_ms, int64_t spin_us)
{
    int64_t wait_ms = -1;
    if (deadline_ms != INT64_MAX) {
        wait_ms = deadline_ms - zclock_mono ();
        wait_ms = wait_ms > 0 ? wait_ms : 0;
    }
    if (spin_us > 0 && wait_ms != 0) {
        int64_t until_us = zclock_usecs () + spin_us;
        do {
            if (zmq_poll (items, count, 0) > 0) {
                return;
            }
        } while (zclock_usecs () < until_us);
    }
    zmq_poll (items, count, wait_ms);
}

#endif
