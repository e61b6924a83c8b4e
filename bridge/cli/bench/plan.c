//  plan - reads the command line of zrb bench. Main's thread; what the others see of it never changes.

#include "plan.h"
#include "asker.h"
#include "limit.h"
#include "name.h"
#include "subcommands.h"
#include "zrb.h"
#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define MODE_ALL (MODE_STREAM | MODE_PUBLISH | MODE_QUEUE | MODE_REPLAY)
#define MODE_LIVE (MODE_STREAM | MODE_PUBLISH | MODE_QUEUE)
#define MODE_ASKED (MODE_PUBLISH | MODE_QUEUE | MODE_REPLAY)

//  Defaults in the order stream, publish, queue, replay.
static const struct {
    plan_mode_t mode;
    const char *name;
    uint64_t batch, in_flight, count;
} modes[] = {
    {MODE_STREAM, "stream", 1, 0, 0},
    {MODE_PUBLISH, "publish", 1, 256, 0},
    {MODE_QUEUE, "queue", 100, 16, 0},
    {MODE_REPLAY, "replay", 1000, 4, 1000000},
};

static const option_t options[] = {
    {"push", 0, OPTION_TEXT, "ENDPOINT", "tcp://127.0.0.1:5551", 0, 0, "its PULL", NULL},
    {"sub", 0, OPTION_TEXT, "ENDPOINT", "tcp://127.0.0.1:5553", 0, 0, "its PUB", "ZRB_SUB"},
    {"name", 0, OPTION_TEXT, "NAME", "bench", 0, 0, "channels are NAME.RUN, and NAME.RUN.0 ... where there are more",
        NULL},
    {"channel", 0, OPTION_TEXT, "NAME", NULL, 0, 0,
        "use this one, behind what it has, and leave all in it; nobody else may write there", NULL},
    {"count", 'n', OPTION_COUNT, "N", NULL, 1, 4000000000, "messages in all; 10k, 2M", NULL},
    {"seconds", 't', OPTION_SECONDS, "S", NULL, 0, 1000000, "send for so long (5, without --count)", NULL},
    {"rate", 'r', OPTION_NUMBER, "N", NULL, 0, 100000000,
        "messages a second; each has its due time, from which its latency counts", NULL},
    {"size", 0, OPTION_COUNT, "BYTES", "100", PLAN_STAMP_BYTES, 1 << 26, "of a payload", NULL},
    {"producers", 'p', OPTION_COUNT, "N", "1", 1, 1000, "senders", NULL},
    {"subscribers", 0, OPTION_COUNT, "N", "1", 1, 1000, "receivers or readers, each of all messages", NULL},
    {"takers", 0, OPTION_COUNT, "N", "1", 1, 1000, "who share the messages", NULL},
    {"channels", 'c', OPTION_COUNT, "N", "1", 1, 100000, "written in turn", NULL},
    {"batch", 'b', OPTION_COUNT, "N", NULL, 1, LIMIT_REPLAY_MESSAGES,
        "messages a request, at most (publish 1, queue 100, replay 1000)", NULL},
    {"in-flight", 'w', OPTION_COUNT, "N", NULL, 1, 1000000,
        "messages on their way, or open requests of each sender or reader", NULL},
    {"wait", 0, OPTION_SECONDS, "S", "10", 0, 1000000, "for what doesn't come", NULL},
    {"keep", 0, OPTION_FLAG, NULL, NULL, 0, 0, "leave the messages in the log", NULL},
    {"progress", 0, OPTION_FLAG, NULL, NULL, 0, 0, "on stderr, also where that is no terminal", NULL},
    {"csv", 0, OPTION_FLAG, NULL, NULL, 0, 0, "print a line of names and one of values", NULL},
};

//  Options that not every mode has.
static const struct {
    const char *name;
    int modes;
} uses[] = {{"push", MODE_STREAM}, {"sub", MODE_STREAM}, {"seconds", MODE_LIVE}, {"rate", MODE_LIVE},
    {"subscribers", MODE_STREAM | MODE_REPLAY}, {"takers", MODE_QUEUE}, {"batch", MODE_ASKED}};

