//  zrb pending, dead, redrive - who holds what in a group, what has died in it, and back to life.

#include <inttypes.h>
#include "limit.h"
#include "query.h"
#include "subcommands.h"
#include "zrb.h"

#define GROUP_OPTION                                                                                                   \
    {                                                                                                                  \
        "group", 'g', OPTION_TEXT, "GROUP", "default", 0, 0, "the group", "ZRB_GROUP"                                  \
    }

//  pending

typedef struct {
    uint64_t id, lease, attempt, elapsed_ms, remaining_ms;
    span_t consumer;  //  size 0: it has no name
} held_t;

static bool s_read_held (held_t *self, cursor_t *at)
{
    uint32_t items;
    cursor_t inside = *at;
    cursor_skip (at);
    *self = (held_t){.consumer = span_text ("")};
    return cursor_array (&inside, &items) && items >= 6 && cursor_uint (&inside, &self->id) &&
           cursor_uint (&inside, &self->lease) && cursor_uint (&inside, &self->attempt) &&
           (cursor_nil (&inside) || cursor_bytes (&inside, &self->consumer)) &&
           cursor_uint (&inside, &self->elapsed_ms) && cursor_uint (&inside, &self->remaining_ms);
}

static void s_print_held (const held_t *held)
{
    printf ("{\"id\": %" PRIu64 ", \"lease\": %" PRIu64 ", \"attempt\": %" PRIu64 ", ", held->id, held->lease,
        held->attempt);
    if (held->consumer.size) {
        json_pair (stdout, "consumer", held->consumer);
    } else {
        printf ("\"consumer\": null");
    }
    printf (", \"elapsed_ms\": %" PRIu64 ", \"remaining_ms\": %" PRIu64 "}\n", held->elapsed_ms, held->remaining_ms);
}

static int s_print_pending (const args_t *args, answer_t *answer)
{
    static const column_t columns[] = {
        {"ID", true}, {"LEASE", true}, {"ATTEMPT", true}, {"CONSUMER", false}, {"FOR", true}, {"LEFT", true}};
    cursor_t at;
    uint32_t count = 0;
    bool json = args_flag (args, "json");
    held_t held;
    char age[AGE_SIZE];
    table_t *table = table_new (columns, sizeof columns / sizeof *columns);
    if (answer_value (answer, "leases", &at)) {
        cursor_array (&at, &count);
    }
    if (count == 0 && !json) {
        puts ("nothing is leased");
    }
    for (uint32_t left = count; left > 0 && s_read_held (&held, &at); left--) {
        if (json) {
            s_print_held (&held);
        } else {
            table_cell (table, "%" PRIu64, held.id);
            table_cell (table, "%" PRIu64, held.lease);
            table_cell (table, "%" PRIu64, held.attempt);
            table_cell (table, "%.*s", (int)held.consumer.size, held.consumer.data);
            table_cell (table, "%s", age_text (age, held.elapsed_ms));
            table_cell (table, "%s", age_text (age, held.remaining_ms));
        }
    }
    if (count && !json) {
        table_print (table, output_width ());
    }
    table_destroy (&table);
    return ZRB_GOOD;
}

static int s_pending (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    const char *consumer = args_text (args, "consumer");
    msgpack_packer *packer = session_begin (session, "pending", 4 + (consumer != NULL));
    key_text (packer, "channel", args_operand (args, 0));
    key_text (packer, "group", args_text (args, "group"));
    key_number (packer, "max", args_count (args, "max"));
    key_number (packer, "min_elapsed_ms", args_count (args, "elapsed"));
    if (consumer) {
        key_text (packer, "consumer", consumer);
    }
    return query_end (&session, args, 0, NULL, s_print_pending);
}

static const option_t pending_options[] = {
    GROUP_OPTION,
    {"max", 'n', OPTION_COUNT, "COUNT", "1000", 1, LIMIT_REPLAY_MESSAGES, "messages at most", NULL},
    {"elapsed", 'e', OPTION_TIME, "TIME", NULL, 0, UINT64_C (1) << 53, "only what was taken that long ago or longer",
        NULL},
    {"consumer", 'c', OPTION_TEXT, "NAME", NULL, 0, 0, "only what this one holds", NULL},
};

const command_t pending_command = {
    .name = "pending",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "tells who holds what in a group, for how long, and how often it was tried",
    .about = "",
    OPTIONS (pending_options),
    .examples = "  zrb pending jobs\n"
                "  zrb pending jobs -e 10m   # what has been worked on for ten minutes\n",
    .run = s_pending,
};

//  dead

