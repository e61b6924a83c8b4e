//  plan - reads the command line of zrb bench. Main's thread; what the others see of it never changes.

#include "plan.h"
#include "asker.h"
#include "limit.h"
#include "name.h"
#include "zrb.h"
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define MODE_ALL (MODE_STREAM | MODE_PUBLISH | MODE_QUEUE | MODE_REPLAY)
#define MODE_LIVE (MODE_STREAM | MODE_PUBLISH | MODE_QUEUE)
#define MODE_ASKED (MODE_PUBLISH | MODE_QUEUE | MODE_REPLAY)

//  Defaults in the order stream, publish, queue, replay.
static const struct {
    plan_mode_t mode;
    const char *name, *does;
    uint64_t batch, in_flight, count;
} modes[] = {
    {MODE_STREAM, "stream", "PUSH, stored, SUB; latency from sending to receiving", 1, 0, 0},
    {MODE_PUBLISH, "publish", "publish with confirmation; latency from sending to the reply", 1, 256, 0},
    {MODE_QUEUE, "queue", "publish, take, ack; latency from sending to the taker", 100, 16, 0},
    {MODE_REPLAY, "replay", "stores --count messages, then reads all; latency of a reply", 1000, 4, 1000000},
};

typedef enum { KIND_TEXT, KIND_COUNT, KIND_RATE, KIND_SECONDS, KIND_FLAG, KIND_FORM, KIND_HELP } kind_t;

static const struct {
    const char *name;
    char letter;  //  0: none
    kind_t kind;
    int modes;
    size_t at;             //  in plan_t
    uint64_t least, most;  //  of a count
    const char *word, *help;
} options[] = {
    {"ask", 's', KIND_TEXT, MODE_ALL, offsetof (plan_t, ask), 0, 0, "ENDPOINT",
        "the bridge's ROUTER (tcp://127.0.0.1:5555)"},
    {"push", 0, KIND_TEXT, MODE_STREAM, offsetof (plan_t, push), 0, 0, "ENDPOINT", "its PULL (tcp://127.0.0.1:5551)"},
    {"sub", 0, KIND_TEXT, MODE_STREAM, offsetof (plan_t, sub), 0, 0, "ENDPOINT", "its PUB (tcp://127.0.0.1:5553)"},
    {"name", 0, KIND_TEXT, MODE_ALL, offsetof (plan_t, name), 0, 0, "NAME",
        "channels are NAME.RUN, and NAME.RUN.0 … where there are more (bench)"},
    {"channel", 0, KIND_TEXT, MODE_ALL, offsetof (plan_t, channel), 0, 0, "NAME",
        "use this one, behind what it has, and leave all in it; nobody else may write there"},
    {"count", 'n', KIND_COUNT, MODE_ALL, offsetof (plan_t, count), 1, 4000000000, "N", "messages in all; 10k, 2M"},
    {"seconds", 't', KIND_SECONDS, MODE_LIVE, offsetof (plan_t, duration_ns), 0, 0, "S",
        "send for so long (5, without --count)"},
    {"rate", 'r', KIND_RATE, MODE_LIVE, offsetof (plan_t, rate), 0, 0, "N",
        "messages a second; each has its due time, from which its latency counts"},
    {"size", 0, KIND_COUNT, MODE_ALL, offsetof (plan_t, size), PLAN_STAMP_BYTES, 1 << 26, "BYTES",
        "of a payload (100)"},
    {"producers", 'p', KIND_COUNT, MODE_ALL, offsetof (plan_t, producers), 1, 1000, "N", "senders (1)"},
    {"subscribers", 0, KIND_COUNT, MODE_STREAM | MODE_REPLAY, offsetof (plan_t, subscribers), 1, 1000, "N",
        "receivers or readers, each of all messages (1)"},
    {"takers", 0, KIND_COUNT, MODE_QUEUE, offsetof (plan_t, takers), 1, 1000, "N", "who share the messages (1)"},
    {"channels", 'c', KIND_COUNT, MODE_ALL, offsetof (plan_t, channels), 1, 100000, "N", "written in turn (1)"},
    {"batch", 'b', KIND_COUNT, MODE_ASKED, offsetof (plan_t, batch), 1, LIMIT_REPLAY_MESSAGES, "N",
        "messages a request, at most (publish 1, queue 100, replay 1000)"},
    {"in-flight", 'w', KIND_COUNT, MODE_ALL, offsetof (plan_t, in_flight), 1, 1000000, "N",
        "stream: messages on their way (no limit); else open requests\n"
        "                            of each sender or reader (publish 256, queue 16, replay 4)"},
    {"wait", 0, KIND_SECONDS, MODE_ALL, offsetof (plan_t, patience_ns), 0, 0, "S", "for what doesn't come (10)"},
    {"keep", 0, KIND_FLAG, MODE_ALL, offsetof (plan_t, keep), 0, 1, NULL, "leave the messages in the log"},
    {"progress", 0, KIND_FLAG, MODE_ALL, offsetof (plan_t, progress), 0, 1, NULL,
        "on stderr, also where that is no terminal"},
    {"json", 0, KIND_FORM, MODE_ALL, offsetof (plan_t, form), 0, FORM_JSON, NULL, "print one JSON object"},
    {"csv", 0, KIND_FORM, MODE_ALL, offsetof (plan_t, form), 0, FORM_CSV, NULL,
        "print a line of names and one of values"},
    {"help", 'h', KIND_HELP, MODE_ALL, 0, 0, 0, NULL, "print this"},
};

