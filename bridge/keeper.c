//  keeper - holds channels to their limits, frees what lies below the floor, and msg_ids that have had their time, does
//  what is due (timers.c), and counts what groups have (census.c). One thread, one Redis connection and one to listen, in
//  small steps, so that Redis serves everybody else between two. Any number of bridges may do this at once.
//
//  A channel has its turn when it is named over inproc, by a flush, since it has grown, or since something was settled;
//  when its oldest message is too old; and in a slow round of all, in slices.

#include "census.h"
#include "deadline.h"
#include "keeper.h"
#include "link.h"
#include "log.h"
#include "schedule.h"
#include "snapshot.h"
#include "store.h"
#include "timers.h"

enum {
    SLICE_EVERY_MS = 1000,
    SLICE_CHANNELS = 200,
    STEP_MEMBERS = 200,  //  a step holds Redis for about a millisecond
    STEP_BYTES = 262144,
    AGE_EVERY_MS = 200  //  a channel that loses old messages all the time does not always have a turn
};

struct keeper {
    const config_t *config;
    link_t *link;
    timers_t *timers;
    zsock_t *hints;     //  names of channels that come next
    schedule_t *turns;  //  when a channel has its next one, as zclock_mono tells it
    char *channels_key;
    char *cursor;  //  where the next slice begins, as ZRANGEBYLEX says it
    int64_t slice_at_ms;
    bool first_round;  //  since Redis came back: no pause between two slices
    bool busy;         //  a turn or a slice is under way
    counters_t counters;
    snapshots_t *snapshots;
    census_t *census;
};

static void s_on_state (void *owner, bool up)
{
    keeper_t *self = owner;
    self->busy = false;
    if (up) {
        self->slice_at_ms = zclock_mono ();
        self->first_round = true;
        free (self->cursor);
        self->cursor = strdup ("-");
        timers_up (self->timers);
    }
}

//  One channel's turn: its steps are sent together, and it comes again while one of them has more to do.
typedef struct {
    char *name;
    int due;
    bool left;
    bool lost;        //  a step's reply was
    bool refused;     //  a step was, by Redis
    int64_t next_ms;  //  from now on its oldest message is too old; -1: none will be
} turn_t;

static void s_end_turn (keeper_t *self, turn_t *turn)
{
    int64_t now_ms = zclock_mono ();
    span_t name = span_text (turn->name);
    if (turn->lost || (turn->left && !turn->refused)) {
        schedule_add (self->turns, name, now_ms);
    } else if (turn->next_ms >= 0) {
        schedule_add (self->turns, name, now_ms + (turn->next_ms > AGE_EVERY_MS ? turn->next_ms : AGE_EVERY_MS));
    }
    free (turn->name);
    free (turn);
    self->busy = false;
}

static void s_on_step (void *owner, void *arg, redisReply *reply)
{
    keeper_t *self = owner;
    turn_t *turn = arg;
    if (!reply) {
        turn->lost = true;
    } else if (reply->type == REDIS_REPLY_ERROR) {
        //  The next round comes back to it.
        log_write (LEVEL_WARN, "keeper", "step_refused", "channel=%s why=\"%s\"", turn->name, reply->str);
        turn->refused = true;
    } else {
        turn->left |= reply->element[1]->integer != 0;
        turn->next_ms = reply->elements > 2 ? reply->element[2]->integer : turn->next_ms;
    }
    if (--turn->due == 0) {
        s_end_turn (self, turn);
    }
}

static void s_on_slice (void *owner, void *arg, redisReply *reply)
{
    keeper_t *self = owner;
    self->busy = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        schedule_add (self->turns, span_text (reply->element[i]->str), zclock_mono ());
        if (link_is_up (self->link)) {
            timers_look (self->timers, span_text (reply->element[i]->str));
        }
    }
    free (self->cursor);
    self->cursor = NULL;
    if (reply->elements == SLICE_CHANNELS) {
        int rc = asprintf (&self->cursor, "(%s", reply->element[reply->elements - 1]->str);
        assert (rc > 0);
    } else {
        self->cursor = strdup ("-");
        self->first_round = false;
    }
}

static void s_send_step (keeper_t *self, turn_t *turn, script_t script, int argc, const span_t *words)
{
    turn->due++;
    link_script (self->link, script, s_on_step, turn, argc, words);
}

//  Raises the floor as the channel's limits demand, or to what its groups have not settled. `meta`: the key.
static void s_retain (keeper_t *self, turn_t *turn, span_t meta)
{
    limits_t limits = config_limits (self->config, span_text (turn->name));
    char numbers[5][SPAN_NUMBER];
    if (limits.max_messages || limits.max_age_ms) {
        span_t words[] = {span_text ("1"), meta, span_number (numbers[0], limits.max_messages),
            span_number (numbers[1], limits.max_age_ms)};
        s_send_step (self, turn, SCRIPT_RETAIN, 4, words);
    }
    if (limits.max_bytes) {
        span_t words[] = {span_text ("1"), meta, span_number (numbers[2], limits.max_bytes),
            span_number (numbers[3], STEP_MEMBERS), span_number (numbers[4], STEP_BYTES)};
        s_send_step (self, turn, SCRIPT_SHRINK, 5, words);
    }
    if (limits.acked) {
        span_t words[] = {span_text ("1"), meta};
        s_send_step (self, turn, SCRIPT_ACKED, 2, words);
    }
}

