//  view - what the monitor knows of the bridge. In the monitor's thread; holds the actors' last words.

#include "json.h"
#include "log.h"
#include "view.h"

enum {
    SILENT_MS = 2000,  //  Redis answers sooner, or something is wrong
    LOG_PAIRS = 12,    //  in a line
    TROUBLE_BYTES = 256
};

struct view {
    const config_t *config;
    snapshot_t *snapshots;  //  owned; one for each actor that has told of itself
    size_t count;
    group_row_t groups[CENSUS_ROWS];
    size_t group_count;
    bool draining;
    int64_t started_ms;  //  zclock_time
    char trouble[TROUBLE_BYTES];
};

view_t *view_new (const config_t *config)
{
    view_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->started_ms = zclock_time ();
    return self;
}

void view_destroy (view_t **self_p)
{
    view_t *self = *self_p;
    if (self) {
        free (self->snapshots);
        free (self);
        *self_p = NULL;
    }
}

static snapshot_t *s_of (view_t *self, const char *actor)
{
    size_t i = 0;
    while (i < self->count && !streq (self->snapshots[i].actor, actor)) {
        i++;
    }
    return i < self->count ? &self->snapshots[i] : NULL;
}

void view_take (view_t *self, const snapshot_t *snapshot)
{
    snapshot_t *place = s_of (self, snapshot->actor);
    if (!place) {
        self->snapshots = realloc (self->snapshots, (self->count + 1) * sizeof *self->snapshots);
        place = &self->snapshots[self->count++];
    }
    *place = *snapshot;
}

void view_take_groups (view_t *self, const group_row_t *rows, size_t count)
{
    memcpy (self->groups, rows, count * sizeof *rows);
    self->group_count = count;
}

void view_drain (view_t *self)
{
    self->draining = true;
}

//  What is wrong with the actor's Redis. Returns false when nothing is.
static bool s_is_wrong (view_t *self, const snapshot_t *snapshot)
{
    int64_t silent_ms = snapshot->silent_since_ms ? zclock_mono () - snapshot->silent_since_ms : 0;
    if (!snapshot->up) {
        snprintf (self->trouble, sizeof self->trouble, "Redis is away: %s", snapshot->trouble);
    } else if (snapshot->trouble[0]) {
        snprintf (self->trouble, sizeof self->trouble, "Redis takes no writes: %s", snapshot->trouble);
    } else if (silent_ms > SILENT_MS) {
        snprintf (self->trouble, sizeof self->trouble, "Redis has not answered for %" PRId64 " s", silent_ms / 1000);
    } else {
        return false;
    }
    return true;
}

const char *view_trouble (view_t *self)
{
    if (self->draining) {
        return "the bridge is stopping";
    }
    const snapshot_t *needed[] = {s_of (self, "lane"), s_of (self, "control")};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!needed[i]) {
            return "the bridge is starting";
        }
        if (s_is_wrong (self, needed[i])) {
            return self->trouble;
        }
    }
    return NULL;
}

static void s_sum (const view_t *self, counters_t *sum)
{
    memset (sum, 0, sizeof *sum);
    for (size_t i = 0; i < self->count; i++) {
        counters_add (sum, &self->snapshots[i].counters);
    }
}

//  Metrics

static void s_head (FILE *to, const char *metric, const char *suffix, const char *type, const char *help)
{
    fprintf (to, "# HELP zrb_%s%s %s\n# TYPE zrb_%s%s %s\n", metric, suffix, help, metric, suffix, type);
}

static void s_write_row (FILE *to, const counters_t *counters, const counter_t *row)
{
    const char *suffix = row->kind == TOTAL ? "_total" : "";
    if (row->help) {
        s_head (to, row->metric, suffix, row->kind == TOTAL ? "counter" : "gauge", row->help);
    }
    for (size_t i = 0; i < row->count; i++) {
        const char *value = row->value_of ? row->value_of (i) : row->value;
        if (!row->label) {
            fprintf (to, "zrb_%s%s %" PRIu64 "\n", row->metric, suffix, counter_value (counters, row, i));
        } else if (value) {
            fprintf (to, "zrb_%s%s{%s=\"%s\"} %" PRIu64 "\n", row->metric, suffix, row->label, value,
                counter_value (counters, row, i));
        }
    }
}

