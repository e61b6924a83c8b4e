//  zrb top - a live screen of a bridge: what comes in, what waits, who works, and how Redis is.
//
//  Each interval asks info and status, page by page; when all has come there is a frame. While the bridge is away the
//  last one stays, and says for how long. Where stdout is no terminal, each frame is printed below the one before.

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "query.h"
#include "screen.h"
#include "subcommands.h"
#include "top_paint.h"
#include "zrb.h"

enum { AWAY_LEAST_MS = 1000 };

typedef struct {
    const args_t *args;
    session_t *session;
    const char *pattern;
    uint64_t interval_ns, next_ns, heard_ns;
    size_t info, status;  //  tickets
    bool has_info, has_status;
    frame_t *coming, *shown, *before;  //  NULL: there is none
    order_t order;
    uint64_t printed;
    bool screen, json;
    int signals, stop;  //  stop: 0, or the exit status of a signal
} top_t;

//  Frames

static void s_ask_status (top_t *self, const span_t *cursor)
{
    msgpack_packer *packer = session_begin (self->session, "status", 1 + (cursor != NULL));
    key_text (packer, "pattern", self->pattern);
    if (cursor) {
        pack_text (packer, "cursor");
        pack_str (packer, *cursor);
    }
    self->status = session_send (self->session, 0);
}

static void s_begin_frame (top_t *self)
{
    self->coming = frame_new ();
    self->has_info = self->has_status = false;
    session_begin (self->session, "info", 0);
    self->info = session_send (self->session, 0);
    s_ask_status (self, NULL);
}

static void s_end_frame (top_t *self)
{
    frame_destroy (&self->before);
    self->before = self->shown;
    self->shown = self->coming;
    self->coming = NULL;
    frame_end (self->shown, self->before);
    self->heard_ns = clock_ns ();
}

//  Returns 0, or an exit status. While Redis is away it does not tell the numbers of channels: the last ones stay.
static int s_take_answer (top_t *self, answer_t *answer)
{
    cursor_t value;
    span_t cursor;
    if (!answer->ok && !answer_value (answer, "retry_ms", &value)) {
        return zrb_complain (ZRB_BAD, "%s answers: %s", session_endpoint (self->session), answer->fault);
    }
    if (answer->slot == self->info) {
        frame_add_info (self->coming, answer);
        self->has_info = true;
    } else if (answer->slot == self->status && !answer->ok) {
        self->has_status = true;
        if (self->shown && !self->coming->rows) {
            frame_keep_status (self->coming, self->shown);
        }
    } else if (answer->slot == self->status) {
        frame_add_status (self->coming, answer);
        self->has_status = !answer_value (answer, "cursor", &value) || !cursor_bytes (&value, &cursor);
        if (!self->has_status) {
            s_ask_status (self, &cursor);
        }
    }
    return 0;
}

//  Showing

static paint_t s_paint (const top_t *self)
{
    paint_t paint = {.endpoint = session_endpoint (self->session), .order = self->order};
    uint64_t silent_ms = (clock_ns () - self->heard_ns) / 1000000;
    if (self->screen) {
        screen_size_t size = screen_size ();
        paint.width = size.width - 1;  //  a full line would wrap before it is cleared behind its end
        paint.height = size.height;
        paint.colour = output_has_colour ();
    }
    if (silent_ms > self->interval_ns / 1000000 + AWAY_LEAST_MS) {
        paint.away_ms = silent_ms;
    }
    return paint;
}

static void s_draw (const top_t *self)
{
    char *text;
    size_t size;
    paint_t paint = s_paint (self);
    FILE *to = open_memstream (&text, &size);
    assert (to);
    paint_text (to, &paint, self->shown);
    fclose (to);
    screen_draw (text);
    free (text);
}

//  Returns 0, or an exit status.
static int s_print (top_t *self)
{
    paint_t paint = s_paint (self);
    if (self->json) {
        paint_json (stdout, &paint, self->shown);
    } else {
        fputs (self->printed ? "\n" : "", stdout);
        paint_text (stdout, &paint, self->shown);
    }
    self->printed++;
    return output_flush ();
}

//  A first frame has no rates yet: a screen shows it, who reads line by line waits for the next.
static int s_show (top_t *self)
{
    if (!self->screen) {
        return self->before ? s_print (self) : 0;
    }
    s_draw (self);
    self->printed++;
    return 0;
}

//  Signals and keys

static int s_take_signals (top_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTSTP) {
            screen_close ();
            raise (SIGSTOP);
            if (self->screen) {
                screen_open ();
            }
        } else if (info.ssi_signo != SIGWINCH) {
            return 128 + (int)info.ssi_signo;
        }
    }
    return session_stop (self->session);
}

