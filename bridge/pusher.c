//  pusher - pushes messages to workers. Owns the PUSH socket, two Redis connections, and what was taken and not sent.
//  Runs in its own thread. It must never lease what no worker has room for.
//
//      IDLE --s_count--> COUNTING --s_take--> TAKING --s_begin_sending--> SENDING --s_end--> IDLE
//       +-----------------s_take-----------------^
//
//  It takes when a pipe has room, a message at first, and more at once while workers take them faster than Redis is
//  asked. What finds no room within HOLD_MS goes back. The window holds for all of the section's channels together; what
//  is leased is counted in Redis only when it may be reached, since others settle what this one has leased.

#include "deadline.h"
#include "ear.h"
#include "jobs.h"
#include "log.h"
#include "name.h"
#include "names.h"
#include "pusher.h"
#include "returns.h"
#include "snapshot.h"
#include "socket.h"
#include "store.h"
#include "supply.h"
#include "taken.h"

enum {
    HOLD_MS = 10,
    SWIFT_MS = 1,           //  workers that have room again within this get more at once
    PAUSE_MS = 1000,        //  after Redis has refused
    RECOUNT_MS = 1000,      //  with a full window: leases also end without a word, by a flush or a group's end
    LOOK_EVERY_MS = 20000,  //  at everything: an announcement may have been lost
    PUSH_HWM = 1
};

typedef enum { IDLE, COUNTING, TAKING, SENDING } state_t;

struct pusher {
    const config_t *config;
    const workers_t *section;
    char bound[1024];
    char consumer[64];  //  of this start and section
    void *push;
    link_t *link;
    ear_t *ear;
    char *channels_key;
    counters_t counters;
    snapshots_t *snapshots;

    state_t state;
    supply_t *supply;
    source_t *source;  //  from which is taken
    size_t wanted;     //  so many
    size_t replies;    //  that will still come: of COUNTING, or of the log's members
    taken_t *taken;
    bool lost;  //  members could not be read
    jobs_t *jobs;
    returns_t *returns;
    int64_t hold_until_ms;
    int64_t sent_at_ms;     //  when all that was taken was sent, last
    bool told;              //  something was settled since what is leased was asked for, last
    int64_t rest_until_ms;  //  when to take again at the earliest: the window is full, or Redis has refused
    bool stopping;

    names_t names;  //  of the glob whose channels are looked for
    size_t glob;    //  its place among the section's channels
    bool looking;
    int64_t look_at_ms;
};

static void s_set_state (pusher_t *self, state_t state)
{
    self->state = state;
}

//  Sending

//  All is sent, or gone back.
static void s_end (pusher_t *self, bool sent)
{
    self->sent_at_ms = sent ? zclock_mono () : INT64_MIN;
    s_set_state (self, IDLE);
}

static void s_give_back_one (void *arg, uint64_t id)
{
    pusher_t *self = arg;
    span_t channel = span_text (self->source->name), group = span_text (self->section->group);
    returns_run (self->returns, channel, group, taken_lease (self->taken), id, id);
}

static void s_give_back (pusher_t *self)
{
    jobs_drop (self->jobs, s_give_back_one, self);
    s_end (self, false);
}

static void s_give_back_all (pusher_t *self)
{
    leases_t *leases = leases_new (span_text (self->section->group));
    leases_add (leases, span_text (self->source->name), taken_lease (self->taken));
    returns_leases (self->returns, &leases);
    jobs_drop (self->jobs, NULL, NULL);
    s_end (self, false);
}

static void s_send (pusher_t *self)
{
    if (jobs_send (self->jobs) > 0) {
        self->hold_until_ms = zclock_mono () + HOLD_MS;
    }
    if (jobs_count (self->jobs) == 0) {
        s_end (self, true);
    } else if (self->stopping || zclock_mono () >= self->hold_until_ms) {
        s_give_back (self);
    }
}

static void s_begin_sending (pusher_t *self)
{
    self->hold_until_ms = zclock_mono () + HOLD_MS;
    s_set_state (self, SENDING);
    s_send (self);
}

//  Taking

static void s_read (pusher_t *self);

