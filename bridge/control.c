//  control - the actor that answers requests: ROUTER, its own Redis connection, asks to the lane. One thread.
//
//  A replay of megabytes goes over this connection, so that it never holds up the lane's appends. It never blocks
//  but in the poll, and every request is answered by its deadline, whatever Redis does.

#include "control.h"
#include "deadline.h"
#include "log.h"
#include "ops.h"
#include "permit.h"
#include "replicas.h"
#include "store.h"
#include "takers.h"
#include "waits.h"

enum {
    CALLS = 10000,          //  not yet answered; beyond these `busy`
    REQUESTS_AT_ONCE = 64,  //  in one turn
    EAR_REST_MS = 20
};

struct control {
    desk_t desk;
    char bound[512];
};

//  What serves an op, in the order of op_t.
static void (*const s_serve[OP_COUNT]) (call_t *) = {
    [OP_PUBLISH] = op_publish,
    [OP_REPLAY] = op_replay,
    [OP_FLUSH] = op_flush,
    [OP_PEEK] = op_peek,
    [OP_STATUS] = op_status,
    [OP_INFO] = op_info,
    [OP_CANCEL] = op_cancel,
    [OP_PING] = op_ping,
    [OP_PENDING] = op_pending,
    [OP_DEAD] = op_dead,
    [OP_REDRIVE] = op_redrive,
    [OP_GROUP_CREATE] = op_group_create,
    [OP_GROUP_SEEK] = op_group_seek,
    [OP_GROUP_DELETE] = op_group_delete,
    [OP_PAUSE] = op_pause,
    [OP_RESUME] = op_pause,
    [OP_TAKE] = op_take,
    [OP_ACK] = op_settle,
    [OP_NACK] = op_settle,
    [OP_TOUCH] = op_settle,
    [OP_BURY] = op_settle,
    [OP_RELEASE] = op_release,
};

static void s_log_denial (desk_t *desk, const call_t *call, const fault_t *fault)
{
    uint64_t count = rate_count (&desk->denials);
    if (count) {
        const char *client = access_client (desk->access, call->key);
        log_write (LEVEL_WARN, "control", "denied", "count=%" PRIu64 " client=%s op=%s reason=\"%s\"", count,
            client ? client : "", op_name (call->request.op), fault->message);
    }
}

static void s_serve_request (desk_t *desk, peer_t *peer, zmq_msg_t *body)
{
    call_t *call = call_new (desk, peer, body);
    span_t frame = span_of (zmq_msg_data (&call->body), zmq_msg_size (&call->body));
    fault_t fault;
    if (request_decode (&call->request, &fault, frame, (size_t)desk->config->max_message_bytes)) {
        call_fail (call, &fault);
    } else if (permit_request (call, &fault)) {
        s_log_denial (desk, call, &fault);
        call_fail (call, &fault);
    } else if (desk->living > CALLS) {
        call_fail_with (call, CODE_BUSY, "too many requests wait already");
    } else {
        desk->counters.requests[call->request.op]++;
        s_serve[call->request.op](call);
    }
    call_end (call);
}

static void s_read_requests (desk_t *desk)
{
    for (int i = 0; i < REQUESTS_AT_ONCE; i++) {
        peer_t peer;
        zmq_msg_t body;
        fault_t fault;
        int rc = router_recv (desk->router, &peer, &body, &fault);
        if (rc == 0) {
            return;
        }
        if (rc < 0) {
            reply_t reply;
            desk->counters.faults[fault.code]++;
            reply_fault (&reply, span_of ("", 0), &fault);
            router_send (desk->router, &peer, &reply.buffer, NULL);
        } else {
            s_serve_request (desk, &peer, &body);
            zmq_msg_close (&body);
        }
    }
}

static void s_answered (ask_t *ask)
{
    call_t *call = ask->request;
    call->due--;
    if (call->place && ask->kind == ASK_PUBLISH) {
        op_publish_answered (call);
    } else if (call->place) {
        op_info_answered (call);
    }
    call_end (call);
}

//  The lane answers every ask that it was given, once.
static void s_read_asks (desk_t *desk)
{
    ask_t *ask;
    while ((ask = asks_recv (desk->lane))) {
        while (ask) {
            ask_t *next = ask->next;
            s_answered (ask);
            ask = next;
        }
    }
}

static void s_end_late_calls (desk_t *desk)
{
    int64_t now_ms = zclock_mono ();
    call_t *call = zlistx_first (desk->calls);
    while (call && call->deadline_ms <= now_ms) {
        bool in_doubt = call->changes || call->request.op == OP_PUBLISH;
        if (call->stored) {
            op_publish_told (call, 0);
        } else {
            call_fail_with (call, in_doubt ? CODE_UNKNOWN_OUTCOME : CODE_UNAVAILABLE, "Redis has not answered in time");
        }
        call_end (call);
        call = zlistx_first (desk->calls);
    }
}

enum { ITEM_PIPE, ITEM_LANE, ITEM_ROUTER, ITEM_REDIS, ITEM_EAR, ITEM_REPLICAS, ITEM_COUNT };

