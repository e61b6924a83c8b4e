//  census - counts what groups have. In the keeper's thread; one question at a time, so that Redis serves everybody else
//  between two.
//
//  A round goes through the index of channels in slices. Of each channel it asks how many groups it has, and of those
//  that have some, one after the other, the status. A round that loses its connection begins anew.

#include "census.h"
#include "deadline.h"
#include "store.h"

enum {
    ROUND_EVERY_MS = 2000,
    SLICE_EVERY_MS = 100,
    SLICE_CHANNELS = 200,
    STATUS_EVERY_MS = 10,
    REST_FACTOR = 100,  //  it rests so many times longer than Redis took to answer
    REST_MOST_MS = 10000
};

struct census {
    const config_t *config;
    link_t *link;
    counters_t *counters;
    zsock_t *monitor;
    char *channels_key;
    char *from;       //  where the next slice begins, as ZRANGEBYLEX says it; NULL: the round has seen all channels
    zlistx_t *names;  //  of channels that have groups, owned, to be asked
    size_t due;       //  replies that will still come
    bool lost;        //  one was: the round begins anew
    int64_t at_ms;    //  when to go on
    int64_t asked_ms;
    counters_t sums;  //  of this round
    group_row_t rows[CENSUS_ROWS];
    size_t count;
};

static void s_destroy_name (void **name_p)
{
    free (*name_p);
    *name_p = NULL;
}

static void s_begin_round (census_t *self, int64_t at_ms)
{
    free (self->from);
    self->from = strdup ("-");
    zlistx_purge (self->names);
    memset (&self->sums, 0, sizeof self->sums);
    self->count = 0;
    self->lost = false;
    self->at_ms = at_ms;
}

census_t *census_new (const config_t *config, link_t *link, counters_t *counters)
{
    census_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->link = link;
    self->counters = counters;
    self->channels_key = store_key (config->prefix, "channels");
    self->monitor = zsock_new (ZMQ_PUSH);
    zsock_set_linger (self->monitor, 0);
    zsock_connect (self->monitor, CENSUS_ENDPOINT);
    self->names = zlistx_new ();
    zlistx_set_destructor (self->names, s_destroy_name);
    s_begin_round (self, 0);
    return self;
}

void census_destroy (census_t **self_p)
{
    census_t *self = *self_p;
    if (self) {
        zlistx_destroy (&self->names);
        zsock_destroy (&self->monitor);
        free (self->channels_key);
        free (self->from);
        free (self);
        *self_p = NULL;
    }
}

//  A channel's groups

enum { GROUP, CURSOR, WAITING, LEASED, DEAD, CONSUMERS, OLDEST, PAUSED, FIELDS };  //  of status.lua

static void s_add_group (census_t *self, const char *channel, redisReply *const *fields)
{
    group_row_t row = {.waiting = (uint64_t)fields[WAITING]->integer,
        .leased = (uint64_t)fields[LEASED]->integer,
        .dead = (uint64_t)fields[DEAD]->integer,
        .oldest_ms = fields[OLDEST]->integer};
    snprintf (row.channel, sizeof row.channel, "%s", channel);
    snprintf (row.group, sizeof row.group, "%s", fields[GROUP]->str);
    row.oldest_ms -= row.oldest_ms ? link_store (self->link)->clock_ahead_ms : 0;
    self->sums.waiting_messages += row.waiting;
    self->sums.leased_messages += row.leased;
    self->sums.dead_messages += row.dead;
    if (self->count < CENSUS_ROWS) {
        self->rows[self->count++] = row;
    } else {
        self->sums.untold_groups++;
    }
}

static void s_rest (census_t *self)
{
    int64_t now_ms = zclock_mono (), rest_ms = (now_ms - self->asked_ms) * REST_FACTOR;
    self->at_ms = now_ms + (rest_ms < STATUS_EVERY_MS   ? STATUS_EVERY_MS
                               : rest_ms < REST_MOST_MS ? rest_ms
                                                        : REST_MOST_MS);
}

static void s_on_status (void *owner, void *arg, redisReply *reply)
{
    census_t *self = arg;
    self->due--;
    self->lost |= !reply;
    s_rest (self);
    if (reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3) {
        const redisReply *groups = reply->element[2];
        for (size_t i = 0; i + FIELDS <= groups->elements; i += FIELDS) {
            s_add_group (self, reply->element[0]->str, groups->element + i);
        }
    }
}

static void s_ask_status (census_t *self)
{
    char *name = zlistx_detach (self->names, NULL);
    char *meta = store_channel_key (self->config->prefix, span_text (name), "meta");
    span_t words[] = {span_text ("1"), span_text (meta)};
    self->due++;
    link_script (self->link, SCRIPT_STATUS, s_on_status, self, 2, words);
    free (meta);
    free (name);
}

//  Channels

typedef struct {
    census_t *census;
    char *name;
} errand_t;

static void s_on_groups (void *owner, void *arg, redisReply *reply)
{
    errand_t *errand = arg;
    census_t *self = errand->census;
    self->due--;
    self->lost |= !reply;
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer > 0) {
        zlistx_add_end (self->names, errand->name);
    } else {
        free (errand->name);
    }
    free (errand);
}

static void s_ask_groups (census_t *self, const char *name)
{
    errand_t *errand = malloc (sizeof *errand);
    *errand = (errand_t){self, strdup (name)};
    char *key = store_channel_key (self->config->prefix, span_text (name), "groups");
    span_t words[] = {span_text ("ZCARD"), span_text (key)};
    self->due++;
    link_command (self->link, s_on_groups, errand, 2, words);
    free (key);
}

static void s_on_slice (void *owner, void *arg, redisReply *reply)
{
    census_t *self = arg;
    self->due--;
    self->lost |= !reply || reply->type != REDIS_REPLY_ARRAY || !link_is_up (self->link);
    if (self->lost) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        s_ask_groups (self, reply->element[i]->str);
    }
    free (self->from);
    self->from = NULL;
    if (reply->elements == SLICE_CHANNELS) {
        int rc = asprintf (&self->from, "(%s", reply->element[SLICE_CHANNELS - 1]->str);
        assert (rc > 0);
    }
}

static void s_ask_slice (census_t *self)
{
    char count[SPAN_NUMBER];
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (self->channels_key), span_text (self->from),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, SLICE_CHANNELS)};
    self->due++;
    link_command (self->link, s_on_slice, self, 7, words);
}

//  Rounds

static void s_end_round (census_t *self)
{
    self->counters->waiting_messages = self->sums.waiting_messages;
    self->counters->leased_messages = self->sums.leased_messages;
    self->counters->dead_messages = self->sums.dead_messages;
    self->counters->untold_groups = self->sums.untold_groups;
    zmq_send (zsock_resolve (self->monitor), self->rows, self->count * sizeof *self->rows, ZMQ_DONTWAIT);
    s_begin_round (self, zclock_mono () + ROUND_EVERY_MS);
}

int64_t census_deadline_ms (const census_t *self)
{
    return self->due || !link_is_up (self->link) ? INT64_MAX : self->at_ms;
}

void census_work (census_t *self)
{
    int64_t now_ms = zclock_mono ();
    if (now_ms < census_deadline_ms (self)) {
        return;
    }
    if (self->lost) {
        s_begin_round (self, now_ms);
    }
    if (zlistx_size (self->names) > 0) {
        self->asked_ms = now_ms;
        s_ask_status (self);
    } else if (self->from) {
        self->at_ms = now_ms + SLICE_EVERY_MS;
        s_ask_slice (self);
    } else {
        s_end_round (self);
    }
}