static void s_on_members (void *owner, void *arg, redisReply *reply)
{
    pusher_t *self = owner;
    if (reply) {
        taken_read (self->taken, reply);
    }
    self->lost |= !reply;
    if (--self->replies > 0) {
        return;
    }
    if (self->lost) {
        s_give_back_all (self);
    } else {
        s_read (self);
    }
}

static void s_read (pusher_t *self)
{
    self->lost = false;
    self->replies = taken_ask (self->taken, self->link, self->source->log_key, JOBS_MOST, s_on_members, self);
    if (self->replies == 0) {
        s_begin_sending (self);
    }
}

static bool s_on_envelope (void *arg, span_t envelope, uint64_t attempt)
{
    pusher_t *self = arg;
    return jobs_add (self->jobs, envelope, attempt);
}

//  Nothing came of it. Without a reply, what it may have leased counts until Redis is asked.
static void s_on_trouble (pusher_t *self, const redisReply *reply)
{
    self->source->maybe = true;
    if (reply) {
        log_write (LEVEL_WARN, "workers", "take_refused", "channel=%s why=\"%s\"", self->source->name,
            reply->type == REDIS_REPLY_ERROR ? reply->str : "no answer that is one");
        self->rest_until_ms = zclock_mono () + PAUSE_MS;
    } else {
        self->source->load += self->wanted;
    }
    s_end (self, false);
}

static void s_rest_when_full (pusher_t *self)
{
    if (!self->told) {
        self->rest_until_ms = zclock_mono () + RECOUNT_MS;
    }
}

static void s_on_take (void *owner, void *arg, redisReply *reply)
{
    pusher_t *self = owner;
    taken_destroy (&self->taken);
    self->taken = reply ? taken_new (reply, s_on_envelope, self) : NULL;
    if (!self->taken) {
        s_on_trouble (self, reply);
        return;
    }
    if (strcmp (reply->element[0]->str, "window") == 0) {
        self->source->maybe = true;
        s_rest_when_full (self);
    }
    self->source->maybe |= taken_more (self->taken);
    if (taken_lease (self->taken) == 0) {
        s_end (self, false);
        return;
    }
    self->source->load += self->wanted;
    jobs_begin (self->jobs, span_text (self->source->name), span_text (self->section->group), taken_lease (self->taken),
        taken_deadline_ms (self->taken));
    s_read (self);
}

//  What the window still allows, if not more was settled than this pusher knows of.
static size_t s_room (const pusher_t *self)
{
    size_t load = supply_load (self->supply), window = (size_t)self->section->window;
    return load < window ? window - load : 0;
}

static void s_take (pusher_t *self, source_t *source)
{
    bool swift = self->sent_at_ms != INT64_MIN && zclock_mono () - self->sent_at_ms <= SWIFT_MS;
    size_t room = s_room (self), wanted = swift ? self->wanted * 2 : 1;
    wanted = wanted > JOBS_MOST ? JOBS_MOST : wanted;
    self->wanted = wanted > room ? room : wanted;
    self->source = source;
    self->told = false;
    source->maybe = false;
    s_set_state (self, TAKING);
    char max[SPAN_NUMBER], lease_ms[SPAN_NUMBER], window[SPAN_NUMBER];
    span_t words[] = {span_text ("1"), span_text (source->meta_key), span_text (self->section->group),
        span_number (max, self->wanted), span_number (lease_ms, (uint64_t)self->section->lease_ms),
        span_text (self->consumer), span_text ("0"), span_text ("1"), span_number (window, room + source->load)};
    link_script (self->link, SCRIPT_TAKE, s_on_take, NULL, sizeof words / sizeof *words, words);
}

//  Counting

static void s_on_load (void *owner, void *arg, redisReply *reply)
{
    pusher_t *self = owner;
    source_t *source = arg;
    if (reply && reply->type != REDIS_REPLY_ERROR) {
        source->load = reply->str ? (size_t)strtoull (reply->str, NULL, 10) : 0;
    }
    if (--self->replies == 0) {
        if (s_room (self) == 0) {
            s_rest_when_full (self);
        }
        s_set_state (self, IDLE);
    }
}

static void s_count (pusher_t *self)
{
    self->told = false;
    s_set_state (self, COUNTING);
    for (size_t i = 0; i < supply_count (self->supply); i++) {
        source_t *source = supply_at (self->supply, i);
        if (source->load > 0) {
            span_t words[] = {span_text ("HGET"), span_text (source->load_key), span_text (self->consumer)};
            self->replies++;
            link_command (self->link, s_on_load, source, 3, words);
        }
    }
}

