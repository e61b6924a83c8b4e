//  report - what a run has shown, for people and for programs.

#ifndef REPORT_H_INCLUDED
#define REPORT_H_INCLUDED

#include "histogram.h"
#include "plan.h"

typedef struct {
    const plan_t *plan;
    uint64_t sent;       //  messages
    uint64_t through;    //  messages that came all the way: received, confirmed, settled or read, by all in sum
    uint64_t receivers;  //  through / receivers is what counts as the rate
    double seconds;
    const histogram_t *latency;  //  nanoseconds
    uint64_t lost, late, doubles, damaged, unsettled, redelivered;
    bool interrupted;
    char error[256];  //  why it ended early; empty: it did not
    char version[64], redis[64], durability[32];
} report_t;

//  True when all checks passed and nothing went wrong.
bool report_is_good (const report_t *self);

//  Prints to stdout in the plan's form. Returns -1 when that can't be written.
int report_print (const report_t *self);

#endif