enum {
    FILL_BYTES = 500000,  //  of one publish that prepares a replay
    CHECK_BATCH = 1000,   //  of the replays that check what was published
    CHECK_WINDOW = 4
};

enum { MODES = sizeof modes / sizeof *modes, USES = sizeof uses / sizeof *uses };

static int s_check_uses (const plan_t *self, const args_t *args)
{
    for (size_t at = 0; at < USES; at++) {
        if (!(uses[at].modes & (int)self->mode) && args_given (args, uses[at].name)) {
            return zrb_complain (
                ZRB_USAGE, "--%s means nothing to %s; see zrb bench --help", uses[at].name, plan_mode_name (self));
        }
    }
    return 0;
}

//  What one option alone can't tell. Returns 0, or an exit status.
static int s_check (const plan_t *self)
{
    const char *flaw = name_flaw (span_text (self->name));
    if (flaw || name_is_reserved (span_text (self->name)) || strlen (self->name) > PLAN_NAME_BYTES) {
        return zrb_complain (ZRB_USAGE, "--name: %s; choose another", flaw ? flaw : "too long, or begins with $");
    }
    flaw = self->channel ? name_flaw (span_text (self->channel)) : NULL;
    if (self->channel && (flaw || self->channel[0] == '$' || strlen (self->channel) > PLAN_NAME_BYTES)) {
        return zrb_complain (ZRB_USAGE, "--channel: %s; choose another", flaw ? flaw : "too long, or begins with $");
    }
    if (self->channel && self->channels > 1) {
        return zrb_complain (
            ZRB_USAGE, "--channel names one, --channels wants %" PRIu64 "; leave one of them out", self->channels);
    }
    if (self->mode != MODE_REPLAY && self->batch > LIMIT_PUBLISH_MESSAGES) {
        return zrb_complain (ZRB_USAGE, "--batch: a publish holds at most %d messages", LIMIT_PUBLISH_MESSAGES);
    }
    return 0;
}

static void s_draw_names (plan_t *self)
{
    if (getrandom (&self->run, sizeof self->run, 0) != sizeof self->run) {
        self->run = (uint32_t)getpid ();
    }
    int rc = asprintf (&self->group, "bench.%08" PRIx32, self->run);
    assert (rc > 0);
    rc = self->channel ? asprintf (&self->base, "%s", self->channel)
                       : asprintf (&self->base, "%s.%08" PRIx32, self->name, self->run);
    assert (rc > 0);
    self->names = calloc (self->channels, sizeof *self->names);
    assert (self->names);
    for (uint64_t at = 0; at < self->channels; at++) {
        char *name;
        rc = self->channels == 1 ? asprintf (&name, "%s", self->base) : asprintf (&name, "%s.%" PRIu64, self->base, at);
        assert (rc > 0);
        self->names[at] = span_text (name);
    }
}

//  The mode's row of the table; MODES when it is none.
static size_t s_mode_row (const char *name)
{
    size_t at = 0;
    while (at < MODES && strcmp (modes[at].name, name) != 0) {
        at++;
    }
    return at;
}

//  What the mode does by default, and what the arguments say.
static plan_t *s_new (size_t at, const args_t *args)
{
    plan_t *self = calloc (1, sizeof *self);
    assert (self);
    *self = (plan_t){.mode = modes[at].mode,
        .ask = args_text (args, "ask"),
        .push = args_text (args, "push"),
        .sub = args_text (args, "sub"),
        .name = args_text (args, "name"),
        .channel = args_text (args, "channel"),
        .producers = args_count (args, "producers"),
        .subscribers = args_count (args, "subscribers"),
        .takers = args_count (args, "takers"),
        .channels = args_count (args, "channels"),
        .size = args_count (args, "size"),
        .batch = args_given (args, "batch") ? args_count (args, "batch") : modes[at].batch,
        .in_flight = args_given (args, "in-flight") ? args_count (args, "in-flight") : modes[at].in_flight,
        .count = args_count (args, "count"),
        .duration_ns = (uint64_t)(args_number (args, "seconds") * 1e9),
        .rate = args_number (args, "rate"),
        .patience_ns = (uint64_t)(args_number (args, "wait") * 1e9),
        .keep = args_flag (args, "keep"),
        .progress = args_flag (args, "progress"),
        .form = args_flag (args, "json")  ? FORM_JSON
                : args_flag (args, "csv") ? FORM_CSV
                                          : FORM_TEXT};
    return self;
}

