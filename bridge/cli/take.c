//  zrb take, zrb peek - messages of a group, leased; or looked at, and left where they are.

#include <inttypes.h>
#include "query.h"
#include "subcommands.h"
#include "zrb.h"

#define MOST_WAIT_MS 3600000
#define MOST_LEASE_MS 604800000

//  Prints one message as JSON, as its payload alone, or as a row of the table.
typedef void print_one_fn (const args_t *args, given_t *given, table_t *table);

//  Prints the messages of an answer. Returns the exit status: without any, it is bad.
static int s_print_all (
    const args_t *args, answer_t *answer, const column_t *columns, size_t column_count, print_one_fn *print_one)
{
    cursor_t at;
    uint32_t count = answer_messages (answer, &at);
    int status = count ? ZRB_GOOD : ZRB_BAD;
    table_t *table = table_new (columns, column_count);
    given_t given;
    for (; count > 0 && given_read (&given, &at); count--) {
        print_one (args, &given, table);
    }
    if (status == ZRB_GOOD && !args_flag (args, "json") && !args_flag (args, "raw")) {
        table_print (table, output_width ());
    }
    table_destroy (&table);
    return status;
}

//  take

static void s_print_take (const args_t *args, given_t *given, table_t *table)
{
    uint64_t lease = 0, attempt = 0;
    char time[TIME_SIZE];
    if (cursor_uint (&given->more, &lease)) {
        cursor_uint (&given->more, &attempt);
    }
    if (args_flag (args, "json")) {
        json_message (stdout, given->channel, &given->envelope);
        printf (", \"lease\": %" PRIu64 ", \"attempt\": %" PRIu64 "}\n", lease, attempt);
    } else if (args_flag (args, "raw")) {
        given_print_raw (given);
    } else {
        table_cell (table, "%.*s", (int)given->channel.size, given->channel.data);
        table_cell (table, "%" PRIu64, given->envelope.id);
        table_cell (table, "%" PRIu64, lease);
        table_cell (table, "%" PRIu64, attempt);
        table_cell (table, "%s", time_text (time, given->envelope.time_ms));
        given_cell (given, table);
    }
}

static int s_print_takes (const args_t *args, answer_t *answer)
{
    static const column_t columns[] = {
        {"CHANNEL", false}, {"ID", true}, {"LEASE", true}, {"ATTEMPT", true}, {"TIME", false}, {"PAYLOAD", false}};
    return s_print_all (args, answer, columns, sizeof columns / sizeof *columns, s_print_take);
}

static int s_take (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    const char *consumer = args_text (args, "consumer");
    msgpack_packer *packer = session_begin (session, "take", 6 + (consumer != NULL));
    pack_text (packer, "channels");
    msgpack_pack_array (packer, args_operands (args));
    for (size_t at = 0; at < args_operands (args); at++) {
        pack_text (packer, args_operand (args, at));
    }
    key_text (packer, "group", args_text (args, "group"));
    key_number (packer, "max", args_count (args, "max"));
    key_number (packer, "lease_ms", args_count (args, "lease"));
    key_number (packer, "wait_ms", args_count (args, "for"));
    key_text (packer, "ack", args_flag (args, "done") ? "none" : "explicit");
    if (consumer) {
        key_text (packer, "consumer", consumer);
    }
    return query_end (&session, args, args_count (args, "for"), NULL, s_print_takes);
}

static const option_t take_options[] = {
    {"group", 'g', OPTION_TEXT, "GROUP", "default", 0, 0, "the group to take from; made when it isn't there",
        "ZRB_GROUP"},
    {"max", 'n', OPTION_COUNT, "COUNT", "1", 1, 10000, "messages at most", NULL},
    {"lease", 'l', OPTION_TIME, "TIME", "30s", 1, MOST_LEASE_MS, "how long they are leased", NULL},
    {"for", 'f', OPTION_TIME, "TIME", NULL, 0, MOST_WAIT_MS, "with nothing to take, wait so long for something", NULL},
    {"consumer", 'c', OPTION_TEXT, "NAME", NULL, 0, 0, "who takes: pending tells it, release gives back what it has",
        NULL},
    {"done", 'd', OPTION_FLAG, NULL, NULL, 0, 0, "they are done with being taken, and never given again", NULL},
    {"raw", 'r', OPTION_FLAG, NULL, NULL, 0, 0, "print the payloads alone, each with a newline", NULL},
};

