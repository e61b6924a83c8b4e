//  snapshot - what an actor tells the monitor of itself: by value, when something has changed, not more often than every
//  200 ms, and at once when Redis goes or comes.
//
//  A snapshots_t belongs to one actor, in its thread.

#ifndef SNAPSHOT_H_INCLUDED
#define SNAPSHOT_H_INCLUDED

#include <czmq.h>
#include "counters.h"
#include "link.h"

//  Where the monitor takes them: a PULL socket, one snapshot_t a message.
#define SNAPSHOT_ENDPOINT "inproc://monitor"

typedef struct {
    char actor[24];           //  "lane", "control", "keeper", "workers-1" …
    bool up;                  //  its connection to Redis
    char trouble[160];        //  why it is not, or why Redis takes no writes; "": neither
    int64_t silent_since_ms;  //  zclock_mono: Redis owes it a reply since then; 0: none
    char durability[16];      //  as info tells it; "": Redis was not met yet
    char redis_version[16];
    counters_t counters;
} snapshot_t;

typedef struct snapshots snapshots_t;

//  `link` and `counters` are borrowed until destroyed.
snapshots_t *snapshots_new (const char *actor, const link_t *link, const counters_t *counters);

void snapshots_destroy (snapshots_t **self_p);

//  Tells the monitor, when that is due. To be called once in each turn of the actor's loop. `refusal`: why Redis takes no
//  writes; NULL or "": it does, as far as the actor knows.
void snapshots_work (snapshots_t *self, const char *refusal);

//  When snapshots_work must be called again; INT64_MAX: not before something happens.
int64_t snapshots_deadline_ms (const snapshots_t *self);

#endif
