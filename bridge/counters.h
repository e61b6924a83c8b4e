//  counters - what the lane counts, and the names that `info` gives it: one table.

#ifndef COUNTERS_H_INCLUDED
#define COUNTERS_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

//  Since the start of the bridge, but for the in_flight ones and channels, which are as of now.
typedef struct {
    uint64_t pull_messages;
    uint64_t sub_messages;
    uint64_t publish_messages;
    uint64_t received_bytes;  //  payloads and headers of messages from PULL and SUB
    uint64_t rejected_messages;
    uint64_t stored_messages;
    uint64_t duplicate_messages;  //  not stored: their msg_id was there
    uint64_t delayed_messages;    //  wait in Redis until they are due
    uint64_t stored_batches;
    uint64_t restamped_batches;  //  another writer came between, or a clock was out of bounds
    uint64_t resent_batches;     //  refused, or their reply was lost
    uint64_t id_jumps;           //  appends that left ids out, since Redis may have lost some
    uint64_t fanout_messages;
    uint64_t refilled_messages;  //  of those, read from the log: others wrote them
    uint64_t in_flight_messages;
    uint64_t in_flight_bytes;
    uint64_t redis_connects;
    uint64_t channels;  //  that this bridge has met
} counters_t;

typedef struct {
    const char *name;
    size_t offset;  //  of its uint64_t in counters_t
} counter_t;

extern const counter_t counter_table[];
extern const size_t counter_count;

#endif
