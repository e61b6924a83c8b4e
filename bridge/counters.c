//  counters - the table. Constant data, read by every thread.

#include "counters.h"

#define COUNTER(name)                                                                                                  \
    {                                                                                                                  \
#name, offsetof(counters_t, name)                                                                              \
    }

const counter_t counter_table[] = {
    COUNTER (pull_messages),
    COUNTER (sub_messages),
    COUNTER (publish_messages),
    COUNTER (received_bytes),
    COUNTER (rejected_messages),
    COUNTER (stored_messages),
    COUNTER (duplicate_messages),
    COUNTER (delayed_messages),
    COUNTER (stored_batches),
    COUNTER (restamped_batches),
    COUNTER (resent_batches),
    COUNTER (id_jumps),
    COUNTER (fanout_messages),
    COUNTER (refilled_messages),
    COUNTER (in_flight_messages),
    COUNTER (in_flight_bytes),
    COUNTER (redis_connects),
    COUNTER (channels),
};

const size_t counter_count = sizeof counter_table / sizeof *counter_table;

_Static_assert(
    sizeof counter_table / sizeof *counter_table == sizeof (counters_t) / sizeof (uint64_t), "each has a name");
