//  zrb flush - drops stored messages, after it has shown what would go.

#include <stdlib.h>
#include <unistd.h>
#include "lines.h"
#include "name.h"
#include "output.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

static const option_t options[] = {
    {"before", 'b', OPTION_COUNT, "ID", NULL, 1, UINT64_C (1) << 53, "messages below that id", NULL},
    {"older", 'o', OPTION_TIME, "TIME", NULL, 1, UINT64_C (1) << 50, "messages that are older than 10m, 2h, 7d", NULL},
    {"all", 'a', OPTION_FLAG, NULL, NULL, 0, 0, "all messages, delayed ones too", NULL},
    {"force", 0, OPTION_FLAG, NULL, NULL, 0, 0, "also what groups have not settled", NULL},
    {"dry-run", 'd', OPTION_FLAG, NULL, NULL, 0, 0, "only say what would go", NULL},
    {"yes", 'y', OPTION_FLAG, NULL, NULL, 0, 0, "do not ask", NULL},
};

typedef struct {
    const args_t *args;
    session_t *session;
    uint64_t before_ms;  //  0: not by time
} flush_t;

static void s_pack (const flush_t *self, bool dry_run)
{
    span_t channel = span_text (args_operand (self->args, 0));
    uint64_t before = args_count (self->args, "before");
    msgpack_packer *packer = session_begin (self->session, "flush", 4);
    pack_text (packer, glob_is_name (channel) ? "channel" : "pattern");
    pack_str (packer, channel);
    pack_text (packer, before ? "before" : self->before_ms ? "before_ms" : "all");
    if (before || self->before_ms) {
        msgpack_pack_uint64 (packer, before ? before : self->before_ms);
    } else {
        msgpack_pack_true (packer);
    }
    pack_text (packer, "dry_run");
    (void)(dry_run ? msgpack_pack_true (packer) : msgpack_pack_false (packer));
    pack_text (packer, "force");
    (void)(args_flag (self->args, "force") ? msgpack_pack_true (packer) : msgpack_pack_false (packer));
}

static void s_print_counts (answer_t *answer)
{
    static const column_t columns[] = {{"CHANNEL", false}, {"MESSAGES", true}};
    cursor_t channels;
    uint32_t count = 0;
    uint64_t number;
    span_t name;
    table_t *table = table_new (columns, 2);
    if (answer_value (answer, "channels", &channels) && cursor_map (&channels, &count)) {
        for (; count > 0 && cursor_str (&channels, &name) && cursor_uint (&channels, &number); count--) {
            table_cell (table, "%.*s", (int)name.size, name.data);
            table_cell (table, "%" PRIu64, number);
        }
    }
    table_print (table, output_width ());
    table_destroy (&table);
}

//  Messages that groups have not settled. Returns how many.
static uint64_t s_print_at_risk (answer_t *answer)
{
    cursor_t channels;
    uint32_t count = 0, groups;
    uint64_t number, sum = 0;
    span_t channel, group;
    if (answer_value (answer, "at_risk", &channels) && cursor_map (&channels, &count)) {
        for (; count > 0 && cursor_str (&channels, &channel) && cursor_map (&channels, &groups); count--) {
            for (; groups > 0 && cursor_str (&channels, &group) && cursor_uint (&channels, &number); groups--) {
                printf ("not settled in %.*s, group %.*s: %" PRIu64 "\n", (int)channel.size, channel.data,
                    (int)group.size, group.data, number);
                sum += number;
            }
        }
    }
    return sum;
}

//  "y" on a terminal. Returns 0, or an exit status.
static int s_confirm (flush_t *self, uint64_t count)
{
    span_t line = span_text ("");
    if (!isatty (STDIN_FILENO)) {
        return zrb_complain (ZRB_BAD, "nothing is flushed: --yes does it without asking");
    }
    printf ("Flush %" PRIu64 " messages? [y/N] ", count);
    fflush (stdout);
    lines_t *lines = lines_new (STDIN_FILENO, false);
    zmq_pollitem_t item = {NULL, STDIN_FILENO, ZMQ_POLLIN, 0};
    int status = 0;
    while (status == 0 && !item.revents) {
        status = session_wait (self->session, &item, 1, UINT64_MAX);
        status = status ? status : session_stop (self->session);
    }
    if (status == 0 && lines_read (lines, 1024) > 0) {
        lines_next (lines, &line);
    }
    bool agreed = span_eq (line, "y") || span_eq (line, "yes");
    lines_destroy (&lines);
    return status ? status : agreed ? 0 : zrb_complain (ZRB_BAD, "nothing is flushed");
}

//  Shows what would go, and asks. *done: nothing is left to do.
static int s_prepare (flush_t *self, bool *done)
{
    answer_t answer;
    bool only = args_flag (self->args, "dry-run"), is_json = args_flag (self->args, "json");
    s_pack (self, true);
    int status = session_ask (self->session, 0, &answer);
    if (status) {
        return status;
    }
    uint64_t count = answer_uint (&answer, "flushed");
    *done = only || count == 0;
    if (is_json && only) {
        json_answer (stdout, &answer);
    } else if (!is_json) {
        uint64_t at_risk = 0;
        if (count) {
            s_print_counts (&answer);
            at_risk = s_print_at_risk (&answer);
        } else {
            puts ("nothing to flush");
        }
        if (at_risk && !args_flag (self->args, "force") && !only) {
            status = zrb_complain (ZRB_BAD, "nothing is flushed, since groups have work there; --force does it");
        }
    }
    answer_clear (&answer);
    fflush (stdout);
    *done = *done && !(is_json && !only);
    return status || *done || is_json ? status : s_confirm (self, count);
}

static int s_flush (flush_t *self)
{
    answer_t answer;
    bool done = false;
    int status = 0;
    if (args_flag (self->args, "json") && !args_flag (self->args, "yes") && !args_flag (self->args, "dry-run")) {
        return zrb_complain (ZRB_USAGE, "flush --json wants --yes or --dry-run");
    }
    if (!args_flag (self->args, "yes") || args_flag (self->args, "dry-run")) {
        status = s_prepare (self, &done);
    }
    if (status || done) {
        return status;
    }
    s_pack (self, false);
    status = session_ask (self->session, 0, &answer);
    if (status == 0) {
        if (args_flag (self->args, "json")) {
            json_answer (stdout, &answer);
        } else {
            printf ("%" PRIu64 " messages flushed\n", answer_uint (&answer, "flushed"));
        }
        status = output_flush ();
        answer_clear (&answer);
    }
    return status;
}

static int s_run (const args_t *args)
{
    flush_t self = {.args = args};
    uint64_t older = args_count (args, "older");
    self.before_ms = older ? now_ms () - older : 0;
    if ((args_count (args, "before") > 0) + (older > 0) + args_flag (args, "all") != 1) {
        return zrb_complain (ZRB_USAGE, "flush wants one of --before, --older and --all");
    }
    self.session = session_new (args, 1);
    int status = self.session ? s_flush (&self) : ZRB_USAGE;
    session_destroy (&self.session);
    return status;
}

const command_t flush_command = {
    .name = "flush",
    .operands = "CHANNEL",
    .least = 1,
    .most = 1,
    .does = "drops stored messages of a channel or of all that match a glob, after asking",
    .about = "It shows what would go, and asks. Where there is no terminal to ask at, --yes is needed.\n",
    OPTIONS (options),
    .examples = "  zrb flush orders --before 5000        # ids below 5000\n"
                "  zrb flush 'logs.*' --older 7d --yes   # by age, from a script\n"
                "  zrb flush orders --all --dry-run      # only look\n",
    .run = s_run,
};
