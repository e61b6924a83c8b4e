//  keeper - frees what lies below the floor, and msg_ids that have had their time, and does what is due (timers.c). One
//  thread, one Redis connection and one to listen, in small steps, so that Redis serves everybody else between two. Any
//  number of bridges may do this at once.
//
//  It goes round all channels in slices; a flush names its channel to it over inproc, so that it comes next.

#include "deadline.h"
#include "keeper.h"
#include "limit.h"
#include "link.h"
#include "log.h"
#include "store.h"
#include "timers.h"

enum {
    SLICE_EVERY_MS = 1000,
    SLICE_CHANNELS = 200,
    STEP_MEMBERS = 500,  //  a step holds Redis for about a millisecond
    STEP_BYTES = 262144
};

struct keeper {
    const config_t *config;
    link_t *link;
    timers_t *timers;
    zsock_t *hints;  //  names of channels that have something to free
    zlistx_t *todo;  //  names to look at, owned
    char *channels_key;
    char *cursor;  //  where the next slice begins, as ZRANGEBYLEX says it
    int64_t slice_at_ms;
    bool busy;  //  a step or a slice is under way
};

static void s_destroy_name (void **name_p)
{
    free (*name_p);
    *name_p = NULL;
}

static void s_on_state (void *owner, bool up)
{
    keeper_t *self = owner;
    self->busy = false;
    if (up) {
        self->slice_at_ms = zclock_mono ();
        timers_up (self->timers);
    }
}

//  One channel's turn: both steps are sent together, and it comes again while either has more to do.
typedef struct {
    char *name;
    int due;
    bool left;
} turn_t;

static void s_on_step (void *owner, void *arg, redisReply *reply)
{
    keeper_t *self = owner;
    turn_t *turn = arg;
    if (reply && reply->type == REDIS_REPLY_ERROR) {
        //  The next round comes back to it.
        log_write (LEVEL_WARN, "keeper", "step_refused", "channel=%s why=\"%s\"", turn->name, reply->str);
    } else if (reply && reply->elements == 2) {
        turn->left |= reply->element[1]->integer != 0;
    }
    if (--turn->due > 0) {
        return;
    }
    if (turn->left) {
        zlistx_add_end (self->todo, turn->name);
    } else {
        free (turn->name);
    }
    free (turn);
    self->busy = false;
}

static void s_on_slice (void *owner, void *arg, redisReply *reply)
{
    keeper_t *self = owner;
    self->busy = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        zlistx_add_end (self->todo, strdup (reply->element[i]->str));
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
    }
}

//  Takes the name.
static void s_begin_turn (keeper_t *self, char *name)
{
    turn_t *turn = malloc (sizeof *turn);
    *turn = (turn_t){name, 2, false};
    char *log = store_channel_key (self->config->prefix, span_text (name), "log");
    char *meta = store_channel_key (self->config->prefix, span_text (name), "meta");
    char *ids = store_channel_key (self->config->prefix, span_text (name), "ids");
    char numbers[3][SPAN_NUMBER];
    span_t members = span_number (numbers[0], STEP_MEMBERS);
    span_t free_words[] = {
        span_text ("2"), span_text (log), span_text (meta), members, span_number (numbers[1], STEP_BYTES)};
    link_script (self->link, SCRIPT_FREE, s_on_step, turn, 5, free_words);
    span_t forget_words[] = {span_text ("3"), span_text (ids), span_text (meta), span_text (log),
        span_number (numbers[2], LIMIT_DEDUPE_MS), members};
    link_script (self->link, SCRIPT_FORGET, s_on_step, turn, 6, forget_words);
    free (log);
    free (meta);
    free (ids);
}

static void s_slice (keeper_t *self)
{
    char count[SPAN_NUMBER];
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (self->channels_key), span_text (self->cursor),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, SLICE_CHANNELS)};
    link_command (self->link, s_on_slice, NULL, 7, words);
    self->slice_at_ms = zclock_mono () + SLICE_EVERY_MS;
}

//  Does the next thing, when nothing is under way.
static void s_step (keeper_t *self)
{
    if (self->busy || !link_is_up (self->link)) {
        return;
    }
    char *name = zlistx_first (self->todo);
    if (name) {
        zlistx_detach_cur (self->todo);
        self->busy = true;
        s_begin_turn (self, name);
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
        name[size] = 0;
        zlistx_add_start (self->todo, strdup (name));
    }
}

keeper_t *keeper_new (const config_t *config, const char *redis_url)
{
    keeper_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->hints = zsock_new_pull ("@" KEEPER_HINTS);
    self->todo = zlistx_new ();
    zlistx_set_destructor (self->todo, s_destroy_name);
    self->channels_key = store_key (config->prefix, "channels");
    self->cursor = strdup ("-");
    self->link = link_new ("keeper", redis_url, config->prefix, s_on_state, self);
    self->timers = timers_new (config, redis_url, self->link);
    return self;
}

void keeper_destroy (keeper_t **self_p)
{
    keeper_t *self = *self_p;
    if (!self) {
        return;
    }
    link_destroy (&self->link);
    timers_destroy (&self->timers);
    zsock_destroy (&self->hints);
    zlistx_destroy (&self->todo);
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
        if (!self->busy && link_is_up (self->link)) {
            deadline_ms = deadline_sooner (deadline_ms, self->slice_at_ms);
        }
        items[2] = (zmq_pollitem_t){NULL, link_fd (self->link), link_events (self->link), 0};
        items[3] = (zmq_pollitem_t){NULL, link_fd (ear), link_events (ear), 0};
        deadline_poll (items, 4, deadline_ms);
        s_take_hints (self);
        link_work (ear, items[3].revents);
        link_work (self->link, items[2].revents);
        timers_work (self->timers);
        s_step (self);
        link_write (self->link);
    }
    keeper_destroy (&self);
}