static void s_write_histogram (FILE *to, const counters_t *counters, const distribution_t *row)
{
    const buckets_t *buckets = (const buckets_t *)((const char *)counters + row->offset);
    uint64_t count = 0;
    size_t i = 0;
    s_head (to, row->metric, "", "histogram", row->help);
    for (; row->bounds[i] != UINT64_MAX; i++) {
        count += buckets->counts[i];
        fprintf (to, "zrb_%s_bucket{le=\"%g\"} %" PRIu64 "\n", row->metric, (double)row->bounds[i] * row->unit, count);
    }
    count += buckets->counts[i];
    fprintf (to, "zrb_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", row->metric, count);
    fprintf (to, "zrb_%s_sum %.9g\n", row->metric, (double)buckets->sum * row->unit);
    fprintf (to, "zrb_%s_count %" PRIu64 "\n", row->metric, count);
}

static void s_write_state (const view_t *self, FILE *to)
{
    s_head (to, "build_info", "", "gauge", "1, with what runs.");
    fprintf (to, "zrb_build_info{version=\"%s\"} 1\n", ZRB_VERSION);
    s_head (to, "start_time_seconds", "", "gauge", "When the bridge started, in seconds since 1970.");
    fprintf (to, "zrb_start_time_seconds %.3f\n", (double)self->started_ms / 1000);
    s_head (to, "draining", "", "gauge", "1 while the bridge stops: it stores and sends what has arrived.");
    fprintf (to, "zrb_draining %d\n", self->draining);
    s_head (to, "redis_up", "", "gauge", "1 while the actor's connection to Redis serves.");
    for (size_t i = 0; i < self->count; i++) {
        fprintf (to, "zrb_redis_up{actor=\"%s\"} %d\n", self->snapshots[i].actor, self->snapshots[i].up);
    }
    s_head (to, "redis_refuses_writes", "", "gauge", "1 while Redis is there and takes no writes.");
    for (size_t i = 0; i < self->count; i++) {
        const snapshot_t *snapshot = &self->snapshots[i];
        if (streq (snapshot->actor, "lane")) {
            fprintf (to, "zrb_redis_refuses_writes %d\n", snapshot->up && snapshot->trouble[0]);
        }
    }
}

static double s_age (const group_row_t *row)
{
    int64_t age_ms = row->oldest_ms ? zclock_time () - row->oldest_ms : 0;
    return age_ms > 0 ? (double)age_ms / 1000 : 0;
}

static double s_waiting (const group_row_t *row)
{
    return (double)row->waiting;
}

static double s_leased (const group_row_t *row)
{
    return (double)row->leased;
}

static double s_dead (const group_row_t *row)
{
    return (double)row->dead;
}

//  What a group has
static const struct {
    const char *name;
    const char *metric;
    const char *help;
    double (*value) (const group_row_t *row);
} s_group_numbers[] = {
    {"waiting", "group_waiting_messages", "Messages that wait in the group.", s_waiting},
    {"leased", "group_leased_messages", "Messages that are leased.", s_leased},
    {"dead", "group_dead_messages", "Dead letters of the group.", s_dead},
    {"oldest_s", "group_oldest_seconds", "Age of the oldest message that waits; 0: none does.", s_age},
};

enum { GROUP_NUMBERS = sizeof s_group_numbers / sizeof *s_group_numbers };

//  Names hold neither backslashes nor line ends (PROTOCOL.md), so that a label is written as JSON is.
static void s_write_labels (FILE *to, const group_row_t *row)
{
    char channel[JSON_BYTES (CENSUS_NAME)], group[JSON_BYTES (CENSUS_NAME)];
    size_t channel_size = json_string (channel, span_text (row->channel));
    size_t group_size = json_string (group, span_text (row->group));
    fprintf (to, "{channel=%.*s,group=%.*s}", (int)channel_size, channel, (int)group_size, group);
}

static void s_write_groups (const view_t *self, FILE *to)
{
    for (size_t i = 0; i < GROUP_NUMBERS; i++) {
        s_head (to, s_group_numbers[i].metric, "", "gauge", s_group_numbers[i].help);
        for (size_t row = 0; row < self->group_count; row++) {
            fprintf (to, "zrb_%s", s_group_numbers[i].metric);
            s_write_labels (to, &self->groups[row]);
            fprintf (to, " %.17g\n", s_group_numbers[i].value (&self->groups[row]));
        }
    }
}

void view_write_metrics (const view_t *self, FILE *to)
{
    counters_t sum;
    s_sum (self, &sum);
    s_write_state (self, to);
    for (size_t i = 0; i < counter_count; i++) {
        if (counter_table[i].metric) {
            s_write_row (to, &sum, &counter_table[i]);
        }
    }
    for (size_t i = 0; i < distribution_count; i++) {
        s_write_histogram (to, &sum, &distribution_table[i]);
    }
    s_write_groups (self, to);
}

//  Status