const command_t take_command = {
    .name = "take",
    .operands = "CHANNEL...",
    .least = 1,
    .most = 1000,
    .does = "takes messages of a group to work on them",
    .about =
        "CHANNEL is a name or a glob. The first one is drained before the second. What was taken is to be settled by\n"
        "ack, nack or bury before its lease runs out; then it goes to another.\n",
    .statuses = "Exit status: 0 something was taken, 1 there was nothing, or it could not be done, 2 wrong usage,\n"
                "3 no bridge answers.",
    OPTIONS (take_options),
    .examples = "  zrb take jobs                         # one message, with its lease\n"
                "  zrb take urgent 'jobs.*' -n 10 -f 1m  # waits a minute for something\n"
                "  zrb take jobs --done --raw            # delivered at most once\n",
    .run = s_take,
};

//  peek

static void s_print_peek (const args_t *args, given_t *given, table_t *table)
{
    char time[TIME_SIZE];
    if (args_flag (args, "json")) {
        json_message (stdout, given->channel, &given->envelope);
        printf ("}\n");
    } else if (args_flag (args, "raw")) {
        given_print_raw (given);
    } else {
        table_cell (table, "%" PRIu64, given->envelope.id);
        table_cell (table, "%s", time_text (time, given->envelope.time_ms));
        given_cell (given, table);
    }
}

static int s_print_peeks (const args_t *args, answer_t *answer)
{
    static const column_t columns[] = {{"ID", true}, {"TIME", false}, {"PAYLOAD", false}};
    return s_print_all (args, answer, columns, sizeof columns / sizeof *columns, s_print_peek);
}

static int s_peek (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    const char *group = args_text (args, "group");
    msgpack_packer *packer = session_begin (session, "peek", 4 + (group != NULL));
    key_text (packer, "channel", args_operand (args, 0));
    key_text (packer, "end", args_flag (args, "tail") ? "tail" : "head");
    key_number (packer, "max", args_count (args, "max"));
    key_number (packer, "wait_ms", args_count (args, "for"));
    if (group) {
        key_text (packer, "group", group);
    }
    return query_end (&session, args, args_count (args, "for"), NULL, s_print_peeks);
}

static const option_t peek_options[] = {
    {"group", 'g', OPTION_TEXT, "GROUP", NULL, 0, 0, "what waits in that group, as it would be taken", NULL},
    {"tail", 'e', OPTION_FLAG, NULL, NULL, 0, 0, "the newest first, not the oldest", NULL},
    {"max", 'n', OPTION_COUNT, "COUNT", "10", 1, 100000, "messages at most", NULL},
    {"for", 'f', OPTION_TIME, "TIME", NULL, 0, MOST_WAIT_MS, "with nothing to show, wait so long for something", NULL},
    {"raw", 'r', OPTION_FLAG, NULL, NULL, 0, 0, "print the payloads alone, each with a newline", NULL},
};

const command_t peek_command = {
    .name = "peek",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "looks at the oldest or the newest messages of a channel",
    .about = "Nothing is leased or moved.\n",
    .statuses = "Exit status: 0 there was something, 1 there was nothing, or it could not be done, 2 wrong usage,\n"
                "3 no bridge answers.",
    OPTIONS (peek_options),
    .examples = "  zrb peek orders --tail -n 3    # the three newest\n"
                "  zrb peek '$rejected' --tail    # what was refused, and why\n"
                "  zrb peek jobs -g default       # what would be taken next\n",
    .run = s_peek,
};