//  What is announced concerns those who wait. While nobody does, a stream of announcements must not wake this thread
//  for each of them: it takes a rest after those that it has read.
static int64_t s_rest_until_ms (const desk_t *desk)
{
    bool anyone = zlistx_size (desk->waiting[WAITING_REPLAYS]) || zlistx_size (desk->waiting[WAITING_TAKES]);
    return anyone || !link_is_up (ear_link (desk->ear)) ? 0 : desk->heard_ms + EAR_REST_MS;
}

static void s_wait (desk_t *desk, zmq_pollitem_t *items, int64_t until_ms)
{
    const call_t *oldest = zlistx_first (desk->calls);
    int64_t deadline_ms = deadline_sooner (link_deadline_ms (desk->link), router_deadline_ms (desk->router));
    deadline_ms = deadline_sooner (
        deadline_ms, deadline_sooner (link_deadline_ms (ear_link (desk->ear)), waits_deadline_ms (desk)));
    deadline_ms = deadline_sooner (deadline_ms, deadline_sooner (oldest ? oldest->deadline_ms : INT64_MAX, until_ms));
    deadline_ms = deadline_sooner (deadline_ms, snapshots_deadline_ms (desk->snapshots));
    items[ITEM_REDIS] = (zmq_pollitem_t){NULL, link_fd (desk->link), link_events (desk->link), 0};
    link_t *ear = ear_link (desk->ear);
    items[ITEM_EAR] = (zmq_pollitem_t){NULL, link_fd (ear), link_events (ear), 0};
    int64_t rest_until_ms = s_rest_until_ms (desk);
    if (zclock_mono () < rest_until_ms) {
        items[ITEM_EAR].events = 0;
        deadline_ms = deadline_sooner (deadline_ms, rest_until_ms);
    }
    if (desk->replicas) {
        link_t *link = replicas_link (desk->replicas);
        deadline_ms = deadline_sooner (deadline_ms, link_deadline_ms (link));
        items[ITEM_REPLICAS] = (zmq_pollitem_t){NULL, link_fd (link), link_events (link), 0};
    }
    deadline_poll (items, ITEM_COUNT, deadline_ms, desk->config->spin_us);
}

//  What others count, and what is as of now.
static void s_count (desk_t *desk)
{
    desk->counters.open_requests = desk->living;
    desk->counters.waiting_takes = zlistx_size (desk->waiting[WAITING_TAKES]);
    desk->counters.waiting_replays = zlistx_size (desk->waiting[WAITING_REPLAYS]);
    desk->counters.undelivered_replies = router_undelivered (desk->router);
}

static void s_turn (desk_t *desk, zmq_pollitem_t *items, int64_t until_ms)
{
    s_wait (desk, items, until_ms);
    link_work (desk->link, items[ITEM_REDIS].revents);
    link_work (ear_link (desk->ear), items[ITEM_EAR].revents);
    if (items[ITEM_EAR].revents) {
        desk->heard_ms = zclock_mono ();
    }
    if (desk->replicas) {
        link_work (replicas_link (desk->replicas), items[ITEM_REPLICAS].revents);
    }
    if (items[ITEM_LANE].revents) {
        s_read_asks (desk);
    }
    s_count (desk);
    if (items[ITEM_ROUTER].revents & ZMQ_POLLIN) {
        s_read_requests (desk);
    }
    s_end_late_calls (desk);
    router_retry (desk->router);
    waits_work (desk);
    call_take_turns (desk);
    if (desk->replicas) {
        replicas_work (desk->replicas);
        link_write (replicas_link (desk->replicas));
    }
    asks_send (&desk->asks, desk->lane);
    s_count (desk);
    snapshots_work (desk->snapshots, NULL);
    link_write (desk->link);
}

static void s_on_appended (void *owner, span_t channel, uint64_t first, uint64_t head)
{
    waits_appended (owner, channel);
    takers_takeable (owner, channel, span_of (NULL, 0));
}

static void s_on_takeable (void *owner, span_t channel, span_t group)
{
    waits_takeable (owner, channel, group);
    takers_takeable (owner, channel, group);
}

static void s_wake_all (desk_t *desk)
{
    waits_wake_all (desk);
    takers_wake_all (desk);
}

//  A reply has gone, or its client has: then what it brought goes back.
static void s_on_ticket (void *owner, void *ticket, bool gone)
{
    desk_t *desk = owner;
    leases_t *leases = ticket;
    if (gone) {
        leases_destroy (&leases);
    } else {
        returns_leases (desk->returns, &leases);
    }
}

//  What was to be read while Redis was away is read now.
static void s_on_state (void *owner, bool up)
{
    desk_t *desk = owner;
    if (up) {
        s_wake_all (desk);
        returns_again (desk->returns);
    }
}

static void s_on_missed (void *owner)
{
    s_wake_all (owner);
}