static void s_write_text (FILE *to, const char *key, const char *text)
{
    char string[JSON_BYTES (TROUBLE_BYTES)];
    size_t size = strlen (text);
    fprintf (to, "\"%s\": ", key);
    size = json_string (string, span_of (text, size < TROUBLE_BYTES ? size : TROUBLE_BYTES));
    fwrite (string, 1, size, to);
}

static void s_write_actors (const view_t *self, FILE *to)
{
    fprintf (to, "\"redis\": [");
    for (size_t i = 0; i < self->count; i++) {
        const snapshot_t *snapshot = &self->snapshots[i];
        fprintf (
            to, "%s{\"actor\": \"%s\", \"up\": %s, ", i ? ", " : "", snapshot->actor, snapshot->up ? "true" : "false");
        s_write_text (to, "trouble", snapshot->trouble);
        fprintf (to, ", ");
        s_write_text (to, "version", snapshot->redis_version);
        fprintf (to, ", ");
        s_write_text (to, "durability", snapshot->durability);
        fprintf (to, "}");
    }
    fprintf (to, "]");
}

static void s_write_counters (const view_t *self, FILE *to)
{
    counters_t sum;
    s_sum (self, &sum);
    fprintf (to, "\"counters\": {");
    for (size_t row = 0, written = 0; row < counter_count; row++) {
        if (!counter_table[row].value_of) {
            fprintf (to, "%s\"%s\": %" PRIu64, written++ ? ", " : "", counter_table[row].name,
                counter_value (&sum, &counter_table[row], 0));
        }
    }
    fprintf (to, "}");
}

static void s_write_status_groups (const view_t *self, FILE *to)
{
    fprintf (to, "\"groups\": [");
    for (size_t row = 0; row < self->group_count; row++) {
        fprintf (to, "%s{", row ? ", " : "");
        s_write_text (to, "channel", self->groups[row].channel);
        fprintf (to, ", ");
        s_write_text (to, "group", self->groups[row].group);
        for (size_t i = 0; i < GROUP_NUMBERS; i++) {
            double value = s_group_numbers[i].value (&self->groups[row]);
            fprintf (to, ", \"%s\": %.17g", s_group_numbers[i].name, value);
        }
        fprintf (to, "}");
    }
    fprintf (to, "]");
}

void view_write_status (view_t *self, FILE *to)
{
    const char *trouble = view_trouble (self);
    fprintf (to, "{");
    s_write_text (to, "name", self->config->name);
    fprintf (to, ", \"version\": \"%s\", \"uptime_ms\": %" PRId64 ", \"ready\": %s, ", ZRB_VERSION,
        zclock_time () - self->started_ms, trouble ? "false" : "true");
    s_write_text (to, "trouble", trouble ? trouble : "");
    fprintf (to, ", \"draining\": %s, ", self->draining ? "true" : "false");
    s_write_actors (self, to);
    fprintf (to, ", ");
    s_write_counters (self, to);
    fprintf (to, ", ");
    s_write_status_groups (self, to);
    fprintf (to, "}\n");
}

//  Log

static void s_log_counters (const counters_t *counters)
{
    char line[1024];
    size_t used = 0, pairs = 0;
    for (size_t row = 0; row < counter_count; row++) {
        if (!counter_table[row].value_of) {
            used += (size_t)snprintf (line + used, sizeof line - used, "%s%s=%" PRIu64, pairs ? " " : "",
                counter_table[row].name, counter_value (counters, &counter_table[row], 0));
            pairs++;
        }
        if (pairs == LOG_PAIRS || (pairs > 0 && row + 1 == counter_count)) {
            log_write (LEVEL_INFO, "monitor", "state_counters", "%s", line);
            used = pairs = 0;
        }
    }
}

void view_log (view_t *self)
{
    const char *trouble = view_trouble (self);
    log_write (LEVEL_INFO, "monitor", "state", "ready=%d draining=%d trouble=\"%s\"", !trouble, self->draining,
        trouble ? trouble : "");
    for (size_t i = 0; i < self->count; i++) {
        const snapshot_t *snapshot = &self->snapshots[i];
        log_write (LEVEL_INFO, "monitor", "state_redis", "of=%s up=%d version=%s durability=%s trouble=\"%s\"",
            snapshot->actor, snapshot->up, snapshot->redis_version, snapshot->durability, snapshot->trouble);
    }
    counters_t sum;
    s_sum (self, &sum);
    s_log_counters (&sum);
    for (size_t i = 0; i < self->group_count; i++) {
        const group_row_t *row = &self->groups[i];
        log_write (LEVEL_INFO, "monitor", "state_group",
            "channel=%s group=%s waiting=%" PRIu64 " leased=%" PRIu64 " dead=%" PRIu64 " oldest_s=%.3f", row->channel,
            row->group, row->waiting, row->leased, row->dead, s_age (row));
    }
}
