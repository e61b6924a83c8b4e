//  call - one request on its way to its reply. In control's thread.

#include "call.h"

enum {
    ANSWER_MS = 4500,  //  the contract says 5 s
    RETRY_MS = 1000,
    HEAVY_AT_ONCE = 16,  //  each may bring max_reply_bytes
#ifdef __SANITIZE_ADDRESS__
    SPARE_CALLS = 0  //  so that one that is used after its end shows
#else
    SPARE_CALLS = 256  //  a call is too large for malloc to give and take it back cheaply
#endif
};

static call_t *s_take_spare (desk_t *desk)
{
    call_t *self = desk->spare;
    if (self) {
        desk->spare = self->next_spare;
        desk->spares--;
    } else {
        self = malloc (sizeof *self);
        assert (self);
    }
    return self;
}

static void s_let_go (call_t *self)
{
    desk_t *desk = self->desk;
    if (desk->spares == SPARE_CALLS) {
        free (self);
        return;
    }
    self->next_spare = desk->spare;
    desk->spare = self;
    desk->spares++;
}

void call_drop_spare (desk_t *desk)
{
    while (desk->spare) {
        call_t *call = desk->spare;
        desk->spare = call->next_spare;
        free (call);
    }
}

call_t *call_new (desk_t *desk, peer_t *peer, zmq_msg_t *body)
{
    call_t *self = s_take_spare (desk);
    memset (self, 0, offsetof (call_t, peer));
    self->desk = desk;
    peer_move (&self->peer, peer);
    self->body = *body;
    zmq_msg_init (body);
    self->key = desk->access ? zmq_msg_gets (&self->body, "User-Id") : NULL;
    self->deadline_ms = zclock_mono () + ANSWER_MS;
    self->place = zlistx_add_end (desk->calls, self);
    desk->living++;
    return self;
}

void call_answer (call_t *self, reply_t *reply)
{
    assert (self->place);
    router_send (self->desk->router, &self->peer, &reply->buffer, self->leases);
    self->leases = NULL;
    zlistx_detach (self->parked ? self->desk->parked : self->desk->calls, self->place);
    self->place = NULL;
    if (self->waiting) {
        zlistx_detach (
            self->desk->waiting[self->request.op == OP_TAKE ? WAITING_TAKES : WAITING_REPLAYS], self->waiting);
        self->waiting = NULL;
    }
    if (self->leave) {
        self->leave (self);
        self->leave = NULL;
    }
}

void call_park (call_t *self)
{
    assert (self->place && !self->parked);
    call_drop_work (self);
    zlistx_detach (self->desk->calls, self->place);
    self->place = zlistx_add_end (self->desk->parked, self);
    self->parked = true;
    self->desk->heavy -= self->heavy;
    self->heavy = false;
}

void call_resume (call_t *self)
{
    assert (self->place && self->parked);
    zlistx_detach (self->desk->parked, self->place);
    self->place = zlistx_add_end (self->desk->calls, self);
    self->parked = false;
    self->deadline_ms = zclock_mono () + ANSWER_MS;
}

void call_fail (call_t *self, const fault_t *fault)
{
    reply_t reply;
    self->desk->counters.faults[fault->code]++;
    reply_fault (&reply, self->request.seq, fault);
    call_answer (self, &reply);
}

void call_fail_with (call_t *self, code_t code, const char *message)
{
    fault_t fault;
    fault_set (&fault, code, "%s", message);
    fault.retry_ms = RETRY_MS;
    call_fail (self, &fault);
}

void call_drop_work (call_t *self)
{
    if (self->gathering) {
        msgpack_sbuffer_destroy (&self->reply.buffer);
        self->gathering = false;
    }
    if (self->work) {
        self->work_destroy (&self->work);
    }
}

void call_end (call_t *self)
{
    if (self->place || self->due) {
        return;
    }
    self->desk->living--;
    self->desk->heavy -= self->heavy;
    call_drop_work (self);
    request_clear (&self->request);
    free (self->ask.ids);
    free (self->ask.counters);
    peer_clear (&self->peer);
    zmq_msg_close (&self->body);
    s_let_go (self);
}

void call_in_turn (call_t *self, void (*begin) (call_t *))
{
    desk_t *desk = self->desk;
    if (self->heavy || desk->heavy < HEAVY_AT_ONCE) {
        desk->heavy += !self->heavy;
        self->heavy = true;
        begin (self);
    } else {
        self->begin = begin;
        self->due++;
        zlistx_add_end (desk->turns, self);
    }
}

void call_take_turns (desk_t *desk)
{
    while (desk->heavy < HEAVY_AT_ONCE && zlistx_size (desk->turns)) {
        call_t *call = zlistx_detach (desk->turns, NULL);
        call->due--;
        if (call->place) {
            desk->heavy++;
            call->heavy = true;
            call->begin (call);
        }
        call_end (call);
    }
}

void call_drop_turns (desk_t *desk)
{
    while (zlistx_size (desk->turns)) {
        call_t *call = zlistx_detach (desk->turns, NULL);
        call->due--;
        call_end (call);
    }
}

//  For a call that Redis did not serve: nothing has changed, or it is not known what has.
static code_t s_failure (const call_t *self)
{
    return self->changes && (self->changed || self->due > 0) ? CODE_UNKNOWN_OUTCOME : CODE_UNAVAILABLE;
}

//  True when Redis can be asked; else the call is answered, unless it was before.
static bool s_redis_is_up (call_t *self)
{
    if (link_is_up (self->desk->link)) {
        return true;
    }
    if (self->place) {
        char message[200];
        snprintf (message, sizeof message, "Redis is away: %s", link_trouble (self->desk->link));
        call_fail_with (self, s_failure (self), message);
    }
    return false;
}

void call_script_for (call_t *self, script_t script, link_reply_fn *fn, void *arg, int argc, const span_t *words)
{
    if (s_redis_is_up (self)) {
        self->due++;
        link_script (self->desk->link, script, fn, arg, argc, words);
    }
}

void call_script (call_t *self, script_t script, link_reply_fn *fn, int argc, const span_t *words)
{
    call_script_for (self, script, fn, self, argc, words);
}

void call_command (call_t *self, link_reply_fn *fn, int argc, const span_t *words)
{
    if (s_redis_is_up (self)) {
        self->due++;
        link_command (self->desk->link, fn, self, argc, words);
    }
}

bool call_got (call_t *self, const redisReply *reply)
{
    self->due--;
    if (!self->place) {
        return false;
    }
    if (!reply) {
        call_fail_with (
            self, self->changes ? CODE_UNKNOWN_OUTCOME : CODE_UNAVAILABLE, "the connection to Redis was lost");
        return false;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        call_fail_with (self, s_failure (self), reply->str);
        return false;
    }
    return true;
}