//  Whether it is to end.
static bool s_take_keys (top_t *self)
{
    for (char key; (key = screen_key ());) {
        if (key == 'q' || key == 'Q') {
            return true;
        }
        if (key == ORDER_RATE || key == ORDER_NAME || key == ORDER_WAITING) {
            self->order = (order_t)key;
        }
    }
    return false;
}

//  Life

static int s_wait (top_t *self)
{
    zmq_pollitem_t items[] = {{NULL, self->signals, ZMQ_POLLIN, 0}, {NULL, STDIN_FILENO, ZMQ_POLLIN, 0}};
    return session_wait (self->session, items, self->screen ? 2 : 1, self->next_ns);
}

//  What came in, and what is due. Returns 0, or an exit status.
static int s_step (top_t *self)
{
    answer_t answer;
    int status = 0;
    bool changed = self->screen && self->shown;
    while (status == 0 && session_take (self->session, &answer)) {
        status = s_take_answer (self, &answer);
        answer_clear (&answer);
    }
    bool due = clock_ns () >= self->next_ns, away = due && self->coming && self->shown;
    if (status == 0 && self->coming && self->has_info && self->has_status) {
        s_end_frame (self);
        status = s_show (self);
        changed = away = false;
    }
    if (status == 0 && away && !self->screen && self->before && s_paint (self).away_ms) {
        status = s_print (self);
    } else if (status == 0 && changed) {
        s_draw (self);
    }
    if (due) {
        self->next_ns += self->interval_ns;
        self->next_ns = self->next_ns < clock_ns () ? clock_ns () + self->interval_ns : self->next_ns;
        if (!self->coming) {
            s_begin_frame (self);
        }
    }
    return status;
}

//  The screen comes with the first frame, so that an absent bridge is told below the command.
static int s_top (top_t *self)
{
    uint64_t count = args_count (self->args, "count");
    int status = 0;
    self->next_ns = self->heard_ns = clock_ns ();
    while (status == 0 && (count == 0 || self->printed < count)) {
        status = s_wait (self);
        self->stop = s_take_signals (self);
        if (status || self->stop || (self->screen && s_take_keys (self))) {
            break;
        }
        status = s_step (self);
        if (self->shown && !self->screen && !self->json && screen_is_there ()) {
            self->screen = true;
            screen_open ();
            s_draw (self);
        }
    }
    screen_close ();
    return status ? status : self->stop;
}

static void s_block_signals (top_t *self)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGWINCH);
    sigaddset (&set, SIGHUP);
    sigaddset (&set, SIGQUIT);
    if (screen_is_there ()) {
        sigaddset (&set, SIGTSTP);
    }
    sigprocmask (SIG_BLOCK, &set, NULL);
    self->signals = signalfd (-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    assert (self->signals >= 0);
}

static int s_run (const args_t *args)
{
    top_t self = {.args = args,
        .pattern = args_operands (args) ? args_operand (args, 0) : "*",
        .interval_ns = args_count (args, "interval") * 1000000,
        .json = args_flag (args, "json"),
        .order = ORDER_RATE};
    s_block_signals (&self);
    self.session = session_new (args, 2);
    if (!self.session) {
        return ZRB_USAGE;
    }
    session_be_patient (self.session);
    session_take_faults (self.session);
    int status = s_top (&self);
    frame_destroy (&self.coming);
    frame_destroy (&self.shown);
    frame_destroy (&self.before);
    session_destroy (&self.session);
    close (self.signals);
    return status;
}

static const option_t options[] = {
    {"interval", 'i', OPTION_TIME, "TIME", "1s", 100, 3600000, "between one frame and the next", NULL},
    {"count", 'n', OPTION_COUNT, "COUNT", NULL, 1, UINT64_C (1) << 53, "end after so many frames", NULL},
};

const command_t top_command = {
    .name = "top",
    .operands = "[CHANNEL]",
    .least = 0,
    .most = 1,
    .does = "shows live what a bridge, its channels and their groups do",
    .about =
        "CHANNEL is a name or a glob; without it all are shown. On a terminal q ends, and r, n and w put the channels\n"
        "in the order of their rates, their names, and what waits. Elsewhere each frame stands below the one before.\n"
        "HEAD is a channel's head, and a group's cursor. A line of --json has rates that are not known as null.\n",
    OPTIONS (options),
    .examples = "  zrb top\n"
                "  zrb top 'jobs.*' -i 5s\n"
                "  zrb top --json -n 1 | jq .in_per_s\n",
    .run = s_run,
};
