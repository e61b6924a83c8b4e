//  counters - what the bridge counts, and one table of it: the names that `info` gives it, its metrics and what they mean.
//
//  Each actor counts into a counters_t of its own, the fields that are its part; the bridge's are their sum.

#ifndef COUNTERS_H_INCLUDED
#define COUNTERS_H_INCLUDED

#include <stdbool.h>
#include "buckets.h"
#include "code.h"
#include "request.h"

//  Why what broke a rule on PULL or SUB was refused.
typedef enum {
    REASON_BAD_REQUEST,
    REASON_BAD_CHANNEL,
    REASON_TOO_LARGE,
    REASON_DENIED,
    REASON_WRONG_TYPE,  //  the channel's keys in Redis hold something else
    REASON_COUNT
} reason_t;

//  Since the start of the bridge, but for those that the table calls GAUGE, which are as of now.
typedef struct {
    //  The lane's
    uint64_t pull_messages;
    uint64_t sub_messages;
    uint64_t publish_messages;
    uint64_t received_bytes;  //  payloads and headers of messages from PULL and SUB
    uint64_t pull_bytes;      //  the same, of each
    uint64_t sub_bytes;
    uint64_t publish_bytes;
    uint64_t rejected_messages;
    uint64_t rejects[REASON_COUNT];  //  of those
    uint64_t stored_messages;
    uint64_t duplicate_messages;  //  not stored: their msg_id was there
    uint64_t delayed_messages;    //  wait in Redis until they are due
    uint64_t stored_batches;
    uint64_t restamped_batches;  //  another writer came between, or a clock was out of bounds
    uint64_t resent_batches;     //  refused, or their reply was lost
    uint64_t id_jumps;           //  appends that left ids out, since Redis may have lost some
    uint64_t fanout_messages;
    uint64_t fanout_bytes;
    uint64_t refilled_messages;  //  of those, read from the log: others wrote them
    uint64_t fanout_holes;       //  passed over, since the log did not have them
    uint64_t in_flight_messages;
    uint64_t in_flight_bytes;
    uint64_t redis_connects;
    uint64_t channels;  //  that this bridge has met
    buckets_t append_us;
    buckets_t batch_messages;
    //  Control's
    uint64_t requests[OP_COUNT];
    uint64_t faults[CODE_COUNT];  //  answers that are not ok
    uint64_t open_requests;
    uint64_t waiting_takes;
    uint64_t waiting_replays;
    uint64_t reply_messages;  //  in answers to take, replay and peek
    uint64_t reply_bytes;
    uint64_t undelivered_replies;
    //  Control's and the workers'
    uint64_t redelivered_messages;
    //  The workers'
    uint64_t pushed_messages;
    uint64_t pushed_bytes;
    //  The keeper's: as its last round found them
    uint64_t waiting_messages;
    uint64_t leased_messages;
    uint64_t dead_messages;
    uint64_t untold_groups;
} counters_t;

typedef enum { TOTAL, GAUGE } counter_kind_t;

typedef struct {
    const char *name;                        //  in info, /status and the log
    const char *metric;                      //  behind zrb_, without _total; NULL: it is none
    const char *label;                       //  NULL: it has none
    const char *value;                       //  of the label; NULL: value_of tells it
    const char *(*value_of) (size_t index);  //  of the number at index; NULL: that one is not told
    size_t count;                            //  of the numbers; 1 unless value_of tells them apart
    counter_kind_t kind;
    bool told;         //  by info
    const char *help;  //  of the metric; NULL where the row before has the same metric
    size_t offset;     //  of its uint64_t in counters_t
} counter_t;

//  Rows of one metric stand together.
extern const counter_t counter_table[];
extern const size_t counter_count;

typedef struct {
    const char *metric;  //  behind zrb_
    const uint64_t *bounds;
    double unit;  //  of the values, in the metric's
    const char *help;
    size_t offset;  //  of its buckets_t in counters_t
} distribution_t;

extern const distribution_t distribution_table[];
extern const size_t distribution_count;

//  The row's number at index.
uint64_t counter_value (const counters_t *self, const counter_t *row, size_t index);

void counters_add (counters_t *self, const counters_t *more);

//  Redis has confirmed an append of so many messages, so long after it was sent.
void counters_stored (counters_t *self, size_t messages, uint64_t us);

//  The reason for which a message with that fault is refused.
reason_t reason_of (code_t code);

#endif
