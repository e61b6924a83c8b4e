//  zrb group - the groups of channels; zrb pause and resume.

#include <inttypes.h>
#include <stdlib.h>
#include "name.h"
#include "query.h"
#include "subcommands.h"
#include "zrb.h"

//  Where a group begins

//  Reads {since_ms} of --since by the bridge's clock. Returns 0, or an exit status.
static int s_read_since (session_t *session, const args_t *args, uint64_t *since_ms)
{
    answer_t answer;
    session_begin (session, "ping", 0);
    int status = session_ask (session, 0, &answer);
    if (status == 0) {
        uint64_t now = answer_uint (&answer, "now_ms"), ago = args_count (args, "since");
        *since_ms = ago < now ? now - ago : 0;
        answer_clear (&answer);
    }
    return status;
}

static void s_pack_start (msgpack_packer *packer, const args_t *args, uint64_t since_ms)
{
    const char *start = args_text (args, "start");
    uint64_t id;
    pack_text (packer, "start");
    if (args_given (args, "since")) {
        msgpack_pack_map (packer, 1);
        key_number (packer, "since_ms", since_ms);
    } else if (start && number_read (&id, start, 0)) {
        msgpack_pack_uint64 (packer, id);
    } else {
        pack_text (packer, start ? start : "first");
    }
}

//  create, seek, delete

static int s_print_group (const args_t *args, answer_t *answer)
{
    static const char *const numbers[] = {"waiting", "leased", "dead"};
    cursor_t group, value;
    bool made = true;
    if (args_flag (args, "json")) {
        json_answer (stdout, answer);
        return ZRB_GOOD;
    }
    if (answer_value (answer, "made", &value) && cursor_bool (&value, &made) && !made) {
        printf ("was there: ");
    }
    for (size_t at = 0; at < 3 && answer_value (answer, "group", &group); at++) {
        uint64_t number = 0;
        if (map_value (group, numbers[at], &value)) {
            cursor_uint (&value, &number);
        }
        printf ("%s%s %" PRIu64, at ? ", " : "", numbers[at], number);
    }
    putchar ('\n');
    return ZRB_GOOD;
}

static int s_change (const args_t *args, const char *op, bool starts)
{
    session_t *session = session_new (args, 1);
    uint64_t since_ms = 0;
    if (!session) {
        return ZRB_USAGE;
    }
    int status = starts && args_given (args, "since") ? s_read_since (session, args, &since_ms) : 0;
    if (status) {
        session_destroy (&session);
        return status;
    }
    bool force = args_flag (args, "force");
    msgpack_packer *packer = session_begin (session, op, 2 + starts + force);
    key_text (packer, "channel", args_operand (args, 1));
    key_text (packer, "group", args_operand (args, 2));
    if (starts) {
        s_pack_start (packer, args, since_ms);
    }
    if (force) {
        key_true (packer, "force");
    }
    return query_end (&session, args, 0, starts || force ? NULL : "--force deletes it all the same", s_print_group);
}

//  list

typedef struct {
    const char *title, *key;
} number_t;

static const number_t group_numbers[] = {
    {"WAITING", "waiting"}, {"LEASED", "leased"}, {"DEAD", "dead"}, {"CONSUMERS", "consumers"}, {"CURSOR", "cursor"}};

enum { GROUP_NUMBERS = sizeof group_numbers / sizeof *group_numbers };

static void s_list_row (table_t *table, span_t channel, span_t group, cursor_t numbers)
{
    char age[AGE_SIZE];
    table_cell (table, "%.*s", (int)channel.size, channel.data);
    table_cell (table, "%.*s", (int)group.size, group.data);
    for (size_t at = 0; at < GROUP_NUMBERS; at++) {
        table_cell (table, "%" PRIu64, map_uint (numbers, group_numbers[at].key));
    }
    uint64_t oldest_ms = map_uint (numbers, "oldest_ms"), now = now_ms ();
    table_cell (table, "%s", oldest_ms ? age_text (age, oldest_ms < now ? now - oldest_ms : 0) : "");
    table_cell (table, "%s", map_flag (numbers, "paused") ? "paused" : "");
}

static void s_list_json (span_t channel, span_t group, cursor_t numbers)
{
    uint32_t count = 0;
    span_t key;
    printf ("{");
    json_pair (stdout, "channel", channel);
    printf (", ");
    json_pair (stdout, "group", group);
    for (cursor_map (&numbers, &count); count > 0 && cursor_str (&numbers, &key); count--) {
        printf (", \"%.*s\": ", (int)key.size, key.data);
        json_value (stdout, &numbers);
    }
    printf ("}\n");
}

static void s_list_channels (table_t *table, bool json, answer_t *answer)
{
    cursor_t channels, groups;
    uint32_t channel_count = 0, group_count;
    span_t channel, group;
    if (answer_value (answer, "channels", &channels)) {
        cursor_map (&channels, &channel_count);
    }
    for (; channel_count > 0 && cursor_bytes (&channels, &channel); channel_count--) {
        if (map_value (channels, "groups", &groups) && cursor_map (&groups, &group_count)) {
            for (; group_count > 0 && cursor_bytes (&groups, &group); group_count--) {
                if (json) {
                    s_list_json (channel, group, groups);
                } else {
                    s_list_row (table, channel, group, groups);
                }
                cursor_skip (&groups);
            }
        }
        cursor_skip (&channels);
    }
}

