//  top_paint - lines that fit: a narrow terminal shows fewer columns, the name takes what is left.

#include "top_paint.h"
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include "output.h"

enum { CELL = 24, NAME_LEAST = 18, LINES_OF_HEAD = 5 };

#define STRONG "\033[1m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

//  Cells

//  At most six columns: "99999", "1.23M".
static const char *s_amount (char *to, double number)
{
    static const char units[] = "kMGTPE";
    if (number < 99999.5) {
        snprintf (to, CELL, "%.0f", number);
        return to;
    }
    size_t unit = 0;
    for (number /= 1000; number >= 999.5 && unit < 5; unit++) {
        number /= 1000;
    }
    snprintf (to, CELL, "%.*f%c", number < 9.995 ? 2 : number < 99.95 ? 1 : 0, number, units[unit]);
    return to;
}

static const char *s_count (char *to, uint64_t number)
{
    return s_amount (to, (double)number);
}

//  Nothing where it isn't known.
static const char *s_rate (char *to, double rate)
{
    if (rate > 0 && rate < 99.95) {
        snprintf (to, CELL, "%.1f", rate);
        return to;
    }
    return rate < 0 ? "" : s_amount (to, rate);
}

static const char *s_head (char *to, const row_t *row, uint64_t now)
{
    snprintf (to, CELL, "%" PRIu64, row->head);
    return to;
}

static const char *s_in (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? "" : s_rate (to, row->rate);
}

static const char *s_taken (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? s_rate (to, row->rate) : "";
}

static const char *s_waiting (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? s_count (to, row->waiting) : "";
}

static const char *s_leased (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? s_count (to, row->leased) : "";
}

static const char *s_dead (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? s_count (to, row->dead) : "";
}

static const char *s_oldest (char *to, const row_t *row, uint64_t now)
{
    return !row->is_group || !row->oldest_ms ? "" : age_text (to, row->oldest_ms < now ? now - row->oldest_ms : 0);
}

static const char *s_stored (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? "" : s_count (to, row->count);
}

static const char *s_bytes (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? "" : s_count (to, row->bytes);
}

static const char *s_delayed (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? "" : s_count (to, row->delayed);
}

static const char *s_consumers (char *to, const row_t *row, uint64_t now)
{
    return row->is_group ? s_count (to, row->consumers) : "";
}

static const char *s_state (char *to, const row_t *row, uint64_t now)
{
    return row->paused ? "paused" : "";
}