enum {
    LONG_FIRST = 256,     //  what getopt_long returns for the table's first row, by its long name
    HELP_PRINTED = 1000,  //  an end that is none of the exit statuses
    FILL_BYTES = 500000,  //  of one publish that prepares a replay
    CHECK_BATCH = 1000,   //  of the replays that check what was published
    CHECK_WINDOW = 4
};

enum { OPTIONS = sizeof options / sizeof *options, MODES = sizeof modes / sizeof *modes };

static const char *const examples =
    "Examples:\n"
    "  zrb bench stream                         as fast as it goes, for 5 seconds\n"
    "  zrb bench stream -n 10k -w 1             one message at a time: the latency of an idle bridge\n"
    "  zrb bench stream -r 100k -t 30           100,000 a second, with the latency that a user would see\n"
    "  zrb bench publish -n 1M -b 10 --json     confirmed, 10 messages a request, for a script\n"
    "  zrb bench queue --takers 4               work, shared by four\n"
    "  zrb bench replay -n 1M                   how fast history is read\n"
    "Each run has channels of its own, which it empties at its end. Every message is checked: lost,\n"
    "out of order, duplicate or damaged ones make the exit status 1. Ctrl-C ends a run with what there is.\n"
    "Exit status: 0 good, 1 a check failed, 2 wrong usage, 3 no bridge answers.\n";

static void s_print_help (void)
{
    puts ("Usage: zrb bench MODE [OPTION]...\n\nMeasures a running bridge, and checks that nothing is lost on the "
          "way.\n\n"
          "Modes:");
    for (size_t at = 0; at < MODES; at++) {
        printf ("  %-8s  %s\n", modes[at].name, modes[at].does);
    }
    puts ("\nOptions:");
    for (size_t at = 0; at < OPTIONS; at++) {
        char left[64];
        char letter[8] = "    ";
        if (options[at].letter) {
            snprintf (letter, sizeof letter, "-%c, ", options[at].letter);
        }
        snprintf (left, sizeof left, "%s--%s %s", letter, options[at].name, options[at].word ? options[at].word : "");
        printf ("  %-24s  %s\n", left, options[at].help);
    }
    printf ("\n%s", examples);
}

//  A count may end in k or M. Returns 0, or -1 when it is none or out of its range.
static int s_read_count (uint64_t *to, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull (text, &end, 10);
    uint64_t unit = *end == 'k' ? 1000 : *end == 'M' ? 1000000 : 1;
    if (errno || text[0] < '0' || text[0] > '9' || (unit > 1 ? end[1] : *end) || value > most / unit) {
        return -1;
    }
    *to = value * unit;
    return *to < least ? -1 : 0;
}

//  A number from 0.001 on, with a fraction, and the suffixes of a count.
static int s_read_number (double *to, const char *text, double most)
{
    char *end;
    *to = strtod (text, &end);
    double unit = *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1;
    *to *= unit;
    bool is_plain = strspn (text, "0123456789.") == (size_t)(end - text) && end > text;
    return is_plain && !(unit > 1 ? end[1] : *end) && *to >= 1e-3 && *to <= most ? 0 : -1;
}

