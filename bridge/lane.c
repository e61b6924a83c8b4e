//  lane - the hot path's actor: owns intake (PULL, SUB), writer (Redis), the feed behind it and fan-out (XPUB), all in
//  one thread, since a hand-over between threads for each message would cost more than the work.
//
//  One turn of the loop: wait; read what Redis said and fan it out; read what producers sent; take what control
//  asked; send batches. It never blocks but in the poll, and never touches what another actor owns.

#include "ask.h"
#include "deadline.h"
#include "ear.h"
#include "heads.h"
#include "intake.h"
#include "keeper.h"
#include "lane.h"
#include "log.h"
#include "snapshot.h"
#include "writer.h"

enum {
    READ_AT_ONCE = 256,  //  messages of a socket in one turn, so that Redis's replies don't wait for long
    STOP_READ_MS = 1000  //  how long a stop goes on reading what has arrived
};

struct lane {
    const config_t *config;
    access_t *access;
    fanout_t *fanout;
    intake_t *intake;
    writer_t *writer;
    heads_t *heads;
    ear_t *ear;
    char bridge[33];  //  random id of this start
    zsock_t *control;
    zsock_t *keeper;  //  hints go there
    asks_t answers;   //  gathered for control
    counters_t counters;
    snapshots_t *snapshots;
    char bound[1024];
};

static void s_answer (void *owner, ask_t *ask)
{
    lane_t *self = owner;
    asks_add (&self->answers, ask);
}

void lane_destroy (lane_t **self_p)
{
    lane_t *self = *self_p;
    if (!self) {
        return;
    }
    intake_destroy (&self->intake);
    snapshots_destroy (&self->snapshots);
    ear_destroy (&self->ear);
    writer_destroy (&self->writer);
    asks_send (&self->answers, self->control);
    heads_destroy (&self->heads);
    fanout_destroy (&self->fanout);
    zsock_destroy (&self->control);
    zsock_destroy (&self->keeper);
    access_destroy (&self->access);
    free (self);
    *self_p = NULL;
}

static void s_on_appended (void *owner, span_t channel, uint64_t first, uint64_t head)
{
    lane_t *self = owner;
    feed_announced (writer_feed (self->writer), channel, first, head);
}

static void s_on_missed (void *owner)
{
    lane_t *self = owner;
    feed_look_at_all (writer_feed (self->writer));
}

static void s_hint_keeper (void *owner, const channel_t *channel)
{
    lane_t *self = owner;
    if (channel->limits.max_messages || channel->limits.max_age_ms || channel->limits.max_bytes) {
        zmq_send (zsock_resolve (self->keeper), channel->name, channel->name_size, ZMQ_DONTWAIT);
    }
}

static void s_beat (lane_t *self)
{
    const link_store_t *store = writer_redis (self->writer);
    zmq_msg_t envelope;
    uint64_t now_ms = (uint64_t)(zclock_time () + store->clock_ahead_ms);
    //  Before Redis was met once there is no store to tell of.
    if (store->store[0] && heads_beat (self->heads, store->store, now_ms, &envelope) == 0) {
        fanout_send_beat (self->fanout, &envelope);
    }
}

lane_t *lane_new (const config_t *config, const char *redis_url, zsock_t **control_p, access_t **access_p, char *error,
    size_t error_size)
{
    lane_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->control = *control_p;
    *control_p = NULL;
    self->access = *access_p;
    *access_p = NULL;
    self->keeper = zsock_new (ZMQ_PUSH);
    zsock_set_unbounded (self->keeper);
    zsock_connect (self->keeper, KEEPER_HINTS);
    self->fanout = fanout_new (config, &self->access, self->bound, sizeof self->bound, error, error_size);
    if (self->fanout) {
        zuuid_t *bridge = zuuid_new ();
        snprintf (self->bridge, sizeof self->bridge, "%s", zuuid_str (bridge));
        zuuid_destroy (&bridge);
        self->heads = heads_new (self->bridge, s_hint_keeper, self);
        self->writer = writer_new (config, redis_url, self->fanout, self->heads, &self->counters, s_answer, self);
        self->snapshots = snapshots_new ("lane", writer_link (self->writer), &self->counters);
        self->ear = ear_new ("ear", redis_url, config->prefix, s_on_appended, NULL, s_on_missed, self);
        self->intake = intake_new (
            config, &self->access, self->writer, &self->counters, self->bound, sizeof self->bound, error, error_size);
    }
    if (!self->intake) {
        lane_destroy (&self);
    }
    return self;
}

const char *lane_endpoints (const lane_t *self)
{
    return self->bound;
}

static void s_take_ask (lane_t *self, ask_t *ask)
{
    if (ask->kind == ASK_COUNTERS) {
        *ask->counters = self->counters;
        snprintf (ask->bridge, sizeof ask->bridge, "%s", self->bridge);
        asks_add (&self->answers, ask);
    } else {
        self->counters.publish_messages += ask->count;
        writer_publish (self->writer, ask);
    }
}