//  Columns, from left to right; where there is no room for all, those of the highest rank go.
static const struct {
    const char *title;
    size_t width;  //  with the gap in front
    int rank;
    const char *(*text) (char *to, const row_t *row, uint64_t now);
} columns[] = {
    {"HEAD", 11, 1, s_head},
    {"IN/S", 8, 1, s_in},
    {"STORED", 8, 3, s_stored},
    {"BYTES", 8, 3, s_bytes},
    {"DELAYED", 9, 4, s_delayed},
    {"WAITING", 9, 1, s_waiting},
    {"LEASED", 8, 1, s_leased},
    {"DEAD", 7, 1, s_dead},
    {"TAKEN/S", 9, 2, s_taken},
    {"CONSUMERS", 11, 4, s_consumers},
    {"OLDEST", 9, 1, s_oldest},
    {"STATE", 8, 2, s_state},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

//  Columns of a terminal that a name takes: one for each character of its UTF-8.
static size_t s_width (const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void s_put_name (FILE *to, const char *name, size_t indent, size_t width)
{
    size_t own = s_width (name) + indent, shown = own > width ? width - indent - 1 : own;
    fprintf (to, "%*s", (int)indent, "");
    for (size_t count = 0; *name; name++) {
        count += ((unsigned char)*name & 0xc0) != 0x80;
        if (count > shown) {
            break;
        }
        fputc (*name, to);
    }
    fprintf (to, "%s%*s", own > width ? "…" : "", own < width ? (int)(width - own) : 0, "");
}

//  The highest rank whose columns have room beside a name, and the name's width.
static int s_fit (const paint_t *self, const frame_t *frame, size_t *name_width)
{
    size_t widest = strlen ("CHANNEL");
    for (size_t at = 0; at < frame->count; at++) {
        size_t own = s_width (frame->rows[at].name) + 2 * frame->rows[at].is_group;
        widest = own > widest ? own : widest;
    }
    for (int rank = 4; rank > 0; rank--) {
        size_t sum = 0;
        for (size_t at = 0; at < COLUMNS; at++) {
            sum += columns[at].rank <= rank ? columns[at].width : 0;
        }
        if (!self->width || sum + NAME_LEAST <= self->width || rank == 1) {
            size_t left = sum + 2 < self->width ? self->width - sum : 2;
            *name_width = self->width && widest > left ? left : widest;
            return rank;
        }
    }
    return 1;
}

static void s_put_row (FILE *to, const paint_t *self, const row_t *row, int rank, size_t name_width, uint64_t now)
{
    char text[CELL];
    s_put_name (to, row->name, row->is_group ? 2 : 0, name_width);
    for (size_t at = 0; at < COLUMNS; at++) {
        if (columns[at].rank <= rank) {
            const char *cell = columns[at].text (text, row, now);
            bool is_last = at + 1 == COLUMNS, alarms = columns[at].text == s_dead ? row->dead > 0 : is_last;
            bool red = self->colour && alarms && *cell;
            fprintf (
                to, "%s%*s%s", red ? RED : "", is_last && !*cell ? 0 : (int)columns[at].width, cell, red ? PLAIN : "");
        }
    }
    fputc ('\n', to);
}

static void s_put_table (FILE *to, const paint_t *self, const frame_t *frame)
{
    size_t count, name_width, lines = self->height > LINES_OF_HEAD ? self->height - LINES_OF_HEAD : 1;
    int rank = s_fit (self, frame, &name_width);
    const row_t **channels = frame_channels (frame, self->order, &count);
    fputs (self->colour ? STRONG : "", to);
    s_put_name (to, "CHANNEL", 0, name_width);
    for (size_t at = 0; at < COLUMNS; at++) {
        if (columns[at].rank <= rank) {
            fprintf (to, "%*s", (int)columns[at].width, columns[at].title);
        }
    }
    fprintf (to, "%s\n", self->colour ? PLAIN : "");
    for (size_t at = 0; at < count; at++) {
        size_t rows = channels[at]->groups + 1;
        if (self->height && rows + (at + 1 < count) > lines) {
            fprintf (to, "… and %zu more channels\n", count - at);
            break;
        }
        for (size_t row = 0; row < rows; row++) {
            s_put_row (to, self, &channels[at][row], rank, name_width, frame->time_ms);
        }
        lines -= rows;
    }
    free (channels);
}

//  The head

typedef struct {
    uint64_t waiting, leased, dead, consumers;
    size_t channels;
} sums_t;

static sums_t s_sums (const frame_t *frame)
{
    sums_t sums = {0};
    for (size_t at = 0; at < frame->count; at++) {
        if (!frame->rows[at].is_group) {
            sums.channels++;
            sums.waiting += frame->rows[at].waiting;
            sums.leased += frame->rows[at].leased;
            sums.dead += frame->rows[at].dead;
            sums.consumers += frame->rows[at].consumers;
        }
    }
    return sums;
}

//  A line, cut to the terminal's width, in colour or not.
static void s_put_line (FILE *to, const paint_t *self, const char *colour, char *line)
{
    if (self->width && s_width (line) > self->width) {
        size_t count = 0;
        for (char *at = line; *at; at++) {
            count += ((unsigned char)*at & 0xc0) != 0x80;
            if (count > self->width) {
                *at = 0;
                break;
            }
        }
    }
    bool coloured = self->colour && *colour;
    fprintf (to, "%s%s%s\n", coloured ? colour : "", line, coloured ? PLAIN : "");
    free (line);
}

static char *s_line (const char *format, ...) __attribute__ ((format (printf, 1, 2)));

static char *s_line (const char *format, ...)
{
    char *line = NULL;
    va_list args;
    va_start (args, format);
    int size = vasprintf (&line, format, args);
    va_end (args);
    assert (size >= 0);
    return line;
}

static void s_put_head (FILE *to, const paint_t *self, const frame_t *frame)
{
    char time[TIME_SIZE], age[AGE_SIZE], in[CELL], stored[CELL], out[CELL], flight[CELL], waiting[CELL], leased[CELL],
        dead[CELL];
    sums_t sums = s_sums (frame);
    time_text (time, self->away_ms ? now_ms () : frame->time_ms);
    time[strlen (time) - 4] = 0;  //  no milliseconds
    if (self->away_ms) {
        s_put_line (to, self, RED,
            s_line ("%s  no answer from %s for %s", time, self->endpoint, age_text (age, self->away_ms)));
    } else {
        s_put_line (to, self, "",
            s_line ("%s  zrbridge %s at %s, up %s", time, frame->version, self->endpoint,
                age_text (age, frame->uptime_ms)));
    }
    s_put_line (to, self, frame->redis_up ? "" : RED,
        s_line ("Redis %s %s%s%s, durability %s; channels %zu, consumers %" PRIu64, frame->redis_version,
            frame->redis_up ? "up" : "down", *frame->trouble ? ": " : "", frame->trouble, frame->durability,
            sums.channels, sums.consumers));
    s_put_line (to, self, "",
        s_line ("in %s/s, stored %s/s, out %s/s, in flight %s", s_rate (in, frame->in_rate),
            s_rate (stored, frame->stored_rate), s_rate (out, frame->out_rate), s_count (flight, frame->in_flight)));
    s_put_line (to, self, sums.dead ? RED : "",
        s_line ("waiting %s, leased %s, dead %s; rejected %" PRIu64, s_count (waiting, sums.waiting),
            s_count (leased, sums.leased), s_count (dead, sums.dead), frame->rejected));
}

void paint_text (FILE *to, const paint_t *self, const frame_t *frame)
{
    s_put_head (to, self, frame);
    s_put_table (to, self, frame);
}

//  JSON

static void s_json_rate (FILE *to, const char *key, double rate)
{
    fprintf (to, "\"%s\": ", key);
    if (rate < 0) {
        fputs ("null", to);
    } else {
        fprintf (to, "%.1f", rate);
    }
}

static void s_json_row (FILE *to, const row_t *row, const char *separator)
{
    fputs (separator, to);
    json_text (to, span_text (row->name));
    if (row->is_group) {
        fprintf (to, ": {\"cursor\": %" PRIu64 ", ", row->head);
        s_json_rate (to, "taken_per_s", row->rate);
        fprintf (to, ", \"consumers\": %" PRIu64 ", \"oldest_ms\": %" PRIu64, row->consumers, row->oldest_ms);
    } else {
        fprintf (to, ": {\"head\": %" PRIu64 ", ", row->head);
        s_json_rate (to, "in_per_s", row->rate);
        fprintf (to, ", \"count\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"delayed\": %" PRIu64, row->count, row->bytes,
            row->delayed);
    }
    fprintf (to, ", \"waiting\": %" PRIu64 ", \"leased\": %" PRIu64 ", \"dead\": %" PRIu64 ", \"paused\": %s",
        row->waiting, row->leased, row->dead, row->paused ? "true" : "false");
}

void paint_json (FILE *to, const paint_t *self, const frame_t *frame)
{
    size_t count;
    const row_t **channels = frame_channels (frame, self->order, &count);
    fprintf (to, "{\"time_ms\": %" PRIu64 ", \"away_ms\": %" PRIu64 ", ", now_ms (), self->away_ms);
    json_pair (to, "version", span_text (frame->version));
    fprintf (to, ", \"uptime_ms\": %" PRIu64 ", \"redis\": {\"up\": %s, ", frame->uptime_ms,
        frame->redis_up ? "true" : "false");
    json_pair (to, "version", span_text (frame->redis_version));
    fputs (", ", to);
    json_pair (to, "trouble", span_text (frame->trouble));
    fputs ("}, ", to);
    json_pair (to, "durability", span_text (frame->durability));
    fprintf (to, ", \"in_flight\": %" PRIu64 ", \"rejected\": %" PRIu64 ", ", frame->in_flight, frame->rejected);
    s_json_rate (to, "in_per_s", frame->in_rate);
    fputs (", ", to);
    s_json_rate (to, "stored_per_s", frame->stored_rate);
    fputs (", ", to);
    s_json_rate (to, "out_per_s", frame->out_rate);
    fputs (", \"channels\": {", to);
    for (size_t at = 0; at < count; at++) {
        s_json_row (to, channels[at], at ? ", " : "");
        fputs (", \"groups\": {", to);
        for (size_t group = 1; group <= channels[at]->groups; group++) {
            s_json_row (to, &channels[at][group], group > 1 ? ", " : "");
            fputs ("}", to);
        }
        fputs ("}}", to);
    }
    fputs ("}}\n", to);
    free (channels);
}