//  Asks for a page. Returns 0, or an exit status; *cursor, which the caller frees, is NULL behind the last.
static int s_list_page (session_t *session, const args_t *args, table_t *table, char **cursor)
{
    const char *what = args_operands (args) > 1 ? args_operand (args, 1) : "*";
    answer_t answer;
    msgpack_packer *packer = session_begin (session, "status", 1 + (*cursor != NULL));
    key_text (packer, glob_is_name (span_text (what)) ? "channel" : "pattern", what);
    if (*cursor) {
        key_text (packer, "cursor", *cursor);
    }
    int status = session_ask (session, 0, &answer);
    free (*cursor);
    *cursor = NULL;
    if (status == 0) {
        cursor_t value;
        span_t next;
        s_list_channels (table, args_flag (args, "json"), &answer);
        if (answer_value (&answer, "cursor", &value) && cursor_bytes (&value, &next)) {
            *cursor = strndup (next.data, next.size);
        }
        answer_clear (&answer);
    }
    return status;
}

static int s_list (const args_t *args)
{
    column_t columns[4 + GROUP_NUMBERS] = {{"CHANNEL", false}, {"GROUP", false}};
    for (size_t at = 0; at < GROUP_NUMBERS; at++) {
        columns[2 + at] = (column_t){group_numbers[at].title, true};
    }
    columns[2 + GROUP_NUMBERS] = (column_t){"OLDEST", true};
    columns[3 + GROUP_NUMBERS] = (column_t){"STATE", false};
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    table_t *table = table_new (columns, 4 + GROUP_NUMBERS);
    char *cursor = NULL;
    int status;
    do {
        status = s_list_page (session, args, table, &cursor);
    } while (status == 0 && cursor);
    if (status == 0 && !args_flag (args, "json")) {
        table_print (table, output_width ());
    }
    int written = output_flush ();
    table_destroy (&table);
    session_destroy (&session);
    return status ? status : written;
}

static int s_group (const args_t *args)
{
    const char *does = args_operand (args, 0);
    size_t operands = args_operands (args);
    bool starts = args_given (args, "start") || args_given (args, "since");
    if (strcmp (does, "list") == 0 && operands <= 2) {
        return s_list (args);
    }
    if (operands == 3 && strcmp (does, "create") == 0) {
        return s_change (args, "group_create", true);
    }
    if (operands == 3 && strcmp (does, "seek") == 0) {
        return starts ? s_change (args, "group_seek", true)
                      : zrb_complain (ZRB_USAGE, "group seek wants --start or --since; see zrb group --help");
    }
    if (operands == 3 && strcmp (does, "delete") == 0) {
        return s_change (args, "group_delete", false);
    }
    return zrb_complain (
        ZRB_USAGE, "group wants list [CHANNEL], or create, seek or delete with CHANNEL GROUP; see zrb group --help");
}

static const option_t group_options[] = {
    {"start", 'b', OPTION_TEXT, "START", NULL, 0, 0, "create, seek: first, last, or the id to be delivered first",
        NULL},
    {"since", 'S', OPTION_TIME, "TIME", NULL, 0, UINT64_C (1) << 53,
        "create, seek: the messages of so long ago, and later", NULL},
    {"force", 'F', OPTION_FLAG, NULL, NULL, 0, 0, "delete: with unfinished work too", NULL},
};

const command_t group_command = {
    .name = "group",
    .operands = "list [CHANNEL] | create CHANNEL GROUP | seek CHANNEL GROUP | delete CHANNEL GROUP",
    .least = 1,
    .most = 3,
    .does = "lists, makes, moves and removes groups",
    .about = "list takes a name or a glob. A group that is made begins with the oldest stored message.\n"
             "seek and delete make the group's leases void.\n",
    OPTIONS (group_options),
    .examples = "  zrb group list 'jobs.*'\n"
                "  zrb group create jobs mailers --start last\n"
                "  zrb group seek jobs mailers --since 1h    # once more, what came in the last hour\n",
    .run = s_group,
};

//  pause, resume

static int s_print_paused (const args_t *args, answer_t *answer)
{
    cursor_t value;
    bool paused = false;
    if (args_flag (args, "json")) {
        json_answer (stdout, answer);
    } else if (answer_value (answer, "paused", &value) && cursor_bool (&value, &paused)) {
        puts (paused ? "paused" : "resumed");
    }
    return ZRB_GOOD;
}

static int s_ask_pause (const args_t *args, const char *op)
{
    session_t *session = session_new (args, 1);
    if (!session) {
        return ZRB_USAGE;
    }
    const char *group = args_text (args, "group");
    msgpack_packer *packer = session_begin (session, op, 1 + (group != NULL));
    key_text (packer, "channel", args_operand (args, 0));
    if (group) {
        key_text (packer, "group", group);
    }
    return query_end (&session, args, 0, NULL, s_print_paused);
}

static int s_pause (const args_t *args)
{
    return s_ask_pause (args, "pause");
}

static int s_resume (const args_t *args)
{
    return s_ask_pause (args, "resume");
}

static const option_t pause_options[] = {
    {"group", 'g', OPTION_TEXT, "GROUP", NULL, 0, 0, "only this group, not the whole channel", NULL},
};

const command_t pause_command = {
    .name = "pause",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "ends the taking from a channel or a group for a while",
    .about = "Messages are accepted and fanned out as ever.\n",
    OPTIONS (pause_options),
    .examples = "  zrb pause jobs -g mailers\n",
    .run = s_pause,
};

const command_t resume_command = {
    .name = "resume",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "lets the taking from a channel or a group go on",
    .about = "",
    OPTIONS (pause_options),
    .examples = "  zrb resume jobs -g mailers\n",
    .run = s_resume,
};
