//  census - counts what waits, is leased, or is dead in all groups of all channels, again and again, at a gentle pace.
//
//  Part of the keeper, in its thread, over its link. Each round is told to the monitor; the sums stand in the keeper's
//  counters.

#ifndef CENSUS_H_INCLUDED
#define CENSUS_H_INCLUDED

#include <czmq.h>
#include "config.h"
#include "counters.h"
#include "link.h"

//  Where the monitor takes a round: a PULL socket, an array of group_row_t a message, at most CENSUS_ROWS.
#define CENSUS_ENDPOINT "inproc://census"

enum { CENSUS_ROWS = 100, CENSUS_NAME = 201 };

typedef struct {
    char channel[CENSUS_NAME];
    char group[CENSUS_NAME];
    uint64_t waiting;
    uint64_t leased;
    uint64_t dead;
    int64_t oldest_ms;  //  zclock_time: when the oldest that waits was appended; 0: none waits
} group_row_t;

typedef struct census census_t;

//  All are borrowed until destroyed.
census_t *census_new (const config_t *config, link_t *link, counters_t *counters);

//  After the link was destroyed, which calls back.
void census_destroy (census_t **self_p);

//  When census_work must be called; INT64_MAX: not before a reply has come.
int64_t census_deadline_ms (const census_t *self);

//  Asks the next thing, when that is due and nothing is under way.
void census_work (census_t *self);

#endif
