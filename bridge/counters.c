//  counters - the table. Constant data, read by every thread.

#include "counters.h"

static const char *s_reason (size_t index)
{
    static const char *const names[REASON_COUNT] = {
        [REASON_BAD_REQUEST] = "bad_request",
        [REASON_BAD_CHANNEL] = "bad_channel",
        [REASON_TOO_LARGE] = "too_large",
        [REASON_DENIED] = "denied",
        [REASON_WRONG_TYPE] = "wrong_type",
    };
    return names[index];
}

static const char *s_op (size_t index)
{
    return op_name ((op_t)index);
}

static const char *s_code (size_t index)
{
    return index == CODE_OK ? NULL : code_name ((code_t)index);
}

#define FIELD(name_) .name = #name_, .offset = offsetof (counters_t, name_)

//  What info tells
#define TOLD(name_, metric_, kind_, help_)                                                                             \
    {                                                                                                                  \
        FIELD (name_), .metric = metric_, .count = 1, .kind = kind_, .told = true, .help = help_                       \
    }
#define TOLD_OF(name_, metric_, label_, value_, help_)                                                                 \
    {                                                                                                                  \
        FIELD (name_), .metric = metric_, .label = label_, .value = value_, .count = 1, .told = true, .help = help_    \
    }
//  What the metrics alone do
#define MORE(name_, metric_, kind_, help_)                                                                             \
    {                                                                                                                  \
        FIELD (name_), .metric = metric_, .count = 1, .kind = kind_, .help = help_                                     \
    }
#define MORE_OF(name_, metric_, label_, value_, help_)                                                                 \
    {                                                                                                                  \
        FIELD (name_), .metric = metric_, .label = label_, .value = value_, .count = 1, .help = help_                  \
    }
#define EACH(name_, metric_, label_, value_of_, count_, help_)                                                         \
    {                                                                                                                  \
        FIELD (name_), .metric = metric_, .label = label_, .value_of = value_of_, .count = count_, .help = help_       \
    }

const counter_t counter_table[] = {
    TOLD_OF (pull_messages, "messages_in", "socket", "pull", "Messages read from clients, refused ones too."),
    TOLD_OF (sub_messages, "messages_in", "socket", "sub", NULL),
    TOLD_OF (publish_messages, "messages_in", "socket", "router", NULL),
    TOLD (received_bytes, NULL, TOTAL, NULL),
    MORE_OF (pull_bytes, "bytes_in", "socket", "pull", "Bytes of payloads and headers of messages not refused."),
    MORE_OF (sub_bytes, "bytes_in", "socket", "sub", NULL),
    MORE_OF (publish_bytes, "bytes_in", "socket", "router", NULL),
    TOLD (rejected_messages, NULL, TOTAL, NULL),
    EACH (rejects, "rejected_messages", "reason", s_reason, REASON_COUNT,
        "Messages from PULL and SUB that were refused and stand in $rejected."),
    TOLD (stored_messages, "stored_messages", TOTAL, "Messages that Redis confirmed as appended."),
    TOLD (duplicate_messages, "duplicate_messages", TOTAL, "Messages not stored, since their msg_id was known."),
    TOLD (delayed_messages, "delayed_messages", TOTAL, "Messages stored to wait until they are due."),
    TOLD (stored_batches, "stored_batches", TOTAL, "Appends that Redis confirmed."),
    TOLD (restamped_batches, "restamped_batches", TOTAL, "Appends before which another writer came."),
    TOLD (resent_batches, "resent_batches", TOTAL, "Appends sent again: refused, or their connection was lost."),
    TOLD (id_jumps, "id_jumps", TOTAL, "Appends at which ids were left out, since Redis may have lost writes."),
    TOLD_OF (fanout_messages, "messages_out", "socket", "pub", "Messages sent to clients."),
    MORE_OF (pushed_messages, "messages_out", "socket", "push", NULL),
    MORE_OF (reply_messages, "messages_out", "socket", "router", NULL),
    MORE_OF (fanout_bytes, "bytes_out", "socket", "pub", "Bytes of the envelopes sent to clients."),
    MORE_OF (pushed_bytes, "bytes_out", "socket", "push", NULL),
    MORE_OF (reply_bytes, "bytes_out", "socket", "router", NULL),
    TOLD (refilled_messages, "refilled_messages", TOTAL, "Messages fanned out that others had appended."),
    MORE (fanout_holes, "fanout_holes", TOTAL, "Holes passed over in fanning out: the log did not have the ids."),
    TOLD (in_flight_messages, "in_flight_messages", GAUGE, "Messages read and not yet confirmed by Redis."),
    TOLD (in_flight_bytes, "in_flight_bytes", GAUGE, "The same in bytes."),
    TOLD (redis_connects, "redis_connects", TOTAL, "Connections of the lane to Redis that came up."),
    TOLD (channels, "channels", GAUGE, "Channels that this bridge has met."),
    EACH (requests, "requests", "op", s_op, OP_COUNT, "Requests whose op is known."),
    EACH (faults, "request_errors", "code", s_code, CODE_COUNT, "Answers that are not ok."),
    MORE (open_requests, "open_requests", GAUGE, "Requests not yet answered, those that wait included."),
    MORE (waiting_takes, "waiting_takes", GAUGE, "Takes that wait for a message."),
    MORE (waiting_replays, "waiting_replays", GAUGE, "Replays and peeks that wait for a message."),
    TOLD (undelivered_replies, "undelivered_replies", TOTAL, "Answers whose client was gone, or took nothing."),
    MORE (redelivered_messages, "redelivered_messages", TOTAL, "Messages given to a worker once more."),
    MORE (waiting_messages, "waiting_messages", GAUGE, "Messages that wait in groups, of all channels."),
    MORE (leased_messages, "leased_messages", GAUGE, "Messages that are leased, of all channels and groups."),
    MORE (dead_messages, "dead_messages", GAUGE, "Dead letters, of all channels and groups."),
    MORE (untold_groups, "untold_groups", GAUGE, "Groups without metrics of their own, since there are too many."),
};

const size_t counter_count = sizeof counter_table / sizeof *counter_table;

const distribution_t distribution_table[] = {
    {"append_seconds", buckets_of_us, 1e-6, "Time from sending an append until Redis confirmed it.",
        offsetof (counters_t, append_us)},
    {"batch_messages", buckets_of_messages, 1, "Messages of an append.", offsetof (counters_t, batch_messages)},
};

const size_t distribution_count = sizeof distribution_table / sizeof *distribution_table;

_Static_assert(sizeof (counters_t) % sizeof (uint64_t) == 0, "nothing but numbers");

uint64_t counter_value (const counters_t *self, const counter_t *row, size_t index)
{
    return ((const uint64_t *)((const char *)self + row->offset))[index];
}

void counters_add (counters_t *self, const counters_t *more)
{
    uint64_t *to = (uint64_t *)self;
    const uint64_t *from = (const uint64_t *)more;
    for (size_t i = 0; i < sizeof *self / sizeof *to; i++) {
        to[i] += from[i];
    }
}

void counters_stored (counters_t *self, size_t messages, uint64_t us)
{
    self->stored_batches++;
    self->stored_messages += messages;
    buckets_add (&self->batch_messages, buckets_of_messages, messages);
    buckets_add (&self->append_us, buckets_of_us, us);
}

reason_t reason_of (code_t code)
{
    return code == CODE_BAD_CHANNEL ? REASON_BAD_CHANNEL
           : code == CODE_TOO_LARGE ? REASON_TOO_LARGE
           : code == CODE_DENIED    ? REASON_DENIED
                                    : REASON_BAD_REQUEST;
}
