//  rate - how often something that strangers can cause is logged: once a second, with how often it was. Owned by one
//  thread.

#ifndef RATE_H_INCLUDED
#define RATE_H_INCLUDED

#include <czmq.h>

enum { RATE_EVERY_MS = 1000 };

typedef struct {
    int64_t logged_ms;  //  zclock_mono; 0: never
    uint64_t unlogged;
} rate_t;

//  It has happened once more. Returns how often it has since it was last logged, when it is time to log it, else 0.
static inline uint64_t rate_count (rate_t *self)
{
    int64_t now_ms = zclock_mono ();
    uint64_t count = ++self->unlogged;
    if (self->logged_ms && now_ms < self->logged_ms + RATE_EVERY_MS) {
        return 0;
    }
    self->logged_ms = now_ms;
    self->unlogged = 0;
    return count;
}

#endif
