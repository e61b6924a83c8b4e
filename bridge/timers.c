//  timers - does what is due, in time. In the keeper's thread; only ever goes by Redis's clock.
//
//  The schedule holds for each channel when something may be due, never too late: what is announced and what is read in
//  Redis can only make it sooner. When a channel's time has come it is visited: its timers are read, and for each that
//  is due its script does a step, which sets the timer anew; then they are read again, until none is due. Any number of
//  bridges may visit one channel at once.

#include "deadline.h"
#include "log.h"
#include "name.h"
#include "schedule.h"
#include "store.h"
#include "timers.h"

enum {
    VISITS = 4,        //  under way at once: Redis serves others between two steps
    VISIT_STEPS = 8,   //  timers looked at in one turn of a visit
    PAUSE_MS = 1000,   //  before a channel is visited again where nothing could be done
    PAGE = 500,        //  channels, when all are looked at
    TEXT_BYTES = 300,  //  a number and a name
    STEP_MESSAGES = 100,
    STEP_BYTES = 262144
};

struct timers {
    const config_t *config;
    link_t *link;
    link_t *ear;
    schedule_t *schedule;
    char *announced_key;  //  the Pub/Sub channel
    char *channels_key;
    char *look_from;   //  where the next page of channels begins, as ZRANGEBYLEX says it; NULL: none is to be asked for
    bool looking;      //  a page is under way
    int64_t ahead_ms;  //  Redis's clock less zclock_mono
    size_t visits;
};

//  A channel in which something is due.
typedef struct {
    timers_t *timers;
    char *name;
    size_t due;     //  replies of steps that will still come
    bool worked;    //  one of these steps has changed something
    bool has_done;  //  steps were done, and the timers are read once more
} visit_t;

//  A kind of timer: sends a step of its script. `rest` is what stands behind the kind's word in the timer's name.
typedef void (step_fn) (visit_t *visit, span_t rest);

static step_fn s_due, s_expire, s_lapse;

static const struct {
    const char *kind;
    step_fn *step;
} s_kinds[] = {
    {"delayed", s_due},
    {"ttl", s_expire},
    {"group", s_lapse},
};

enum { KINDS = sizeof s_kinds / sizeof *s_kinds };

static int64_t s_now_ms (const timers_t *self)
{
    return zclock_mono () + self->ahead_ms;
}

//  Redis's clock may be set, and this machine's too: it is asked again whenever timers are read. Both count whole
//  milliseconds: one less, and nothing is held to be due before Redis holds it to be.
static void s_on_time (void *owner, void *arg, redisReply *reply)
{
    timers_t *self = arg;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        int64_t seconds = strtoll (reply->element[0]->str, NULL, 10);
        int64_t micros = strtoll (reply->element[1]->str, NULL, 10);
        self->ahead_ms = seconds * 1000 + micros / 1000 - zclock_mono () - 1;
    }
}

//  Asks for the time, and for the channel's first timers.
static void s_read (timers_t *self, span_t channel, link_reply_fn *fn, void *arg)
{
    char *key = store_channel_key (self->config->prefix, channel, "timers");
    char last[SPAN_NUMBER];
    span_t time[] = {span_text ("TIME")};
    link_command (self->link, s_on_time, self, 1, time);
    span_t words[] = {span_text ("ZRANGE"), span_text (key), span_text ("0"), span_number (last, VISIT_STEPS - 1),
        span_text ("WITHSCORES")};
    link_command (self->link, fn, arg, 5, words);
    free (key);
}

//  Visits

static void s_end_visit (visit_t *visit)
{
    visit->timers->visits--;
    free (visit->name);
    free (visit);
}

//  Sends a step for each timer that is due; schedules what is not. Returns how many were sent.
static size_t s_send_steps (visit_t *visit, const redisReply *rows)
{
    timers_t *self = visit->timers;
    size_t sent = 0;
    for (size_t i = 0; i + 1 < rows->elements; i += 2) {
        const char *name = rows->element[i]->str;
        int64_t at_ms = strtoll (rows->element[i + 1]->str, NULL, 10);
        if (at_ms > s_now_ms (self)) {
            schedule_add (self->schedule, span_text (visit->name), at_ms);
            break;
        }
        //  Others are a later version's.
        size_t size = strcspn (name, " "), kind = 0;
        while (kind < KINDS && (strlen (s_kinds[kind].kind) != size || strncmp (name, s_kinds[kind].kind, size) != 0)) {
            kind++;
        }
        if (kind < KINDS) {
            s_kinds[kind].step (visit, span_text (name + size + (name[size] == ' ')));
            sent++;
        }
    }
    return sent;
}

