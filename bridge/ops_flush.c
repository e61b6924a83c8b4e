//  ops_flush - flush of one channel, or of all that match. In control's thread.
//
//  Each channel is one step of flush.lua; those of a page of names are under way together. When one of them fails, it
//  is not known what the others have changed: `unknown_outcome`, and the same flush may be sent again.
//  One of several channels that is not forced looks at all of them first, so that nothing is flushed when anything is at
//  risk.

#include "name.h"
#include "names.h"
#include "ops.h"
#include "permit.h"
#include "step.h"

typedef struct {
    names_t names;     //  done from the start for one channel
    bool looking;      //  nothing changes yet
    reply_t channels;  //  the entries of `channels`
    size_t count;
    reply_t at_risk;  //  those of `at_risk`
    size_t at_risk_count;
    uint64_t flushed;
} flush_t;

static void s_destroy (void **work_p)
{
    flush_t *self = *work_p;
    msgpack_sbuffer_destroy (&self->channels.buffer);
    msgpack_sbuffer_destroy (&self->at_risk.buffer);
    free (self);
    *work_p = NULL;
}

static void s_pack_at_risk (reply_t *reply, const flush_t *self)
{
    reply_map (reply, "at_risk", self->at_risk_count);
    reply_raw (reply, span_of (self->at_risk.buffer.data, self->at_risk.buffer.size));
}

static void s_answer (call_t *call)
{
    flush_t *self = call->work;
    reply_t reply;
    reply_ok (&reply, call->request.seq, 3);
    reply_uint (&reply, "flushed", self->flushed);
    reply_map (&reply, "channels", self->count);
    reply_raw (&reply, span_of (self->channels.buffer.data, self->channels.buffer.size));
    s_pack_at_risk (&reply, self);
    call_answer (call, &reply);
}

static void s_refuse (call_t *call)
{
    fault_t fault;
    fault_set (&fault, CODE_UNSAFE, "flush: unfinished work would be lost");
    reply_t reply;
    call->desk->counters.faults[fault.code]++;
    reply_fault_with (&reply, call->request.seq, &fault, 1);
    s_pack_at_risk (&reply, call->work);
    call_answer (call, &reply);
}

//  One channel's answer: {name, flushed, at_risk}.
static void s_take (call_t *call, const redisReply *reply)
{
    flush_t *self = call->work;
    span_t channel = span_of (reply->element[0]->str, reply->element[0]->len);
    uint64_t flushed = (uint64_t)reply->element[1]->integer;
    const redisReply *at_risk = reply->element[2];
    if (at_risk->elements > 0) {
        reply_str (&self->at_risk, channel);
        msgpack_pack_map (&self->at_risk.packer, at_risk->elements / 2);
        for (size_t i = 0; i + 1 < at_risk->elements; i += 2) {
            reply_str (&self->at_risk, span_of (at_risk->element[i]->str, at_risk->element[i]->len));
            msgpack_pack_uint64 (&self->at_risk.packer, (uint64_t)at_risk->element[i + 1]->integer);
        }
        self->at_risk_count++;
    }
    if (flushed == 0 || self->looking) {
        return;
    }
    reply_str (&self->channels, channel);
    msgpack_pack_uint64 (&self->channels.packer, flushed);
    self->count++;
    self->flushed += flushed;
    if (!call->request.dry_run) {
        hints_flushed (call->desk->hints, channel);
    }
}

static void s_on_names (void *owner, void *arg, redisReply *names);

//  When nothing is under way: asks for more names, begins in earnest, or answers.
static void s_go_on (call_t *call)
{
    flush_t *self = call->work;
    const request_t *request = &call->request;
    if (call->due > 0 || !call->place) {
        return;
    }
    bool at_risk = self->at_risk_count > 0 && !request->force && !request->dry_run;
    if (!self->names.done) {
        names_ask (&self->names, call, s_on_names);
    } else if (at_risk && (self->looking || request->channel.size > 0)) {
        s_refuse (call);
    } else if (self->looking) {
        self->looking = false;
        self->names = names_of (request->pattern);
        names_ask (&self->names, call, s_on_names);
    } else {
        s_answer (call);
    }
}

static void s_on_flush (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        const flush_t *self = call->work;
        call->changed = call->changes && !self->looking;
        s_take (call, reply);
        s_go_on (call);
    }
    call_end (call);
}

static void s_flush (call_t *call, span_t channel)
{
    const request_t *request = &call->request;
    const flush_t *self = call->work;
    char before[SPAN_NUMBER], before_ms[SPAN_NUMBER];
    span_t to = request->before_ms ? span_text ("ms") : span_number (before, request->before);
    span_t args[] = {request->all ? span_text ("+inf") : to, span_number (before_ms, request->before_ms),
        span_text (request->dry_run || self->looking ? "1" : "0"), span_text (request->force ? "1" : "0")};
    step_send (call, SCRIPT_FLUSH, channel, s_on_flush, 4, args);
}

static void s_on_names (void *owner, void *arg, redisReply *names)
{
    call_t *call = arg;
    if (call_got (call, names)) {
        flush_t *self = call->work;
        size_t at = 0;
        for (span_t name; (name = names_next (&self->names, names, &at)).size > 0;) {
            if (!name_is_reserved (name) && permit_name (call, name)) {
                s_flush (call, name);
            }
        }
        s_go_on (call);
    }
    call_end (call);
}

static void s_begin (call_t *call)
{
    flush_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    call->changes = !call->request.dry_run;
    self->looking = call->request.pattern.size > 0 && !call->request.dry_run && !call->request.force;
    reply_part (&self->channels);
    reply_part (&self->at_risk);
    if (call->request.channel.size > 0) {
        self->names.done = true;
        s_flush (call, call->request.channel);
    } else {
        self->names = names_of (call->request.pattern);
        names_ask (&self->names, call, s_on_names);
    }
}

void op_flush (call_t *call)
{
    if (call->request.pattern.size > 0) {
        call_in_turn (call, s_begin);
    } else {
        s_begin (call);
    }
}