control_t *control_new (const config_t *config, const char *redis_url, zsock_t **lane_p, access_t **access_p,
    char *error, size_t error_size)
{
    control_t *self = calloc (1, sizeof *self);
    desk_t *desk = &self->desk;
    desk->config = config;
    desk->lane = *lane_p;
    *lane_p = NULL;
    desk->access = *access_p;
    *access_p = NULL;
    desk->calls = zlistx_new ();
    desk->turns = zlistx_new ();
    desk->parked = zlistx_new ();
    desk->waiting[WAITING_REPLAYS] = zlistx_new ();
    desk->waiting[WAITING_TAKES] = zlistx_new ();
    desk->takers = takers_new ();
    desk->returns = returns_new (config, &desk->link);
    desk->guesses = guesses_new ();
    desk->woken = zlistx_new ();
    desk->wait_deadline_ms = INT64_MAX;
    desk->channels_key = store_key (config->prefix, "channels");
    desk->started_ms = zclock_mono ();
    desk->hints = hints_new (config);
    desk->link = link_new ("control", redis_url, config->prefix, s_on_state, desk);
    link_judge (desk->link, false, config->strict, config->min_replicas);
    desk->snapshots = snapshots_new ("control", desk->link, &desk->counters);
    desk->ear = ear_new ("control-ear", redis_url, config->prefix, s_on_appended, s_on_takeable, s_on_missed, desk);
    desk->replicas = replicas_new (config, redis_url, op_publish_told);
    desk->router = router_new (config, self->bound, sizeof self->bound, error, error_size);
    if (!desk->router) {
        control_destroy (&self);
        return NULL;
    }
    router_on_ticket (desk->router, s_on_ticket, desk);
    return self;
}

const char *control_endpoints (const control_t *self)
{
    return self->bound;
}

void control_destroy (control_t **self_p)
{
    control_t *self = *self_p;
    if (!self) {
        return;
    }
    desk_t *desk = &self->desk;
    snapshots_destroy (&desk->snapshots);
    link_destroy (&desk->link);
    ear_destroy (&desk->ear);
    replicas_destroy (&desk->replicas);
    call_drop_turns (desk);
    waits_drop (desk);
    for (call_t *call = zlistx_first (desk->calls); call; call = zlistx_first (desk->calls)) {
        call_fail_with (call, CODE_UNAVAILABLE, "the bridge is stopping");
        call_end (call);
    }
    call_drop_spare (desk);
    router_destroy (&desk->router);
    zlistx_destroy (&desk->calls);
    zlistx_destroy (&desk->turns);
    zlistx_destroy (&desk->parked);
    zlistx_destroy (&desk->waiting[WAITING_REPLAYS]);
    zlistx_destroy (&desk->waiting[WAITING_TAKES]);
    takers_destroy (&desk->takers);
    returns_destroy (&desk->returns);
    guesses_destroy (&desk->guesses);
    zlistx_destroy (&desk->woken);
    zsock_destroy (&desk->lane);
    hints_destroy (&desk->hints);
    access_destroy (&desk->access);
    free (desk->channels_key);
    free (self);
    *self_p = NULL;
}

//  Answers what has been read, and waits for what the lane still holds, within grace_ms.
static void s_drain (desk_t *desk, zmq_pollitem_t *items)
{
    int64_t until_ms = zclock_mono () + desk->config->grace_ms;
    items[ITEM_PIPE].events = 0;
    items[ITEM_ROUTER].events = 0;
    waits_end_all (desk);
    while (desk->living && zclock_mono () < until_ms) {
        s_turn (desk, items, until_ms);
    }
    //  What nobody has taken by now goes back.
    router_give_up (desk->router);
    while (returns_count (desk->returns) && link_is_up (desk->link) && zclock_mono () < until_ms) {
        s_turn (desk, items, until_ms);
    }
}

//  Returns false when main says $TERM.
static bool s_listen (desk_t *desk, zsock_t *pipe)
{
    bool swapped = access_listen (&desk->access, pipe);
    if (swapped) {
        permit_again (desk);
    }
    return swapped;
}

void control_actor (zsock_t *pipe, void *args)
{
    control_t *self = args;
    zsock_signal (pipe, 0);
    zmq_pollitem_t items[ITEM_COUNT] = {
        [ITEM_PIPE] = {zsock_resolve (pipe), 0, ZMQ_POLLIN, 0},
        [ITEM_LANE] = {zsock_resolve (self->desk.lane), 0, ZMQ_POLLIN, 0},
        [ITEM_ROUTER] = {router_socket (self->desk.router), 0, ZMQ_POLLIN, 0},
        [ITEM_REDIS] = {NULL, -1, 0, 0},
        [ITEM_EAR] = {NULL, -1, 0, 0},
        [ITEM_REPLICAS] = {NULL, -1, 0, 0},
    };
    while (!items[ITEM_PIPE].revents || s_listen (&self->desk, pipe)) {
        s_turn (&self->desk, items, INT64_MAX);
    }
    s_drain (&self->desk, items);
    control_destroy (&self);
}