//  Takes the name.
static void s_begin_turn (keeper_t *self, char *name)
{
    static const char *const parts[] = {"log", "meta", "gaps", "ids", "marks"};
    enum { LOG, META, GAPS, IDS, MARKS, PARTS };
    turn_t *turn = calloc (1, sizeof *turn);
    turn->name = name;
    turn->next_ms = -1;
    span_t keys[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        keys[i] = span_text (store_channel_key (self->config->prefix, span_text (name), parts[i]));
    }
    char numbers[3][SPAN_NUMBER];
    s_retain (self, turn, keys[META]);
    span_t members = span_number (numbers[0], STEP_MEMBERS);
    span_t free_words[] = {
        span_text ("3"), keys[LOG], keys[META], keys[GAPS], members, span_number (numbers[1], STEP_BYTES)};
    s_send_step (self, turn, SCRIPT_FREE, 6, free_words);
    uint64_t dedupe_ms = (uint64_t)config_policy (self->config, span_text (name))->dedupe_s * 1000;
    span_t forget_words[] = {
        span_text ("4"), keys[IDS], keys[META], keys[LOG], keys[MARKS], span_number (numbers[2], dedupe_ms), members};
    s_send_step (self, turn, SCRIPT_FORGET, 7, forget_words);
    for (size_t i = 0; i < PARTS; i++) {
        free ((char *)keys[i].data);
    }
}

static void s_slice (keeper_t *self)
{
    char count[SPAN_NUMBER];
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (self->channels_key), span_text (self->cursor),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, SLICE_CHANNELS)};
    link_command (self->link, s_on_slice, NULL, 7, words);
    self->slice_at_ms = zclock_mono () + (self->first_round ? 0 : SLICE_EVERY_MS);
}

//  Does the next thing, when nothing is under way.
static void s_step (keeper_t *self)
{
    if (self->busy || !link_is_up (self->link)) {
        return;
    }
    if (schedule_first_ms (self->turns) <= zclock_mono ()) {
        self->busy = true;
        s_begin_turn (self, schedule_take (self->turns));
    } else if (zclock_mono () >= self->slice_at_ms) {
        self->busy = true;
        s_slice (self);
    }
}

static void s_take_hints (keeper_t *self)
{
    char name[256];
    int size;
    while ((size = zmq_recv (zsock_resolve (self->hints), name, sizeof name - 1, ZMQ_DONTWAIT)) >= 0) {
        span_t channel = span_of (name, (size_t)size);
        bool acked = config_limits (self->config, channel).acked;
        schedule_add (self->turns, channel, zclock_mono () + (acked ? KEEPER_SETTLED_MS : 0));
    }
}

keeper_t *keeper_new (const config_t *config, const char *redis_url)
{
    keeper_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->hints = zsock_new (ZMQ_PULL);
    zsock_set_unbounded (self->hints);
    int rc = zsock_bind (self->hints, KEEPER_HINTS);
    assert (rc == 0);
    self->turns = schedule_new ();
    self->channels_key = store_key (config->prefix, "channels");
    self->cursor = strdup ("-");
    self->link = link_new ("keeper", redis_url, config->prefix, s_on_state, self);
    link_judge (self->link, false, config->strict, config->min_replicas);
    self->snapshots = snapshots_new ("keeper", self->link, &self->counters);
    self->census = census_new (config, self->link, &self->counters);
    self->timers = timers_new (config, redis_url, self->link);
    return self;
}

void keeper_destroy (keeper_t **self_p)
{
    keeper_t *self = *self_p;
    if (!self) {
        return;
    }
    snapshots_destroy (&self->snapshots);
    link_destroy (&self->link);
    census_destroy (&self->census);
    timers_destroy (&self->timers);
    zsock_destroy (&self->hints);
    schedule_destroy (&self->turns);
    free (self->channels_key);
    free (self->cursor);
    free (self);
    *self_p = NULL;
}

void keeper_actor (zsock_t *pipe, void *args)
{
    keeper_t *self = args;
    zsock_signal (pipe, 0);
    link_t *ear = timers_ear (self->timers);
    zmq_pollitem_t items[4] = {
        {zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        {zsock_resolve (self->hints), 0, ZMQ_POLLIN, 0},
    };
    while (!items[0].revents) {
        int64_t deadline_ms = deadline_sooner (link_deadline_ms (self->link), link_deadline_ms (ear));
        deadline_ms = deadline_sooner (deadline_ms, timers_deadline_ms (self->timers));
        deadline_ms = deadline_sooner (deadline_ms, snapshots_deadline_ms (self->snapshots));
        deadline_ms = deadline_sooner (deadline_ms, census_deadline_ms (self->census));
        if (!self->busy && link_is_up (self->link)) {
            deadline_ms = deadline_sooner (deadline_ms, self->slice_at_ms);
            deadline_ms = deadline_sooner (deadline_ms, schedule_first_ms (self->turns));
        }
        items[2] = (zmq_pollitem_t){NULL, link_fd (self->link), link_events (self->link), 0};
        items[3] = (zmq_pollitem_t){NULL, link_fd (ear), link_events (ear), 0};
        deadline_poll (items, 4, deadline_ms, 0);
        s_take_hints (self);
        link_work (ear, items[3].revents);
        link_work (self->link, items[2].revents);
        timers_work (self->timers);
        s_step (self);
        census_work (self->census);
        link_write (self->link);
        snapshots_work (self->snapshots, NULL);
    }
    keeper_destroy (&self);
}
