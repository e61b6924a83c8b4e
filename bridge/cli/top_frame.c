//  top_frame - reads info and status.

#include "top_frame.h"
#include <assert.h>
#include <stdlib.h>
#include "output.h"

frame_t *frame_new (void)
{
    frame_t *self = calloc (1, sizeof *self);
    assert (self);
    return self;
}

void frame_destroy (frame_t **self_p)
{
    frame_t *self = *self_p;
    if (self) {
        free (self->rows);
        free (self);
        *self_p = NULL;
    }
}

//  Reading

static void s_copy (char *to, size_t size, span_t text)
{
    snprintf (to, size, "%.*s", (int)text.size, text.data);
}

static void s_text (char *to, size_t size, cursor_t map, const char *key)
{
    cursor_t value;
    span_t text;
    if (map_value (map, key, &value) && cursor_bytes (&value, &text)) {
        s_copy (to, size, text);
    }
}

void frame_add_info (frame_t *self, answer_t *answer)
{
    cursor_t info = cursor_of (span_of (zmq_msg_data (&answer->frame), zmq_msg_size (&answer->frame))), inner;
    s_text (self->version, sizeof self->version, info, "version");
    s_text (self->bridge, sizeof self->bridge, info, "bridge");
    s_text (self->durability, sizeof self->durability, info, "durability");
    self->uptime_ms = map_uint (info, "uptime_ms");
    if (map_value (info, "redis", &inner)) {
        self->redis_up = map_flag (inner, "up");
        s_text (self->redis_version, sizeof self->redis_version, inner, "version");
        s_text (self->trouble, sizeof self->trouble, inner, "trouble");
    }
    if (map_value (info, "counters", &inner)) {
        self->in =
            map_uint (inner, "pull_messages") + map_uint (inner, "sub_messages") + map_uint (inner, "publish_messages");
        self->stored = map_uint (inner, "stored_messages");
        self->out = map_uint (inner, "fanout_messages");
        self->rejected = map_uint (inner, "rejected_messages");
        self->in_flight = map_uint (inner, "in_flight_messages");
    }
}

static row_t *s_add (frame_t *self, span_t name, cursor_t numbers, bool is_group)
{
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 64;
        self->rows = realloc (self->rows, self->room * sizeof *self->rows);
        assert (self->rows);
    }
    row_t *row = &self->rows[self->count++];
    *row = (row_t){.is_group = is_group,
        .paused = map_flag (numbers, "paused"),
        .head = map_uint (numbers, is_group ? "cursor" : "head"),
        .count = map_uint (numbers, "count"),
        .bytes = map_uint (numbers, "bytes"),
        .delayed = map_uint (numbers, "delayed"),
        .waiting = map_uint (numbers, "waiting"),
        .leased = map_uint (numbers, "leased"),
        .dead = map_uint (numbers, "dead"),
        .consumers = map_uint (numbers, "consumers"),
        .oldest_ms = map_uint (numbers, "oldest_ms"),
        .rate = -1};
    s_copy (row->name, sizeof row->name, name);
    return row;
}

static void s_add_groups (frame_t *self, cursor_t channel)
{
    size_t at = self->count - 1;
    cursor_t groups;
    uint32_t count = 0;
    span_t name;
    if (map_value (channel, "groups", &groups)) {
        cursor_map (&groups, &count);
    }
    for (; count > 0 && cursor_bytes (&groups, &name); count--, cursor_skip (&groups)) {
        row_t *group = s_add (self, name, groups, true), *sums = &self->rows[at];
        sums->groups++;
        sums->waiting += group->waiting;
        sums->leased += group->leased;
        sums->dead += group->dead;
        sums->consumers += group->consumers;
        if (group->oldest_ms && (!sums->oldest_ms || group->oldest_ms < sums->oldest_ms)) {
            sums->oldest_ms = group->oldest_ms;
        }
    }
}