//  Takes one option. Returns 0, or an exit status.
static int s_set (plan_t *self, size_t at, const char *text)
{
    void *field = (char *)self + options[at].at;
    const char *name = options[at].name;
    double seconds;
    switch (options[at].kind) {
    case KIND_TEXT:
        *(const char **)field = text;
        return 0;
    case KIND_COUNT:
        return s_read_count ((uint64_t *)field, text, options[at].least, options[at].most)
                   ? zrb_complain (ZRB_USAGE, "--%s wants an integer from %" PRIu64 " to %" PRIu64, name,
                         options[at].least, options[at].most)
                   : 0;
    case KIND_RATE:
        return s_read_number ((double *)field, text, 1e8)
                   ? zrb_complain (ZRB_USAGE, "--%s wants a number from 0.001 to 100M", name)
                   : 0;
    case KIND_SECONDS:
        if (s_read_number (&seconds, text, 1e6)) {
            return zrb_complain (ZRB_USAGE, "--%s wants seconds from 0.001 to 1M", name);
        }
        *(uint64_t *)field = (uint64_t)(seconds * 1e9);
        return 0;
    case KIND_FLAG:
        *(bool *)field = true;
        return 0;
    case KIND_FORM:
        *(plan_form_t *)field = (plan_form_t)options[at].most;
        return 0;
    case KIND_HELP:
        break;
    }
    s_print_help ();
    return HELP_PRINTED;
}

//  Getopt's two forms of the table.
static void s_fill_getopt (struct option *longs, char *shorts)
{
    *shorts++ = ':';
    for (size_t at = 0; at < OPTIONS; at++) {
        bool wants = options[at].word != NULL;
        longs[at] = (struct option){options[at].name, wants, NULL, LONG_FIRST + (int)at};
        if (options[at].letter) {
            *shorts++ = options[at].letter;
            if (wants) {
                *shorts++ = ':';
            }
        }
    }
    *shorts = 0;
}

//  The table's row of what getopt_long returned; OPTIONS when it has none.
static size_t s_row (int option)
{
    size_t at = option >= LONG_FIRST ? (size_t)(option - LONG_FIRST) : 0;
    while (option < LONG_FIRST && at < OPTIONS && options[at].letter != option) {
        at++;
    }
    return at;
}

//  Returns 0, or an exit status.
static int s_read_options (plan_t *self, int argc, char *argv[])
{
    struct option longs[OPTIONS + 1] = {{NULL, 0, NULL, 0}};
    char shorts[2 * OPTIONS + 2];
    int option, status = 0;
    s_fill_getopt (longs, shorts);
    opterr = 0;
    while (status == 0 && (option = getopt_long (argc, argv, shorts, longs, NULL)) >= 0) {
        size_t at = s_row (option);
        if (option == ':') {
            status = zrb_complain (ZRB_USAGE, "%.64s wants a value; see zrb bench --help", argv[optind - 1]);
        } else if (at == OPTIONS) {
            status = zrb_complain (ZRB_USAGE, "bench can't use %.64s; see zrb bench --help", argv[optind - 1]);
        } else if (!(options[at].modes & (int)self->mode)) {
            status = zrb_complain (
                ZRB_USAGE, "--%s means nothing to %s; see zrb bench --help", options[at].name, plan_mode_name (self));
        } else {
            status = s_set (self, at, optarg);
        }
    }
    if (status == 0 && optind < argc) {
        status = zrb_complain (ZRB_USAGE, "bench can't use \"%.64s\"; see zrb bench --help", argv[optind]);
    }
    return status;
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

//  What a mode does without any option.
static plan_t *s_new_default (size_t at)
{
    plan_t *self = calloc (1, sizeof *self);
    assert (self);
    *self = (plan_t){.mode = modes[at].mode,
        .ask = "tcp://127.0.0.1:5555",
        .push = "tcp://127.0.0.1:5551",
        .sub = "tcp://127.0.0.1:5553",
        .name = "bench",
        .producers = 1,
        .subscribers = 1,
        .takers = 1,
        .channels = 1,
        .size = 100,
        .batch = modes[at].batch,
        .in_flight = modes[at].in_flight,
        .patience_ns = 10 * SECOND_NS};
    return self;
}

plan_t *plan_new (int argc, char *argv[], int *status)
{
    const char *mode = argc > 1 ? argv[1] : "";
    size_t at = s_mode_row (mode);
    if (strcmp (mode, "--help") == 0 || strcmp (mode, "-h") == 0) {
        s_print_help ();
        *status = ZRB_GOOD;
        return NULL;
    }
    if (at == MODES) {
        *status = zrb_complain (ZRB_USAGE, "bench wants stream, publish, queue or replay; see zrb bench --help");
        return NULL;
    }
    plan_t *self = s_new_default (at);
    *status = s_read_options (self, argc - 1, argv + 1);
    *status = *status ? *status : s_check (self);
    if (*status) {
        *status = *status == HELP_PRINTED ? ZRB_GOOD : *status;
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