//  Looking at all that may be there

static void s_look_further (pusher_t *self);

static void s_on_names (void *owner, void *arg, redisReply *reply)
{
    pusher_t *self = owner;
    self->looking = reply && reply->type == REDIS_REPLY_ARRAY && link_is_up (self->link);
    if (!self->looking) {
        return;  //  coming up, it looks anew; else after LOOK_EVERY_MS
    }
    size_t at = 0;
    span_t name;
    while ((name = names_next (&self->names, reply, &at)).size > 0) {
        supply_tell (self->supply, name);
    }
    if (self->names.done) {
        self->glob++;
        self->names.glob.size = 0;
    }
    s_look_further (self);
}

static void s_look_further (pusher_t *self)
{
    const strings_t *channels = &self->section->channels;
    while (self->names.glob.size == 0 && self->glob < channels->count) {
        span_t glob = span_text (channels->items[self->glob]);
        if (glob_is_name (glob)) {
            self->glob++;
        } else {
            self->names = names_of (glob);
        }
    }
    self->looking = self->names.glob.size > 0;
    if (self->looking) {
        char count[SPAN_NUMBER];
        span_t words[NAMES_WORDS];
        names_words (&self->names, self->channels_key, count, words);
        link_command (self->link, s_on_names, NULL, NAMES_WORDS, words);
    }
}

static void s_look (pusher_t *self)
{
    self->look_at_ms = zclock_mono () + LOOK_EVERY_MS;
    supply_tell_all (self->supply);
    self->glob = 0;
    self->names.glob.size = 0;
    s_look_further (self);
}

//  What is heard

static void s_on_state (void *owner, bool up)
{
    pusher_t *self = owner;
    self->look_at_ms = 0;
    if (up) {
        returns_again (self->returns);
    }
}

static void s_on_missed (void *owner)
{
    pusher_t *self = owner;
    self->look_at_ms = 0;
}

static void s_on_appended (void *owner, span_t channel, uint64_t first, uint64_t head)
{
    pusher_t *self = owner;
    supply_tell (self->supply, channel);
}

static void s_on_takeable (void *owner, span_t channel, span_t group)
{
    pusher_t *self = owner;
    if (span_eq (group, self->section->group) && supply_tell (self->supply, channel)) {
        self->told = true;
        self->rest_until_ms = 0;
    }
}

//  Life

pusher_t *pusher_new (const config_t *config, size_t index, const char *redis_url, char *error, size_t error_size)
{
    pusher_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->section = config_workers (config, index);
    self->sent_at_ms = INT64_MIN;
    //  Bound, it has a pipe for each worker that is connected, and no other: without one it never has room.
    self->push = socket_open (ZMQ_PUSH, 1, PUSH_HWM, config);
    self->supply = supply_new (self->section, config->prefix);
    self->jobs = jobs_new (self->push, &self->counters);
    self->channels_key = store_key (config->prefix, "channels");
    zuuid_t *start = zuuid_new ();
    snprintf (self->consumer, sizeof self->consumer, "workers-%zu-%s", index + 1, zuuid_str (start));
    zuuid_destroy (&start);
    self->returns = returns_new (config, &self->link);
    char actor[32];
    snprintf (actor, sizeof actor, "workers-%zu", index + 1);
    self->link = link_new ("workers", redis_url, config->prefix, s_on_state, self);
    self->snapshots = snapshots_new (actor, self->link, &self->counters);
    self->ear = ear_new ("workers-ear", redis_url, config->prefix, s_on_appended, s_on_takeable, s_on_missed, self);
    if (!self->push) {
        snprintf (error, error_size, "workers.push: cannot open a socket: %s", zmq_strerror (errno));
        pusher_destroy (&self);
    } else if (socket_bind (self->push, "workers.push", &self->section->push, self->bound, sizeof self->bound, error,
                   error_size)) {
        pusher_destroy (&self);
    }
    return self;
}

const char *pusher_endpoints (const pusher_t *self)
{
    return self->bound;
}

