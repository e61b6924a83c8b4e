//  report - prints the results. One table drives JSON and CSV; text is for reading.

#include "report.h"
#include <stdlib.h>

typedef struct {
    const char *name;
    bool is_text, is_bool;
    double number;
    const char *text;
} row_t;

static double s_us (const report_t *self, double share)
{
    return (double)histogram_share (self->latency, share) / 1000;
}

static double s_rate (const report_t *self)
{
    return self->seconds > 0 ? (double)self->through / (double)self->receivers / self->seconds : 0;
}

bool report_is_good (const report_t *self)
{
    return !self->error[0] && self->lost + self->late + self->doubles + self->damaged + self->unsettled == 0;
}

//  A str of JSON, or a quoted field of CSV.
static void s_print_quoted (const char *text, bool is_json)
{
    putchar ('"');
    for (; *text; text++) {
        if (*text == '"' || (*text == '\\' && is_json)) {
            putchar (is_json ? '\\' : '"');
        }
        putchar ((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar ('"');
}

static void s_print_value (const row_t *row, bool is_json)
{
    if (row->is_text) {
        s_print_quoted (row->text, is_json);
    } else if (row->is_bool) {
        fputs (row->number > 0 ? "true" : "false", stdout);
    } else if (row->number < 1e15 && row->number == (double)(uint64_t)row->number) {
        printf ("%" PRIu64, (uint64_t)row->number);
    } else {
        printf ("%.3f", row->number);
    }
}

static void s_print_rows (const row_t *rows, size_t count, plan_form_t form)
{
    if (form == FORM_JSON) {
        for (size_t at = 0; at < count; at++) {
            printf ("%s\"%s\": ", at ? ", " : "{", rows[at].name);
            s_print_value (rows + at, true);
        }
        puts ("}");
        return;
    }
    for (size_t at = 0; at < count; at++) {
        printf ("%s%s", at ? "," : "", rows[at].name);
    }
    putchar ('\n');
    for (size_t at = 0; at < count; at++) {
        fputs (at ? "," : "", stdout);
        s_print_value (rows + at, false);
    }
    putchar ('\n');
}

#define NUMBER(name, value)                                                                                            \
    {                                                                                                                  \
        name, false, false, (double)(value), NULL                                                                      \
    }
#define BOOL(name, value)                                                                                              \
    {                                                                                                                  \
        name, false, true, (value), NULL                                                                               \
    }
#define TEXT(name, value)                                                                                              \
    {                                                                                                                  \
        name, true, false, 0, value                                                                                    \
    }

static void s_print_table (const report_t *self)
{
    const plan_t *plan = self->plan;
    const row_t rows[] = {
        TEXT ("mode", plan_mode_name (plan)),
        NUMBER ("producers", plan->producers),
        NUMBER ("subscribers", plan->mode & (MODE_STREAM | MODE_REPLAY) ? plan->subscribers : 0),
        NUMBER ("takers", plan->mode == MODE_QUEUE ? plan->takers : 0),
        NUMBER ("channels", plan->channels),
        NUMBER ("size", plan->size),
        NUMBER ("batch", plan->batch),
        NUMBER ("in_flight", plan->in_flight),
        NUMBER ("rate", plan->rate),
        NUMBER ("sent", self->sent),
        NUMBER ("through", self->through),
        NUMBER ("seconds", self->seconds),
        NUMBER ("messages_per_s", s_rate (self)),
        NUMBER ("mb_per_s", s_rate (self) * (double)plan->size / 1e6),
        NUMBER ("min_us", (double)histogram_least (self->latency) / 1000),
        NUMBER ("mean_us", histogram_mean (self->latency) / 1000),
        NUMBER ("p50_us", s_us (self, 0.5)),
        NUMBER ("p95_us", s_us (self, 0.95)),
        NUMBER ("p99_us", s_us (self, 0.99)),
        NUMBER ("p999_us", s_us (self, 0.999)),
        NUMBER ("max_us", (double)histogram_greatest (self->latency) / 1000),
        NUMBER ("lost", self->lost),
        NUMBER ("out_of_order", self->late),
        NUMBER ("duplicates", self->doubles),
        NUMBER ("damaged", self->damaged),
        NUMBER ("unsettled", self->unsettled),
        NUMBER ("redelivered", self->redelivered),
        BOOL ("good", report_is_good (self)),
        BOOL ("interrupted", self->interrupted),
        TEXT ("error", self->error),
        TEXT ("version", self->version),
        TEXT ("redis", self->redis),
        TEXT ("durability", self->durability),
    };
    s_print_rows (rows, sizeof rows / sizeof *rows, plan->form);
}

//  Writes a time with three digits and its unit.
static const char *s_time (char *to, size_t size, double us)
{
    double value = us < 1000 ? us : us < 1e6 ? us / 1e3 : us / 1e6;
    snprintf (to, size, "%.*f %s",
        value < 10    ? 2
        : value < 100 ? 1
                      : 0,
        value,
        us < 1000  ? "us"
        : us < 1e6 ? "ms"
                   : "s");
    return to;
}

static void s_print_latency (const report_t *self)
{
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
    char time[32];
    printf ("  latency");
    for (size_t at = 0; at < sizeof shares / sizeof *shares; at++) {
        printf (
            "%s%s %s", at ? ", " : "   ", shares[at].name, s_time (time, sizeof time, s_us (self, shares[at].share)));
    }
    printf (self->plan->mode == MODE_REPLAY ? "  (of a reply)\n" : "\n");
}

static void s_print_text (const report_t *self)
{
    const plan_t *plan = self->plan;
    printf ("%s: %" PRIu64 " messages of %" PRIu64 " bytes in %.2f s%s\n", plan_mode_name (plan), self->sent,
        plan->size, self->seconds, self->interrupted ? " (interrupted)" : "");
    printf ("  bridge    %s, Redis %s, durability %s\n", self->version, self->redis, self->durability);
    printf ("  rate      %.0f messages/s, %.1f MB/s", s_rate (self), s_rate (self) * (double)plan->size / 1e6);
    if (plan->rate > 0) {
        printf ("; due were %.0f/s", plan->rate);
    }
    putchar ('\n');
    if (histogram_count (self->latency) > 0) {
        s_print_latency (self);
    }
    printf ("  checks    lost %" PRIu64 ", out of order %" PRIu64 ", duplicate %" PRIu64 ", damaged %" PRIu64,
        self->lost, self->late, self->doubles, self->damaged);
    if (plan->mode == MODE_QUEUE) {
        printf (", unsettled %" PRIu64 ", redelivered %" PRIu64, self->unsettled, self->redelivered);
    }
    printf (": %s\n", report_is_good (self) ? "good" : "BAD");
}

int report_print (const report_t *self)
{
    if (self->plan->form == FORM_TEXT) {
        s_print_text (self);
    } else {
        s_print_table (self);
    }
    return fflush (stdout) ? -1 : 0;
}