static void s_on_timers (void *owner, void *arg, redisReply *reply)
{
    visit_t *visit = arg;
    timers_t *self = visit->timers;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || !link_is_up (self->link)) {
        s_end_visit (visit);  //  coming up, it looks at all channels; a round of the keeper looks too
        return;
    }
    bool in_vain = visit->has_done && !visit->worked;
    if (in_vain && reply->elements > 1 && strtoll (reply->element[1]->str, NULL, 10) <= s_now_ms (self)) {
        schedule_add (self->schedule, span_text (visit->name), s_now_ms (self) + PAUSE_MS);
        s_end_visit (visit);
        return;
    }
    visit->worked = false;
    visit->has_done = true;
    visit->due = s_send_steps (visit, reply);
    if (visit->due == 0) {
        s_end_visit (visit);
    }
}

//  The reply of a step: {changed, …}.
static void s_on_step (void *owner, void *arg, redisReply *reply)
{
    visit_t *visit = arg;
    timers_t *self = visit->timers;
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        log_write (LEVEL_WARN, "keeper", "timer_refused", "channel=%s why=\"%s\"", visit->name, reply->str);
    } else if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        visit->worked |= reply->element[0]->integer != 0;
        if (reply->elements > 2 && reply->element[2]->integer && reply->element[0]->integer) {
            log_write (LEVEL_WARN, "keeper", "ids_jumped", "channel=%s", visit->name);
        }
    }
    if (--visit->due > 0) {
        return;
    }
    if (link_is_up (self->link)) {
        s_read (self, span_text (visit->name), s_on_timers, visit);
    } else {
        s_end_visit (visit);
    }
}

//  The steps: each holds Redis for about a millisecond.

static void s_send_step (visit_t *visit, script_t script, int argc, const span_t *arguments)
{
    char *meta = store_channel_key (visit->timers->config->prefix, span_text (visit->name), "meta");
    span_t words[argc + 2];
    words[0] = span_text ("1");
    words[1] = span_text (meta);
    memcpy (words + 2, arguments, (size_t)argc * sizeof *words);
    link_script (visit->timers->link, script, s_on_step, visit, argc + 2, words);
    free (meta);
}

static void s_due (visit_t *visit, span_t rest)
{
    const link_store_t *store = link_store (visit->timers->link);
    char numbers[2][SPAN_NUMBER];
    //  Of ids given before it knows as much as a bridge that has just been started.
    span_t words[] = {span_text (store->epoch), span_text (store->born ? "0" : "1"),
        span_number (numbers[0], STEP_MESSAGES), span_number (numbers[1], STEP_BYTES)};
    s_send_step (visit, SCRIPT_DUE, 4, words);
}

static void s_expire (visit_t *visit, span_t rest)
{
    char numbers[2][SPAN_NUMBER];
    span_t words[] = {span_number (numbers[0], STEP_MESSAGES), span_number (numbers[1], STEP_BYTES)};
    s_send_step (visit, SCRIPT_EXPIRE, 2, words);
}

//  `rest` is the group.
static void s_lapse (visit_t *visit, span_t rest)
{
    const policy_t *policy = config_policy (visit->timers->config, span_text (visit->name));
    char numbers[2][SPAN_NUMBER];
    span_t words[] = {
        rest, span_number (numbers[0], STEP_MESSAGES), span_number (numbers[1], (uint64_t)policy->max_deliveries)};
    s_send_step (visit, SCRIPT_LAPSE, 3, words);
}

static void s_begin_visit (timers_t *self)
{
    visit_t *visit = calloc (1, sizeof *visit);
    visit->timers = self;
    visit->name = schedule_take (self->schedule);
    self->visits++;
    s_read (self, span_text (visit->name), s_on_timers, visit);
}

//  Looking