static void s_take_asks (lane_t *self)
{
    ask_t *ask;
    while ((ask = asks_recv (self->control))) {
        while (ask) {
            ask_t *next = ask->next;
            s_take_ask (self, ask);
            ask = next;
        }
    }
}

enum { ITEM_PIPE, ITEM_CONTROL, ITEM_XPUB, ITEM_PULL, ITEM_SUB, ITEM_REDIS, ITEM_EAR, ITEM_COUNT };

//  Waits until something is to be done. `reading`: whether producers are listened to.
static void s_wait (lane_t *self, zmq_pollitem_t *items, bool reading, int64_t until_ms)
{
    int64_t deadline_ms = deadline_sooner (writer_deadline_ms (self->writer), link_deadline_ms (ear_link (self->ear)));
    deadline_ms = deadline_sooner (deadline_ms, deadline_sooner (until_ms, heads_deadline_ms (self->heads)));
    deadline_ms = deadline_sooner (deadline_ms, snapshots_deadline_ms (self->snapshots));
    short producers = reading && !writer_is_full (self->writer) ? ZMQ_POLLIN : 0;
    items[ITEM_PULL].events = producers;
    items[ITEM_SUB].events = producers;
    items[ITEM_REDIS] =
        (zmq_pollitem_t){NULL, link_fd (writer_link (self->writer)), link_events (writer_link (self->writer)), 0};
    items[ITEM_EAR] = (zmq_pollitem_t){NULL, link_fd (ear_link (self->ear)), link_events (ear_link (self->ear)), 0};
    deadline_poll (items, ITEM_COUNT, deadline_ms, self->config->spin_us);
}

static void s_turn (lane_t *self, zmq_pollitem_t *items, bool reading, int64_t until_ms)
{
    s_wait (self, items, reading, until_ms);
    writer_work (self->writer, items[ITEM_REDIS].revents);
    link_work (ear_link (self->ear), items[ITEM_EAR].revents);
    s_beat (self);
    if (items[ITEM_XPUB].revents) {
        fanout_read (self->fanout);
    }
    if (reading && items[ITEM_PULL].revents) {
        intake_read (self->intake, intake_pull (self->intake), READ_AT_ONCE);
    }
    if (reading && items[ITEM_SUB].revents) {
        intake_read (self->intake, intake_sub (self->intake), READ_AT_ONCE);
    }
    if (items[ITEM_CONTROL].revents) {
        s_take_asks (self);
    }
    asks_send (&self->answers, self->control);
    writer_send (self->writer);
    snapshots_work (self->snapshots, writer_refusal (self->writer));
}

//  Reads what has arrived, then waits until Redis has it, within grace_ms in all.
static void s_drain (lane_t *self, zmq_pollitem_t *items)
{
    int64_t now_ms = zclock_mono ();
    int64_t until_ms = now_ms + self->config->grace_ms;
    int64_t read_until_ms = now_ms + STOP_READ_MS;
    items[ITEM_PIPE].events = 0;
    bool reading = true;
    while ((reading || !writer_is_idle (self->writer)) && zclock_mono () < until_ms) {
        s_turn (self, items, false, reading ? 0 : until_ms);
        if (reading) {
            size_t read = intake_read (self->intake, intake_pull (self->intake), READ_AT_ONCE) +
                          intake_read (self->intake, intake_sub (self->intake), READ_AT_ONCE);
            bool full = writer_is_full (self->writer);
            reading = (read > 0 || full) && zclock_mono () < read_until_ms;
        }
    }
    log_write (LEVEL_INFO, "lane", "stopped", "unstored=%" PRIu64, self->counters.in_flight_messages);
}

void lane_actor (zsock_t *pipe, void *args)
{
    lane_t *self = args;
    zsock_signal (pipe, 0);
    zmq_pollitem_t items[ITEM_COUNT] = {
        [ITEM_PIPE] = {zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        [ITEM_CONTROL] = {zsock_resolve (self->control), 0, ZMQ_POLLIN, 0},
        [ITEM_XPUB] = {fanout_socket (self->fanout), 0, ZMQ_POLLIN, 0},
        [ITEM_PULL] = {intake_pull (self->intake), 0, ZMQ_POLLIN, 0},
        [ITEM_SUB] = {intake_sub (self->intake), 0, ZMQ_POLLIN, 0},
        [ITEM_REDIS] = {NULL, -1, 0, 0},
        [ITEM_EAR] = {NULL, -1, 0, 0},
    };
    while (!items[ITEM_PIPE].revents || access_listen (&self->access, pipe)) {
        s_turn (self, items, true, INT64_MAX);
    }
    s_drain (self, items);
    lane_destroy (&self);
}
