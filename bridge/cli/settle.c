//  zrb ack, nack, touch, bury - settle what was taken; zrb release gives back all that a consumer has.

#include <inttypes.h>
#include "limit.h"
#include "query.h"
#include "subcommands.h"
#include "zrb.h"

#define MOST_DELAY_MS (UINT64_C (1) << 53)
#define MOST_LEASE_MS 604800000

//  "done 17 18", where there are any.
static bool s_print_list (answer_t *answer, const char *key)
{
    cursor_t at;
    uint32_t count;
    uint64_t id;
    if (!answer_value (answer, key, &at) || !cursor_array (&at, &count) || count == 0) {
        return false;
    }
    printf ("%s", key);
    for (; count > 0 && cursor_uint (&at, &id); count--) {
        printf (" %" PRIu64, id);
    }
    putchar ('\n');
    return true;
}

static int s_print (const args_t *args, answer_t *answer)
{
    if (args_flag (args, "json")) {
        json_answer (stdout, answer);
    } else {
        bool any = s_print_list (answer, "done");
        any = s_print_list (answer, "already") || any;
        any = s_print_list (answer, "stale") || any;
        if (!any) {
            puts ("nothing: no such lease");
        }
    }
    return answer_lists (answer, "stale") ? ZRB_BAD : ZRB_GOOD;
}

//  Packs the operands "ID:LEASE" behind the channel. Returns 0, or an exit status.
static int s_pack_items (msgpack_packer *packer, const args_t *args)
{
    pack_text (packer, "items");
    msgpack_pack_array (packer, args_operands (args) - 1);
    for (size_t at = 1; at < args_operands (args); at++) {
        const char *item = args_operand (args, at), *colon = strchr (item, ':');
        uint64_t id, lease;
        if (!colon || !number_read (&id, item, ':') || !number_read (&lease, colon + 1, 0)) {
            return zrb_complain (ZRB_USAGE, "\"%.64s\" is no ID:LEASE, as 17:3", item);
        }
        msgpack_pack_array (packer, 2);
        msgpack_pack_uint64 (packer, id);
        msgpack_pack_uint64 (packer, lease);
    }
    return 0;
}

//  Begins the op with so many keys of its own; *packer is NULL where the arguments are wrong.
static int s_begin (session_t **session, msgpack_packer **packer, const args_t *args, const char *op, size_t more)
{
    uint64_t lease = args_count (args, "all-of");
    if ((lease != 0) == (args_operands (args) > 1)) {
        return zrb_complain (ZRB_USAGE, "%s wants either ID:LEASE... or --all-of LEASE; see zrb %s --help", op, op);
    }
    *session = session_new (args, 1);
    if (!*session) {
        return ZRB_USAGE;
    }
    *packer = session_begin (*session, op, 3 + more);
    key_text (*packer, "channel", args_operand (args, 0));
    key_text (*packer, "group", args_text (args, "group"));
    int status = 0;
    if (lease) {
        key_number (*packer, "lease", lease);
    } else if ((status = s_pack_items (*packer, args))) {
        session_destroy (session);
    }
    return status;
}

static int s_ack (const args_t *args)
{
    session_t *session;
    msgpack_packer *packer;
    int status = s_begin (&session, &packer, args, "ack", 0);
    return status ? status : query_end (&session, args, 0, NULL, s_print);
}

static int s_nack (const args_t *args)
{
    session_t *session;
    msgpack_packer *packer;
    const char *reason = args_text (args, "reason");
    int status = s_begin (&session, &packer, args, "nack", 1 + (reason != NULL));
    if (status) {
        return status;
    }
    key_number (packer, "delay_ms", args_count (args, "delay"));
    if (reason) {
        key_text (packer, "reason", reason);
    }
    return query_end (&session, args, 0, NULL, s_print);
}

static int s_touch (const args_t *args)
{
    session_t *session;
    msgpack_packer *packer;
    int status = s_begin (&session, &packer, args, "touch", 1);
    if (status) {
        return status;
    }
    key_number (packer, "lease_ms", args_count (args, "lease"));
    return query_end (&session, args, 0, NULL, s_print);
}

static int s_bury (const args_t *args)
{
    session_t *session;
    msgpack_packer *packer;
    const char *reason = args_text (args, "reason");
    int status = s_begin (&session, &packer, args, "bury", reason != NULL);
    if (status) {
        return status;
    }
    if (reason) {
        key_text (packer, "reason", reason);
    }
    return query_end (&session, args, 0, NULL, s_print);
}

