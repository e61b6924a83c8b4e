//  zrb status - the numbers of channels and their groups, once or again and again.

#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "name.h"
#include "output.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

static const option_t options[] = {
    {"watch", 'w', OPTION_FLAG, NULL, NULL, 0, 0, "again and again; piped, a blank line stands between", NULL},
    {"interval", 'i', OPTION_TIME, "TIME", "1s", 50, 86400000, "of --watch", NULL},
};

typedef struct {
    const args_t *args;
    session_t *session;
    bool is_json, is_screen;
    table_t *channels, *groups;
    size_t rows;  //  for both tables; more are only counted
    size_t shown, hidden, group_count;
    size_t json_count;
} status_t;

static const column_t channel_columns[] = {{"CHANNEL", false}, {"HEAD", true}, {"FLOOR", true}, {"STORED", true},
    {"BYTES", true}, {"LAST", true}, {"DELAYED", true}, {"STATE", false}};
static const column_t group_columns[] = {{"CHANNEL", false}, {"GROUP", false}, {"CURSOR", true}, {"WAITING", true},
    {"LEASED", true}, {"DEAD", true}, {"CONSUMERS", true}, {"OLDEST", true}, {"STATE", false}};

enum {
    COUNT_OF_CHANNEL = sizeof channel_columns / sizeof *channel_columns,
    COUNT_OF_GROUP = sizeof group_columns / sizeof *group_columns
};

static const char *s_age (char *to, uint64_t time_ms)
{
    uint64_t now = now_ms ();
    return time_ms ? age_text (to, now > time_ms ? now - time_ms : 0) : "-";
}

static void s_add_group (status_t *self, span_t channel, span_t group, cursor_t numbers)
{
    char age[AGE_SIZE];
    if (self->shown++ >= self->rows) {
        self->hidden++;
        return;
    }
    self->group_count++;
    table_cell (self->groups, "%.*s", (int)channel.size, channel.data);
    table_cell (self->groups, "%.*s", (int)group.size, group.data);
    table_cell (self->groups, "%" PRIu64, map_uint (numbers, "cursor"));
    table_cell (self->groups, "%" PRIu64, map_uint (numbers, "waiting"));
    table_cell (self->groups, "%" PRIu64, map_uint (numbers, "leased"));
    table_cell (self->groups, "%" PRIu64, map_uint (numbers, "dead"));
    table_cell (self->groups, "%" PRIu64, map_uint (numbers, "consumers"));
    table_cell (self->groups, "%s", s_age (age, map_uint (numbers, "oldest_ms")));
    table_cell (self->groups, "%s", map_flag (numbers, "paused") ? "paused" : "");
}

static void s_add_channel (status_t *self, span_t channel, cursor_t numbers)
{
    char age[AGE_SIZE];
    cursor_t groups;
    uint32_t count = 0;
    span_t group;
    if (self->shown++ < self->rows) {
        table_cell (self->channels, "%.*s", (int)channel.size, channel.data);
        table_cell (self->channels, "%" PRIu64, map_uint (numbers, "head"));
        table_cell (self->channels, "%" PRIu64, map_uint (numbers, "floor"));
        table_cell (self->channels, "%" PRIu64, map_uint (numbers, "count"));
        table_cell (self->channels, "%" PRIu64, map_uint (numbers, "bytes"));
        table_cell (self->channels, "%s", s_age (age, map_uint (numbers, "last_ms")));
        table_cell (self->channels, "%" PRIu64, map_uint (numbers, "delayed"));
        table_cell (self->channels, "%s", map_flag (numbers, "paused") ? "paused" : "");
    } else {
        self->hidden++;
    }
    if (map_value (numbers, "groups", &groups) && cursor_map (&groups, &count)) {
        for (; count > 0 && cursor_str (&groups, &group); count--) {
            s_add_group (self, channel, group, groups);
            cursor_skip (&groups);
        }
    }
}

//  JSON has all channels in one object, whatever the number of pages.
static void s_read_page (status_t *self, answer_t *answer)
{
    cursor_t channels;
    uint32_t count = 0;
    span_t channel;
    if (!answer_value (answer, "channels", &channels) || !cursor_map (&channels, &count)) {
        return;
    }
    for (; count > 0 && cursor_str (&channels, &channel); count--) {
        if (self->is_json) {
            fputs (self->json_count++ ? ", " : "{", stdout);
            json_text (stdout, channel);
            fputs (": ", stdout);
            json_value (stdout, &channels);
        } else {
            s_add_channel (self, channel, channels);
            cursor_skip (&channels);
        }
    }
}

