//  crew - the actors, from main's side. Owns their zactors; runs in main's thread. Must never wait while the
//  bridge serves or stops, since main also has signals and an embedded Redis to look after.
//
//    SERVING --crew_stop--> STOPPING --the last has ended--> GONE
//
//  Stopping goes pushers, control, lane, keeper, gate, monitor: control hands to the lane, both tell the keeper, all
//  sockets ask the gate, and all tell the monitor, so each outlives those who may still hand something to it. The next is
//  told only when the one before has ended.

#include "crew.h"

#include "clients.h"
#include "control.h"
#include "gate.h"
#include "keeper.h"
#include "lane.h"
#include "log.h"
#include "monitor.h"
#include "pusher.h"

typedef struct {
    const char *name;
    zactor_t *actor;  //  NULL once ended
} member_t;

struct crew {
    member_t *members;  //  in the order of stopping
    int size;
    bool stopping;
    int current;     //  the one that has been told to stop; size: all have ended
    zactor_t *gate;  //  one of the members, from before there are others; NULL: without curve
    char *endpoints;
};

//  The pair between control and lane. It has no limit of its own: what it carries is bounded by control.
static void s_make_pair (zsock_t **lane_end, zsock_t **control_end)
{
    static const char *const endpoint = "inproc://asks";
    *lane_end = zsock_new (ZMQ_PAIR);
    *control_end = zsock_new (ZMQ_PAIR);
    assert (*lane_end && *control_end);
    zsock_t *ends[] = {*lane_end, *control_end};
    for (int i = 0; i < 2; i++) {
        zsock_set_unbounded (ends[i]);
    }
    int bound = zsock_bind (*lane_end, "%s", endpoint);
    int connected = zsock_connect (*control_end, "%s", endpoint);
    assert (bound == 0 && connected == 0);
    (void)bound;
    (void)connected;
}

//  All that is bound, before any of it has been taken by an actor.
typedef struct {
    monitor_t *monitor;
    lane_t *lane;
    control_t *control;
    pusher_t **pushers;
    size_t pusher_count;
} bound_t;

static access_t *s_access (const config_t *config, const clients_t *clients)
{
    return config->curve ? access_new (clients, config) : NULL;
}

static int s_bind_all (bound_t *self, const config_t *config, const clients_t *clients, const char *redis_url,
    char *error, size_t error_size)
{
    zsock_t *lane_end, *control_end;
    s_make_pair (&lane_end, &control_end);
    self->pushers = calloc (config->workers.count + 1, sizeof *self->pushers);
    access_t *for_lane = s_access (config, clients), *for_control = s_access (config, clients);
    self->monitor = monitor_new (config, error, error_size);
    self->lane = self->monitor ? lane_new (config, redis_url, &control_end, &for_lane, error, error_size) : NULL;
    self->control = self->lane ? control_new (config, redis_url, &lane_end, &for_control, error, error_size) : NULL;
    access_destroy (&for_lane);
    access_destroy (&for_control);
    bool bound = self->control != NULL;
    while (bound && self->pusher_count < config->workers.count) {
        pusher_t *pusher = pusher_new (config, self->pusher_count, redis_url, error, error_size);
        bound = pusher != NULL;
        self->pushers[self->pusher_count] = pusher;
        self->pusher_count += bound;
    }
    zsock_destroy (&lane_end);
    zsock_destroy (&control_end);
    return bound ? 0 : -1;
}

static char *s_join_endpoints (const bound_t *bound)
{
    char *all = zsys_sprintf ("%s %s", lane_endpoints (bound->lane), control_endpoints (bound->control));
    for (size_t i = 0; i < bound->pusher_count; i++) {
        char *before = all;
        all = zsys_sprintf ("%s %s", before, pusher_endpoints (bound->pushers[i]));
        free (before);
    }
    if (*monitor_endpoint (bound->monitor)) {
        char *before = all;
        all = zsys_sprintf ("%s %s", before, monitor_endpoint (bound->monitor));
        free (before);
    }
    return all;
}

static void s_add (crew_t *self, const char *name, zactor_fn *fn, void *args)
{
    self->members[self->size++] = (member_t){name, zactor_new (fn, args)};
}

static void s_add_gate (crew_t *self)
{
    if (self->gate) {
        self->members[self->size++] = (member_t){"gate", self->gate};
    }
}

//  Before any socket is bound. Returns 0, or -1 with a one-line error.
static int s_start_gate (crew_t *self, const config_t *config, clients_t *clients, char *error, size_t error_size)
{
    if (!config->curve) {
        return 0;
    }
    if (clients_read (clients, config->clients_dir, error, error_size)) {
        return -1;
    }
    log_write (LEVEL_INFO, "gate", "clients", "count=%zu", clients->count);
    self->gate = zactor_new (gate_actor, gate_new (clients));
    return 0;
}