#define SETTLE_OPTIONS                                                                                                 \
    {"group", 'g', OPTION_TEXT, "GROUP", "default", 0, 0, "the group that it was taken from", "ZRB_GROUP"},            \
    {                                                                                                                  \
        "all-of", 'a', OPTION_COUNT, "LEASE", NULL, 1, UINT64_C (1) << 53, "all that is left of that lease", NULL      \
    }

#define SETTLE_COMMAND                                                                                                 \
    .operands = "CHANNEL [ID:LEASE]...", .least = 1, .most = LIMIT_SETTLE_ITEMS + 1,                                   \
    .statuses = "Exit status: 0 settled, now or before; 1 something is stale: not yours, or no longer, or it could\n"  \
                "not be done; 2 wrong usage; 3 no bridge answers."

static const option_t ack_options[] = {SETTLE_OPTIONS};

const command_t ack_command = {
    .name = "ack",
    .does = "settles taken messages as worked",
    .about = "",
    SETTLE_COMMAND,
    OPTIONS (ack_options),
    .examples = "  zrb ack jobs 17:3 18:3   # two messages that were taken with lease 3\n"
                "  zrb ack jobs --all-of 3  # all of that lease\n",
    .run = s_ack,
};

static const option_t nack_options[] = {
    SETTLE_OPTIONS,
    {"delay", 'd', OPTION_TIME, "TIME", NULL, 0, MOST_DELAY_MS, "not to be given before that time is over", NULL},
    {"reason", 'm', OPTION_TEXT, "TEXT", NULL, 0, 0, "for the dead letter that may come of it", NULL},
};

const command_t nack_command = {
    .name = "nack",
    .does = "gives taken messages back, to be delivered again",
    .about = "",
    SETTLE_COMMAND,
    OPTIONS (nack_options),
    .examples = "  zrb nack jobs 17:3 --delay 5m --reason 'the shop is closed'\n",
    .run = s_nack,
};

static const option_t touch_options[] = {
    SETTLE_OPTIONS,
    {"lease", 'l', OPTION_TIME, "TIME", "30s", 1, MOST_LEASE_MS, "how long it runs from now on", NULL},
};

const command_t touch_command = {
    .name = "touch",
    .does = "lets the lease of taken messages run anew",
    .about = "",
    SETTLE_COMMAND,
    OPTIONS (touch_options),
    .examples = "  zrb touch jobs 17:3 --lease 10m\n",
    .run = s_touch,
};

static const option_t bury_options[] = {
    SETTLE_OPTIONS,
    {"reason", 'm', OPTION_TEXT, "TEXT", NULL, 0, 0, "for the dead letter", NULL},
};

const command_t bury_command = {
    .name = "bury",
    .does = "puts taken messages among the dead letters",
    .about = "",
    SETTLE_COMMAND,
    OPTIONS (bury_options),
    .examples = "  zrb bury jobs 17:3 --reason 'no such customer'\n",
    .run = s_bury,
};

//  release

static int s_print_released (const args_t *args, answer_t *answer)
{
    if (args_flag (args, "json")) {
        json_answer (stdout, answer);
    } else {
        printf ("released %" PRIu64 "\n", answer_uint (answer, "released"));
    }
    return ZRB_GOOD;
}

static int s_release (const args_t *args)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    msgpack_packer *packer = session_begin (session, "release", 3);
    key_text (packer, "channel", args_operand (args, 0));
    key_text (packer, "consumer", args_operand (args, 1));
    key_text (packer, "group", args_text (args, "group"));
    return query_end (&session, args, 0, NULL, s_print_released);
}

static const option_t release_options[] = {
    {"group", 'g', OPTION_TEXT, "GROUP", "default", 0, 0, "the group that it took from", "ZRB_GROUP"},
};

const command_t release_command = {
    .name = "release",
    .operands = "CHANNEL CONSUMER",
    .least = 2,
    .most = 2,
    .does = "gives back all that a consumer has, as no attempt",
    .about = "For a worker that was killed: what it had need not wait until its leases run out.\n",
    OPTIONS (release_options),
    .examples = "  zrb release jobs worker-1\n",
    .run = s_release,
};