static void s_dead_row (table_t *table, const given_t *given)
{
    cursor_t value;
    uint64_t dead_ms = 0, attempts = 0;
    span_t reason = span_text (""), consumer = span_text ("");
    char time[TIME_SIZE];
    if (map_value (given->more, "dead_ms", &value)) {
        cursor_uint (&value, &dead_ms);
    }
    if (map_value (given->more, "attempts", &value)) {
        cursor_uint (&value, &attempts);
    }
    if (map_value (given->more, "reason", &value)) {
        cursor_bytes (&value, &reason);
    }
    if (map_value (given->more, "consumer", &value)) {
        cursor_bytes (&value, &consumer);
    }
    table_cell (table, "%" PRIu64, given->envelope.id);
    table_cell (table, "%s", time_text (time, dead_ms));
    table_cell (table, "%" PRIu64, attempts);
    table_cell (table, "%.*s", (int)consumer.size, consumer.data);
    table_cell (table, "%.*s", (int)reason.size, reason.data);
    given_cell (given, table);
}

//  The message, and the letter's keys beside it.
static void s_dead_json (const given_t *given)
{
    cursor_t at = given->more;
    uint32_t count = 0;
    span_t key;
    json_message (stdout, given->channel, &given->envelope);
    for (cursor_map (&at, &count); count > 0 && cursor_str (&at, &key); count--) {
        printf (", \"%.*s\": ", (int)key.size, key.data);
        json_value (stdout, &at);
    }
    printf ("}\n");
}

static int s_print_dead (const args_t *args, answer_t *answer)
{
    static const column_t columns[] = {
        {"ID", true}, {"DIED", false}, {"ATTEMPTS", true}, {"CONSUMER", false}, {"REASON", false}, {"PAYLOAD", false}};
    cursor_t at;
    bool json = args_flag (args, "json");
    uint32_t count = answer_messages (answer, &at);
    given_t given;
    table_t *table = table_new (columns, sizeof columns / sizeof *columns);
    if (count == 0 && !json) {
        puts ("nothing is dead");
    }
    for (uint32_t left = count; left > 0 && given_read (&given, &at); left--) {
        if (json) {
            s_dead_json (&given);
        } else {
            s_dead_row (table, &given);
        }
    }
    if (count && !json) {
        table_print (table, output_width ());
    }
    table_destroy (&table);
    return ZRB_GOOD;
}

static int s_dead (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    msgpack_packer *packer = session_begin (session, "dead", 3);
    key_text (packer, "channel", args_operand (args, 0));
    key_text (packer, "group", args_text (args, "group"));
    key_number (packer, "max", args_count (args, "max"));
    return query_end (&session, args, 0, NULL, s_print_dead);
}

static const option_t dead_options[] = {
    GROUP_OPTION,
    {"max", 'n', OPTION_COUNT, "COUNT", "1000", 1, LIMIT_REPLAY_MESSAGES, "messages at most", NULL},
};

const command_t dead_command = {
    .name = "dead",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "tells the dead letters of a group, and why they died",
    .about = "",
    OPTIONS (dead_options),
    .examples = "  zrb dead jobs\n"
                "  zrb dead jobs --json | jq -r .reason | sort | uniq -c\n",
    .run = s_dead,
};

//  redrive

static int s_print_redriven (const args_t *args, answer_t *answer)
{
    if (args_flag (args, "json")) {
        json_answer (stdout, answer);
    } else {
        printf ("redriven %" PRIu64 "\n", answer_uint (answer, "redriven"));
    }
    return ZRB_GOOD;
}

static int s_redrive (const args_t *args)
{
    bool all = args_flag (args, "all");
    size_t count = args_operands (args) - 1;
    if (all == (count > 0)) {
        return zrb_complain (ZRB_USAGE, "redrive wants either ID... or --all; see zrb redrive --help");
    }
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    msgpack_packer *packer = session_begin (session, "redrive", 3);
    key_text (packer, "channel", args_operand (args, 0));
    key_text (packer, "group", args_text (args, "group"));
    if (all) {
        key_true (packer, "all");
    } else {
        pack_text (packer, "ids");
        msgpack_pack_array (packer, count);
    }
    for (size_t at = 1; at <= count; at++) {
        uint64_t id;
        if (!number_read (&id, args_operand (args, at), 0)) {
            session_destroy (&session);
            return zrb_complain (ZRB_USAGE, "\"%.64s\" is no id", args_operand (args, at));
        }
        msgpack_pack_uint64 (packer, id);
    }
    return query_end (&session, args, 0, NULL, s_print_redriven);
}

static const option_t redrive_options[] = {
    GROUP_OPTION,
    {"all", 'a', OPTION_FLAG, NULL, NULL, 0, 0, "all that are dead", NULL},
};

const command_t redrive_command = {
    .name = "redrive",
    .operands = "CHANNEL [ID]...",
    .least = 1,
    .most = LIMIT_REDRIVE_IDS + 1,
    .does = "brings dead letters back to be delivered",
    .about = "",
    OPTIONS (redrive_options),
    .examples = "  zrb redrive jobs 17 18\n"
                "  zrb redrive jobs --all -g mailers\n",
    .run = s_redrive,
};