//  All pages. Returns 0, or an exit status.
static int s_read (status_t *self)
{
    const char *named = args_operand (self->args, 0);
    span_t operand = span_text (named ? named : "*");
    char *place = NULL;
    bool more = true;
    int status = 0;
    while (more) {
        answer_t answer;
        cursor_t value;
        span_t next;
        msgpack_packer *packer = session_begin (self->session, "status", 1 + (place != NULL));
        pack_text (packer, glob_is_name (operand) ? "channel" : "pattern");
        pack_str (packer, operand);
        if (place) {
            pack_text (packer, "cursor");
            pack_text (packer, place);
        }
        status = session_ask (self->session, 0, &answer);
        if (status) {
            break;
        }
        s_read_page (self, &answer);
        more = answer_value (&answer, "cursor", &value) && cursor_str (&value, &next);
        free (place);
        place = more ? strndup (next.data, next.size) : NULL;
        answer_clear (&answer);
    }
    free (place);
    return status;
}

//  Rows that the screen has for both tables, beside their titles.
static size_t s_screen_rows (void)
{
    struct winsize size;
    enum { TITLES = 5 };
    size_t lines = ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
    return lines > TITLES + 1 ? lines - TITLES : 1;
}

static void s_print_tables (status_t *self)
{
    size_t width = output_width ();
    fputs (self->is_screen ? "\033[H\033[J" : "", stdout);
    table_print (self->channels, width);
    if (self->group_count) {
        puts ("");
        table_print (self->groups, width);
    }
    if (self->hidden) {
        printf ("… and %zu more\n", self->hidden);
    }
}

//  Reads and prints. Returns 0, or an exit status.
static int s_show (status_t *self)
{
    self->shown = self->hidden = self->group_count = self->json_count = 0;
    self->rows = self->is_screen ? s_screen_rows () : SIZE_MAX;
    self->channels = table_new (channel_columns, COUNT_OF_CHANNEL);
    self->groups = table_new (group_columns, COUNT_OF_GROUP);
    int status = s_read (self);
    if (status == 0) {
        if (self->is_json) {
            puts (self->json_count ? "}" : "{}");
        } else {
            s_print_tables (self);
        }
        status = output_flush ();
    }
    table_destroy (&self->channels);
    table_destroy (&self->groups);
    return status;
}

static int s_watch (status_t *self)
{
    uint64_t due_ns = clock_ns (), interval_ns = args_count (self->args, "interval") * 1000000;
    int status = 0;
    session_be_patient (self->session);
    while (status == 0) {
        status = s_show (self);
        due_ns = due_ns + interval_ns > clock_ns () ? due_ns + interval_ns : clock_ns ();
        while (status == 0 && clock_ns () < due_ns) {
            status = session_wait (self->session, NULL, 0, due_ns);
            status = status ? status : session_stop (self->session);
        }
        if (status == 0 && !self->is_screen && !self->is_json) {
            puts ("");
        }
    }
    return status;
}

static int s_run (const args_t *args)
{
    status_t self = {.args = args, .is_json = args_flag (args, "json")};
    bool watches = args_flag (args, "watch");
    self.is_screen = watches && !self.is_json && output_width () > 0;
    self.session = session_new (args, 1);
    int status = !self.session ? ZRB_USAGE : watches ? s_watch (&self) : s_show (&self);
    session_destroy (&self.session);
    return status;
}

const command_t status_command = {
    .name = "status",
    .operands = "[CHANNEL]",
    .least = 0,
    .most = 1,
    .does = "shows the numbers of a channel, of all that match a glob, or of all, and of their groups",
    .about = "LAST is how old the newest message is, OLDEST how old the first that waits in a group.\n",
    OPTIONS (options),
    .examples = "  zrb status                                         # all channels\n"
                "  zrb status 'orders.*' --watch                      # again and again, until Ctrl-C\n"
                "  zrb status orders --json | jq '.orders.head'       # a number for a script\n",
    .run = s_run,
};