void pusher_destroy (pusher_t **self_p)
{
    pusher_t *self = *self_p;
    if (!self) {
        return;
    }
    snapshots_destroy (&self->snapshots);
    link_destroy (&self->link);
    ear_destroy (&self->ear);
    returns_destroy (&self->returns);
    taken_destroy (&self->taken);
    jobs_destroy (&self->jobs);
    supply_destroy (&self->supply);
    if (self->push) {
        zmq_close (self->push);
    }
    free (self->channels_key);
    free (self);
    *self_p = NULL;
}

//  The loop

static bool s_may_take (const pusher_t *self)
{
    return self->state == IDLE && !self->stopping && link_is_up (self->link) && zclock_mono () >= self->rest_until_ms &&
           supply_first (self->supply);
}

static bool s_has_room (const pusher_t *self)
{
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt (self->push, ZMQ_EVENTS, &events, &size);
    return events & ZMQ_POLLOUT;
}

static void s_work (pusher_t *self)
{
    if (link_is_up (self->link) && !self->looking && !self->stopping && zclock_mono () >= self->look_at_ms) {
        s_look (self);
    }
    if (self->state == SENDING) {
        s_send (self);
    }
    if (!s_may_take (self) || !s_has_room (self)) {
        return;
    }
    if (s_room (self) > 0) {
        s_take (self, supply_first (self->supply));
    } else {
        s_count (self);
    }
}

enum { ITEM_PIPE, ITEM_PUSH, ITEM_REDIS, ITEM_EAR, ITEM_COUNT };

static void s_turn (pusher_t *self, zmq_pollitem_t *items, int64_t until_ms)
{
    link_t *ear = ear_link (self->ear);
    int64_t deadline_ms = deadline_sooner (link_deadline_ms (self->link), link_deadline_ms (ear));
    deadline_ms = deadline_sooner (deadline_ms, deadline_sooner (until_ms, snapshots_deadline_ms (self->snapshots)));
    if (self->state == SENDING) {
        deadline_ms = deadline_sooner (deadline_ms, self->hold_until_ms);
    } else if (link_is_up (self->link) && !self->looking && !self->stopping) {
        deadline_ms = deadline_sooner (deadline_ms, self->look_at_ms);
    }
    if (self->rest_until_ms > zclock_mono ()) {
        deadline_ms = deadline_sooner (deadline_ms, self->rest_until_ms);
    }
    items[ITEM_PUSH].events = self->state == SENDING || s_may_take (self) ? ZMQ_POLLOUT : 0;
    items[ITEM_REDIS] = (zmq_pollitem_t){NULL, link_fd (self->link), link_events (self->link), 0};
    items[ITEM_EAR] = (zmq_pollitem_t){NULL, link_fd (ear), link_events (ear), 0};
    deadline_poll (items, ITEM_COUNT, deadline_ms, 0);
    link_work (self->link, items[ITEM_REDIS].revents);
    link_work (ear, items[ITEM_EAR].revents);
    s_work (self);
    link_write (self->link);
    snapshots_work (self->snapshots, NULL);
}

//  What is under way comes to its end, and what finds no worker goes back, within grace_ms, if Redis is there.
static void s_drain (pusher_t *self, zmq_pollitem_t *items)
{
    int64_t until_ms = zclock_mono () + self->config->grace_ms;
    self->stopping = true;
    items[ITEM_PIPE].events = 0;
    while (self->state != IDLE || (returns_count (self->returns) > 0 && link_is_up (self->link))) {
        if (zclock_mono () >= until_ms) {
            break;
        }
        s_turn (self, items, until_ms);
    }
}

void pusher_actor (zsock_t *pipe, void *args)
{
    pusher_t *self = args;
    zsock_signal (pipe, 0);
    zmq_pollitem_t items[ITEM_COUNT] = {
        [ITEM_PIPE] = {zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        [ITEM_PUSH] = {self->push, 0, 0, 0},
        [ITEM_REDIS] = {NULL, -1, 0, 0},
        [ITEM_EAR] = {NULL, -1, 0, 0},
    };
    //  The only word on the pipe is $TERM.
    while (!items[ITEM_PIPE].revents) {
        s_turn (self, items, INT64_MAX);
    }
    s_drain (self, items);
    pusher_destroy (&self);
}