crew_t *crew_new (const config_t *config, const char *redis_url, char *error, size_t error_size)
{
    bound_t bound = {0};
    crew_t *self = (crew_t *)zmalloc (sizeof *self);
    clients_t clients = {NULL, 0};
    bool good = s_start_gate (self, config, &clients, error, error_size) == 0 &&
                s_bind_all (&bound, config, &clients, redis_url, error, error_size) == 0;
    clients_clear (&clients);
    self->members = calloc (bound.pusher_count + 5, sizeof *self->members);
    if (good) {
        self->endpoints = s_join_endpoints (&bound);
        for (size_t i = 0; i < bound.pusher_count; i++) {
            s_add (self, "workers", pusher_actor, bound.pushers[i]);
        }
        //  The keeper's socket, to which control's and the lane's hints go, is there before they begin.
        keeper_t *keeper = keeper_new (config, redis_url);
        s_add (self, "control", control_actor, bound.control);
        s_add (self, "lane", lane_actor, bound.lane);
        s_add (self, "keeper", keeper_actor, keeper);
        s_add_gate (self);
        s_add (self, "monitor", monitor_actor, bound.monitor);
    } else {
        for (size_t i = 0; i < bound.pusher_count; i++) {
            pusher_destroy (&bound.pushers[i]);
        }
        control_destroy (&bound.control);
        if (bound.lane) {  //  its sockets are bound, so it may have messages to store
            s_add (self, "lane", lane_actor, bound.lane);
        }
        s_add_gate (self);
        crew_destroy (&self);
        monitor_destroy (&bound.monitor);
    }
    free (bound.pushers);
    return self;
}

void crew_destroy (crew_t **self_p)
{
    crew_t *self = *self_p;
    if (!self) {
        return;
    }
    for (int i = 0; i < self->size; i++) {
        zactor_destroy (&self->members[i].actor);
    }
    free (self->members);
    free (self->endpoints);
    free (self);
    *self_p = NULL;
}

const char *crew_endpoints (const crew_t *self)
{
    return self->endpoints;
}

int crew_size (const crew_t *self)
{
    return self->size;
}

//  While stopping only the current one: another that has ended would keep the poll awake.
int crew_poll_items (const crew_t *self, zmq_pollitem_t *items)
{
    int count = 0;
    for (int i = 0; i < self->size; i++) {
        if (self->members[i].actor && (!self->stopping || i == self->current)) {
            items[count++] = (zmq_pollitem_t){zsock_resolve (self->members[i].actor), 0, ZMQ_POLLIN, 0};
        }
    }
    return count;
}

//  An actor says nothing on its pipe but, at its end, that it has ended. That word stays in the pipe:
//  zactor_destroy waits for it.
static bool s_has_ended (const crew_t *self, int i)
{
    return zsock_events (self->members[i].actor) & ZMQ_POLLIN;
}

static void s_tell_current (crew_t *self)
{
    zsock_set_sndtimeo (self->members[self->current].actor, 0);  //  one that has ended takes no word
    zstr_send (self->members[self->current].actor, "$TERM");
}

//  It is the last to stop.
static void s_tell_monitor (crew_t *self, const char *word)
{
    zactor_t *monitor = self->members[self->size - 1].actor;
    if (monitor) {
        zsock_set_sndtimeo (monitor, 0);
        zstr_send (monitor, word);
    }
}

void crew_log (crew_t *self)
{
    s_tell_monitor (self, MONITOR_LOG);
}

int crew_reload (crew_t *self, const config_t *config, char *error, size_t error_size)
{
    clients_t clients;
    if (!self->gate || self->stopping) {
        return 0;
    }
    if (clients_read (&clients, config->clients_dir, error, error_size)) {
        return -1;
    }
    //  The gate last: whom it lets in the others know then.
    for (int i = 0; i < self->size; i++) {
        if (streq (self->members[i].name, "control") || streq (self->members[i].name, "lane")) {
            access_send (access_new (&clients, config), self->members[i].actor);
        }
    }
    gate_tell (self->gate, &clients);
    log_write (LEVEL_INFO, "gate", "clients", "count=%zu", clients.count);
    clients_clear (&clients);
    return 0;
}

void crew_stop (crew_t *self)
{
    if (!self->stopping) {
        self->stopping = true;
        s_tell_monitor (self, MONITOR_DRAIN);
        s_tell_current (self);
    }
}

static int s_look_for_fallen (const crew_t *self)
{
    int rc = 0;
    for (int i = 0; i < self->size; i++) {
        if (s_has_ended (self, i)) {
            log_write (LEVEL_ERROR, "main", "actor_ended", "which=%s", self->members[i].name);
            rc = -1;
        }
    }
    return rc;
}

int crew_work (crew_t *self)
{
    if (!self->stopping) {
        return s_look_for_fallen (self);
    }
    while (self->current < self->size && s_has_ended (self, self->current)) {
        member_t *member = &self->members[self->current];
        zactor_destroy (&member->actor);
        log_write (LEVEL_DEBUG, "main", "actor_stopped", "which=%s", member->name);
        if (++self->current < self->size) {
            s_tell_current (self);
        }
    }
    return 0;
}

bool crew_is_gone (const crew_t *self)
{
    return self->current == self->size;
}