void frame_add_status (frame_t *self, answer_t *answer)
{
    cursor_t channels;
    uint32_t count = 0;
    span_t name;
    if (answer_value (answer, "channels", &channels)) {
        cursor_map (&channels, &count);
    }
    for (; count > 0 && cursor_bytes (&channels, &name); count--, cursor_skip (&channels)) {
        s_add (self, name, channels, false);
        s_add_groups (self, channels);
    }
}

void frame_keep_status (frame_t *self, const frame_t *before)
{
    self->count = self->room = before->count;
    self->rows = calloc (self->count + 1, sizeof *self->rows);
    assert (self->rows);
    for (size_t at = 0; at < self->count; at++) {
        self->rows[at] = before->rows[at];
        self->rows[at].rate = -1;
    }
}

//  Rates

static double s_rate (uint64_t now, uint64_t then, double seconds)
{
    return now >= then ? (double)(now - then) / seconds : -1;
}

//  The channel of that name at or behind row *at, where the walk by names goes on; NULL: there is none.
static const row_t *s_find (const frame_t *self, size_t *at, const char *name)
{
    while (*at < self->count && strcmp (self->rows[*at].name, name) < 0) {
        *at += self->rows[*at].groups + 1;
    }
    return *at < self->count && strcmp (self->rows[*at].name, name) == 0 ? &self->rows[*at] : NULL;
}

static void s_rate_channel (row_t *channel, const row_t *before, double seconds)
{
    channel->rate = s_rate (channel->head, before ? before->head : 0, seconds);
    for (size_t at = 1; at <= channel->groups; at++) {
        for (size_t old = 1; before && old <= before->groups; old++) {
            if (strcmp (channel[at].name, before[old].name) == 0) {
                channel[at].rate = s_rate (channel[at].head, before[old].head, seconds);
            }
        }
    }
}

void frame_end (frame_t *self, const frame_t *before)
{
    self->taken_ns = clock_ns ();
    self->time_ms = now_ms ();
    self->in_rate = self->stored_rate = self->out_rate = -1;
    if (!before) {
        return;
    }
    double seconds = (double)(self->taken_ns - before->taken_ns) / 1e9;
    if (strcmp (self->bridge, before->bridge) == 0) {  //  else its counters begin anew
        self->in_rate = s_rate (self->in, before->in, seconds);
        self->stored_rate = s_rate (self->stored, before->stored, seconds);
        self->out_rate = s_rate (self->out, before->out, seconds);
    }
    for (size_t at = 0, old = 0; at < self->count; at += self->rows[at].groups + 1) {
        s_rate_channel (&self->rows[at], s_find (before, &old, self->rows[at].name), seconds);
    }
}

//  Order

static int s_by_name (const void *left, const void *right)
{
    const row_t *const *one = left, *const *other = right;
    return strcmp ((*one)->name, (*other)->name);
}

static int s_by_rate (const void *left, const void *right)
{
    const row_t *const *one = left, *const *other = right;
    int order = ((*one)->rate < (*other)->rate) - ((*one)->rate > (*other)->rate);
    return order ? order : s_by_name (left, right);
}

static int s_by_waiting (const void *left, const void *right)
{
    const row_t *const *one = left, *const *other = right;
    int order = ((*one)->waiting < (*other)->waiting) - ((*one)->waiting > (*other)->waiting);
    return order ? order : s_by_name (left, right);
}

const row_t **frame_channels (const frame_t *self, order_t order, size_t *count)
{
    const row_t **channels = calloc (self->count + 1, sizeof *channels);
    assert (channels);
    *count = 0;
    for (size_t at = 0; at < self->count; at += self->rows[at].groups + 1) {
        channels[(*count)++] = &self->rows[at];
    }
    qsort (channels, *count, sizeof *channels,
        order == ORDER_RATE      ? s_by_rate
        : order == ORDER_WAITING ? s_by_waiting
                                 : s_by_name);
    return channels;
}