plan_t *plan_new (const args_t *args, int *status)
{
    size_t at = s_mode_row (args_operand (args, 0));
    if (at == MODES) {
        *status = zrb_complain (ZRB_USAGE, "bench wants stream, publish, queue or replay; see zrb bench --help");
        return NULL;
    }
    plan_t *self = s_new (at, args);
    *status = s_check_uses (self, args);
    *status = *status ? *status : s_check (self);
    *status = *status == 0 && keys_from_args (&self->keys, args) ? ZRB_USAGE : *status;
    if (*status) {
        plan_destroy (&self);
        return NULL;
    }
    if (self->count == 0 && self->duration_ns == 0) {
        self->count = modes[at].count;
        self->duration_ns = self->count ? 0 : 5 * SECOND_NS;
    }
    s_draw_names (self);
    return self;
}

void plan_destroy (plan_t **self_p)
{
    plan_t *self = *self_p;
    if (self) {
        for (uint64_t at = 0; self->names && at < self->channels; at++) {
            free ((char *)self->names[at].data);
        }
        free (self->names);
        free (self->base);
        free (self->group);
        free (self);
        *self_p = NULL;
    }
}

const char *plan_mode_name (const plan_t *self)
{
    size_t at = 0;
    while (modes[at].mode != self->mode) {
        at++;
    }
    return modes[at].name;
}

uint64_t plan_publish_batch (const plan_t *self)
{
    if (self->mode != MODE_REPLAY) {
        return self->batch;
    }
    uint64_t fitting = FILL_BYTES / (self->size + PLAN_NAME_BYTES);
    return fitting < 1 ? 1 : fitting < LIMIT_PUBLISH_MESSAGES ? fitting : LIMIT_PUBLISH_MESSAGES;
}

uint64_t plan_read_batch (const plan_t *self)
{
    return self->mode == MODE_REPLAY ? self->batch : CHECK_BATCH;
}

uint64_t plan_read_window (const plan_t *self)
{
    return self->mode == MODE_REPLAY ? self->in_flight : CHECK_WINDOW;
}

uint32_t plan_share (const plan_t *self, size_t producer)
{
    if (self->count == 0) {
        return UINT32_MAX;
    }
    return (uint32_t)(self->count / self->producers + (producer < self->count % self->producers));
}

const command_t bench_command = {
    .name = "bench",
    .operands = "MODE",
    .least = 1,
    .most = 1,
    .does = "measures a bridge, and checks that nothing is lost on the way",
    .about = "Modes:\n"
             "  stream    PUSH, stored, SUB; latency from sending to receiving\n"
             "  publish   publish with confirmation; latency from sending to the reply\n"
             "  queue     publish, take, ack; latency from sending to the taker\n"
             "  replay    stores --count messages, then reads all; latency of a reply\n\n"
             "Each run has channels of its own, which it empties at its end. Every message is checked: lost,\n"
             "out of order, duplicate or damaged ones make the exit status 1. Ctrl-C ends a run with what there is.\n"
             "--in-flight is without limit for stream; publish has 256 by default, queue 16 and replay 4.\n",
    OPTIONS (options),
    .examples =
        "  zrb bench stream                         # as fast as it goes, for 5 seconds\n"
        "  zrb bench stream -n 10k -w 1             # one message at a time: the latency of an idle bridge\n"
        "  zrb bench stream -r 100k -t 30           # 100,000 a second, with the latency that a user would see\n"
        "  zrb bench publish -n 1M -b 10 --json     # confirmed, 10 messages a request, for a script\n"
        "  zrb bench queue --takers 4               # work, shared by four\n"
        "  zrb bench replay -n 1M                   # how fast history is read\n",
    .statuses = "Exit status: 0 good, 1 a check failed, 2 wrong usage, 3 no bridge answers.",
    .run = bench_run,
};
