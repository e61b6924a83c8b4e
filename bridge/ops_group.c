//  ops_group - group_create, group_seek, group_delete, pause, resume. In control's thread.

#include "ops.h"
#include "step.h"

//  group_…

static void s_pack_group (reply_t *reply, const redisReply *numbers)
{
    static const char *const keys[] = {"waiting", "leased", "dead"};
    reply_map (reply, "group", 3);
    for (size_t i = 0; i < 3; i++) {
        reply_uint (reply, keys[i], (uint64_t)numbers->element[i]->integer);
    }
}

static void s_answer (call_t *call, bool made, const redisReply *numbers)
{
    bool create = call->request.op == OP_GROUP_CREATE;
    reply_t reply;
    reply_ok (&reply, call->request.seq, 1 + create);
    s_pack_group (&reply, numbers);
    if (create) {
        reply_bool (&reply, "made", made);
    }
    call_answer (call, &reply);
}

static void s_refuse (call_t *call, const redisReply *numbers)
{
    uint64_t at_risk = 0;
    for (size_t i = 0; i < 3; i++) {
        at_risk += (uint64_t)numbers->element[i]->integer;
    }
    fault_t fault;
    fault_set (&fault, CODE_UNSAFE, "group_delete: unfinished work would be lost");
    reply_t reply;
    call->desk->counters.faults[fault.code]++;
    reply_fault_with (&reply, call->request.seq, &fault, 1);
    reply_map (&reply, "at_risk", 1);
    reply_str (&reply, call->request.channel);
    msgpack_pack_map (&reply.packer, 1);
    reply_str (&reply, call->request.group);
    msgpack_pack_uint64 (&reply.packer, at_risk);
    call_answer (call, &reply);
}

static void s_on_group (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        const char *state = reply->element[0]->str;
        const redisReply *numbers = reply->element[1];
        hints_settled (call->desk->hints, call->request.channel);
        if (strcmp (state, "none") == 0) {
            step_found (call, &(redisReply){.type = REDIS_REPLY_NIL});
        } else if (strcmp (state, "unsafe") == 0) {
            s_refuse (call, numbers);
        } else {
            s_answer (call, strcmp (state, "made") == 0, numbers);
        }
    }
    call_end (call);
}

static void s_send (call_t *call, const char *what)
{
    static const char *const kinds[] = {
        [START_NONE] = "", [START_FIRST] = "first", [START_LAST] = "last", [START_ID] = "id", [START_SINCE] = "since"};
    const request_t *request = &call->request;
    char value[SPAN_NUMBER];
    span_t args[] = {span_text (what), request->group, span_text (kinds[request->start.kind]),
        span_number (value, request->start.value), span_text (request->force ? "1" : "0")};
    call->changes = true;
    step_send (call, SCRIPT_GROUP, request->channel, s_on_group, 5, args);
}

void op_group_create (call_t *call)
{
    s_send (call, "create");
}

void op_group_seek (call_t *call)
{
    s_send (call, "seek");
}

void op_group_delete (call_t *call)
{
    s_send (call, "delete");
}

//  pause, resume

static void s_on_pause (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply) && step_found (call, reply)) {
        reply_t answer;
        reply_ok (&answer, call->request.seq, 1);
        reply_bool (&answer, "paused", call->request.op == OP_PAUSE);
        call_answer (call, &answer);
    }
    call_end (call);
}

void op_pause (call_t *call)
{
    span_t args[] = {call->request.group, span_text (call->request.op == OP_PAUSE ? "1" : "0")};
    call->changes = true;
    step_send (call, SCRIPT_PAUSE, call->request.channel, s_on_pause, 2, args);
}
