//  crew - the actors, from main's side. Owns their zactors; runs in main's thread. Must never wait while the
//  bridge serves or stops, since main also has signals and an embedded Redis to look after.
//
//    SERVING --crew_stop--> STOPPING --the last has ended--> GONE
//
//  Stopping goes control, lane, keeper: control hands to the lane, and both tell the keeper, so each outlives
//  those who may still hand something to it. The next is told only when the one before has ended.

#include "crew.h"

#include "control.h"
#include "keeper.h"
#include "lane.h"
#include "log.h"

static const char *const names[CREW_SIZE] = {"control", "lane", "keeper"};  //  in the order of stopping
enum { CONTROL, LANE, KEEPER };

struct crew {
    zactor_t *actors[CREW_SIZE];  //  NULL once ended
    bool stopping;
    int current;  //  the one that has been told to stop; CREW_SIZE: all have ended
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

static char *s_join_endpoints (const lane_t *lane, const control_t *control)
{
    return zsys_sprintf ("%s %s", lane_endpoints (lane), control_endpoints (control));
}

crew_t *crew_new (const config_t *config, const char *redis_url, char *error, size_t error_size)
{
    zsock_t *lane_end, *control_end;
    s_make_pair (&lane_end, &control_end);
    lane_t *lane = lane_new (config, redis_url, &control_end, error, error_size);
    control_t *control = lane ? control_new (config, redis_url, &lane_end, error, error_size) : NULL;
    crew_t *self = (crew_t *)zmalloc (sizeof *self);
    if (control) {
        self->endpoints = s_join_endpoints (lane, control);
        self->actors[KEEPER] = zactor_new (keeper_actor, keeper_new (config, redis_url));
    }
    if (lane) {  //  also without control: its sockets are bound, so it may have messages to store
        self->actors[LANE] = zactor_new (lane_actor, lane);
    }
    if (control) {
        self->actors[CONTROL] = zactor_new (control_actor, control);
    } else {
        crew_destroy (&self);
    }
    zsock_destroy (&lane_end);
    zsock_destroy (&control_end);
    return self;
}

void crew_destroy (crew_t **self_p)
{
    crew_t *self = *self_p;
    if (!self) {
        return;
    }
    for (int i = 0; i < CREW_SIZE; i++) {
        zactor_destroy (&self->actors[i]);
    }
    free (self->endpoints);
    free (self);
    *self_p = NULL;
}

const char *crew_endpoints (const crew_t *self)
{
    return self->endpoints;
}

//  While stopping only the current one: another that has ended would keep the poll awake.
int crew_poll_items (const crew_t *self, zmq_pollitem_t *items)
{
    int count = 0;
    for (int i = 0; i < CREW_SIZE; i++) {
        if (self->actors[i] && (!self->stopping || i == self->current)) {
            items[count++] = (zmq_pollitem_t){zsock_resolve (self->actors[i]), 0, ZMQ_POLLIN, 0};
        }
    }
    return count;
}

//  An actor says nothing on its pipe but, at its end, that it has ended. That word stays in the pipe:
//  zactor_destroy waits for it.
static bool s_has_ended (const crew_t *self, int i)
{
    return zsock_events (self->actors[i]) & ZMQ_POLLIN;
}

static void s_tell_current (crew_t *self)
{
    zsock_set_sndtimeo (self->actors[self->current], 0);  //  one that has ended takes no word
    zstr_send (self->actors[self->current], "$TERM");
}

void crew_stop (crew_t *self)
{
    if (!self->stopping) {
        self->stopping = true;
        s_tell_current (self);
    }
}

static int s_look_for_fallen (const crew_t *self)
{
    int rc = 0;
    for (int i = 0; i < CREW_SIZE; i++) {
        if (s_has_ended (self, i)) {
            log_write (LEVEL_ERROR, "main", "actor_ended", "which=%s", names[i]);
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
    while (self->current < CREW_SIZE && s_has_ended (self, self->current)) {
        zactor_destroy (&self->actors[self->current]);
        log_write (LEVEL_DEBUG, "main", "actor_stopped", "which=%s", names[self->current]);
        if (++self->current < CREW_SIZE) {
            s_tell_current (self);
        }
    }
    return 0;
}

bool crew_is_gone (const crew_t *self)
{
    return self->current == CREW_SIZE;
}