typedef struct {
    timers_t *timers;
    char *name;
} look_t;

static void s_on_look (void *owner, void *arg, redisReply *reply)
{
    look_t *look = arg;
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements > 1) {
        schedule_add (look->timers->schedule, span_text (look->name), strtoll (reply->element[1]->str, NULL, 10));
    }
    free (look->name);
    free (look);
}

void timers_look (timers_t *self, span_t channel)
{
    look_t *look = malloc (sizeof *look);
    *look = (look_t){self, strndup (channel.data, channel.size)};
    s_read (self, channel, s_on_look, look);
}

static void s_on_page (void *owner, void *arg, redisReply *reply)
{
    timers_t *self = arg;
    self->looking = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || !link_is_up (self->link)) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        timers_look (self, span_of (reply->element[i]->str, reply->element[i]->len));
    }
    //  Unless all are to be looked at anew.
    if (reply->elements == PAGE && !self->look_from) {
        int rc = asprintf (&self->look_from, "(%s", reply->element[PAGE - 1]->str);
        assert (rc > 0);
    }
}

static void s_look_at_page (timers_t *self)
{
    char count[SPAN_NUMBER];
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (self->channels_key), span_text (self->look_from),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, PAGE)};
    link_command (self->link, s_on_page, self, 7, words);
    free (self->look_from);
    self->look_from = NULL;
    self->looking = true;
}

static void s_look_at_all (timers_t *self)
{
    free (self->look_from);
    self->look_from = strdup ("-");
}

//  The announcements: "<ms> <channel>". Anybody may publish there: what is none is passed over.

static void s_on_message (void *owner, span_t message)
{
    timers_t *self = owner;
    char text[TEXT_BYTES];
    int64_t at_ms;
    int at = 0;
    snprintf (text, sizeof text, "%.*s", (int)message.size, message.data);
    if (sscanf (text, "%" SCNd64 " %n", &at_ms, &at) == 1 && at > 0 && name_is_valid (span_text (text + at))) {
        schedule_add (self->schedule, span_text (text + at), at_ms);
    }
}

//  What was announced before this was not heard.
static void s_on_listening (void *owner, void *arg, redisReply *reply)
{
    if (reply) {
        s_look_at_all (owner);
    }
}

static void s_on_ear (void *owner, bool up)
{
    timers_t *self = owner;
    if (up) {
        link_listen (self->ear, self->announced_key, s_on_message, s_on_listening);
    }
}

link_t *timers_ear (timers_t *self)
{
    return self->ear;
}

void timers_up (timers_t *self)
{
    self->ahead_ms = zclock_time () + link_store (self->link)->clock_ahead_ms - zclock_mono ();
    s_look_at_all (self);
}

//  Work

static bool s_may_look (const timers_t *self)
{
    return self->look_from && !self->looking;
}

int64_t timers_deadline_ms (const timers_t *self)
{
    if (!link_is_up (self->link)) {
        return INT64_MAX;
    }
    int64_t first_ms = self->visits < VISITS ? schedule_first_ms (self->schedule) : INT64_MAX;
    return s_may_look (self) ? zclock_mono () : first_ms == INT64_MAX ? first_ms : first_ms - self->ahead_ms;
}

void timers_work (timers_t *self)
{
    if (!link_is_up (self->link)) {
        return;
    }
    if (s_may_look (self)) {
        s_look_at_page (self);
    }
    while (self->visits < VISITS && schedule_first_ms (self->schedule) <= s_now_ms (self)) {
        s_begin_visit (self);
    }
}

//  Life

timers_t *timers_new (const config_t *config, const char *redis_url, link_t *link)
{
    timers_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->link = link;
    self->schedule = schedule_new ();
    self->announced_key = store_key (config->prefix, "timers");
    self->channels_key = store_key (config->prefix, "channels");
    self->ear = link_new ("keeper-ear", redis_url, config->prefix, s_on_ear, self);
    return self;
}

void timers_destroy (timers_t **self_p)
{
    timers_t *self = *self_p;
    if (self) {
        link_destroy (&self->ear);
        schedule_destroy (&self->schedule);
        free (self->announced_key);
        free (self->channels_key);
        free (self->look_from);
        free (self);
        *self_p = NULL;
    }
}
