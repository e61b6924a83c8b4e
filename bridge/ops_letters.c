//  ops_letters - pending, dead, redrive: who holds what, and what is dead. In control's thread.

#include "ops.h"
#include "step.h"

static uint64_t s_number (const redisReply *item)
{
    return item->type == REDIS_REPLY_STRING ? strtoull (item->str, NULL, 10) : (uint64_t)item->integer;
}

static void s_destroy_work (void **work_p)
{
    free (*work_p);
    *work_p = NULL;
}

//  A name, or nil where there is none.
static void s_pack_name (reply_t *reply, const redisReply *name)
{
    if (name->len > 0) {
        reply_str (reply, span_of (name->str, name->len));
    } else {
        msgpack_pack_nil (&reply->packer);
    }
}

//  pending, in steps that each hold Redis for a short time

enum { ROW_FIRST, ROW_LAST, ROW_LEASE, ROW_ATTEMPT, ROW_CONSUMER, ROW_TAKEN, ROW_DEADLINE, ROW_FIELDS };

//  A run of ids that one lease holds, told one by one, as far as the reply may grow. Returns how many.
static size_t s_pack_run (reply_t *reply, redisReply *const *row, uint64_t now_ms, size_t max_bytes)
{
    uint64_t first = s_number (row[ROW_FIRST]), last = s_number (row[ROW_LAST]);
    uint64_t taken_ms = s_number (row[ROW_TAKEN]), deadline_ms = s_number (row[ROW_DEADLINE]);
    uint64_t id = first;
    for (; id <= last && reply->buffer.size < max_bytes; id++) {
        msgpack_pack_array (&reply->packer, 6);
        msgpack_pack_uint64 (&reply->packer, id);
        msgpack_pack_uint64 (&reply->packer, s_number (row[ROW_LEASE]));
        msgpack_pack_uint64 (&reply->packer, s_number (row[ROW_ATTEMPT]));
        s_pack_name (reply, row[ROW_CONSUMER]);
        msgpack_pack_uint64 (&reply->packer, now_ms > taken_ms ? now_ms - taken_ms : 0);
        msgpack_pack_uint64 (&reply->packer, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
    }
    return (size_t)(id - first);
}

typedef struct {
    size_t leases_at;  //  where the reply's array begins
    uint64_t count;
} holders_t;

static void s_ask_pending (call_t *call, uint64_t after);

static void s_on_pending (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply) && step_found (call, reply)) {
        holders_t *self = call->work;
        const redisReply *rows = reply->element[1];
        size_t max_bytes = (size_t)call->desk->config->max_reply_bytes;
        for (size_t i = 0; i + ROW_FIELDS <= rows->elements; i += ROW_FIELDS) {
            self->count += s_pack_run (&call->reply, rows->element + i, s_number (reply->element[0]), max_bytes);
        }
        uint64_t next = s_number (reply->element[2]);
        if (next > 0 && self->count < call->request.limit && call->reply.buffer.size < max_bytes) {
            s_ask_pending (call, next);
        } else {
            reply_close_array (&call->reply, self->leases_at, (size_t)self->count);
            call->gathering = false;
            call_answer (call, &call->reply);
        }
    }
    call_end (call);
}

static void s_ask_pending (call_t *call, uint64_t after)
{
    const request_t *request = &call->request;
    const holders_t *self = call->work;
    char numbers[3][SPAN_NUMBER];
    span_t args[] = {request->group, span_number (numbers[0], request->limit - self->count),
        span_number (numbers[1], request->min_elapsed_ms), request->consumer, span_number (numbers[2], after)};
    step_send (call, SCRIPT_PENDING, request->channel, s_on_pending, 5, args);
}

void op_pending (call_t *call)
{
    holders_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy_work;
    reply_ok (&call->reply, call->request.seq, 1);
    call->gathering = true;
    self->leases_at = reply_open_array (&call->reply, "leases");
    s_ask_pending (call, 0);
}

//  dead

enum { LETTER_ID, LETTER_ATTEMPTS, LETTER_DEAD_MS, LETTER_CONSUMER, LETTER_REASON, LETTER_ENVELOPE, LETTER_FIELDS };
enum { LETTER_EXTRA = 80 };  //  bytes of a letter in a reply beyond its texts and the envelope, at most

static size_t s_letter_size (const call_t *call, redisReply *const *letter)
{
    return call->request.channel.size + letter[LETTER_CONSUMER]->len + letter[LETTER_REASON]->len +
           letter[LETTER_ENVELOPE]->len + LETTER_EXTRA;
}

static void s_pack_letter (reply_t *reply, span_t channel, redisReply *const *letter)
{
    const redisReply *envelope = letter[LETTER_ENVELOPE], *reason = letter[LETTER_REASON];
    msgpack_pack_array (&reply->packer, 3);
    reply_str (reply, channel);
    reply_raw (reply, span_of (envelope->str, envelope->len));
    msgpack_pack_map (&reply->packer, 4);
    reply_uint (reply, "attempts", s_number (letter[LETTER_ATTEMPTS]));
    reply_text (reply, "reason");
    reply_str (reply, span_of (reason->str, reason->len));
    reply_text (reply, "consumer");
    s_pack_name (reply, letter[LETTER_CONSUMER]);
    reply_uint (reply, "dead_ms", s_number (letter[LETTER_DEAD_MS]));
}

static void s_on_dead (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply) && step_found (call, reply)) {
        reply_t answer;
        reply_ok (&answer, call->request.seq, 1);
        size_t at = reply_open_array (&answer, "messages"), count = 0;
        for (size_t i = 0; i + LETTER_FIELDS <= reply->elements; i += LETTER_FIELDS) {
            redisReply *const *letter = reply->element + i;
            size_t size = answer.buffer.size + s_letter_size (call, letter);
            if (count > 0 && size > (size_t)call->desk->config->max_reply_bytes) {
                break;
            }
            s_pack_letter (&answer, call->request.channel, letter);
            count++;
        }
        reply_close_array (&answer, at, count);
        call_answer (call, &answer);
    }
    call_end (call);
}

static void s_begin_dead (call_t *call)
{
    char max[SPAN_NUMBER], max_bytes[SPAN_NUMBER];
    span_t args[] = {call->request.group, span_number (max, call->request.limit),
        span_number (max_bytes, (uint64_t)call->desk->config->max_reply_bytes)};
    step_send (call, SCRIPT_DEAD, call->request.channel, s_on_dead, 3, args);
}

void op_dead (call_t *call)
{
    call_in_turn (call, s_begin_dead);
}

//  redrive, in such steps too

enum { STEP_IDS = 500 };

typedef struct {
    uint64_t redriven;
    uint64_t most;  //  all: what was dead at the first step; what dies meanwhile is left
    size_t at;      //  of the ids
    bool begun;
} redrive_t;

static void s_redrive_some (call_t *call);

static bool s_has_more (const call_t *call, uint64_t redriven, uint64_t left)
{
    const redrive_t *self = call->work;
    if (call->request.all) {
        return redriven > 0 && left > 0 && self->redriven < self->most;
    }
    return self->at < call->request.id_count;
}

static void s_on_redrive (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply) && step_found (call, reply)) {
        redrive_t *self = call->work;
        uint64_t redriven = s_number (reply->element[0]), left = s_number (reply->element[1]);
        self->most = self->begun ? self->most : redriven + left;
        self->begun = true;
        self->redriven += redriven;
        call->changed = self->redriven > 0;
        if (s_has_more (call, redriven, left)) {
            s_redrive_some (call);
        } else {
            reply_t answer;
            reply_ok (&answer, call->request.seq, 1);
            reply_uint (&answer, "redriven", self->redriven);
            call_answer (call, &answer);
        }
    }
    call_end (call);
}

static void s_redrive_some (call_t *call)
{
    redrive_t *self = call->work;
    const request_t *request = &call->request;
    char numbers[STEP_IDS][SPAN_NUMBER];
    span_t args[STEP_IDS + 2] = {request->group, span_text (request->all ? "all" : "ids")};
    size_t argc = 2;
    if (request->all) {
        uint64_t left = self->begun ? self->most - self->redriven : STEP_IDS;
        args[argc++] = span_number (numbers[0], left < STEP_IDS ? left : STEP_IDS);
    }
    for (; self->at < request->id_count && argc < STEP_IDS + 2; self->at++, argc++) {
        args[argc] = span_number (numbers[argc - 2], request->ids[self->at]);
    }
    step_send (call, SCRIPT_REDRIVE, request->channel, s_on_redrive, argc, args);
}

void op_redrive (call_t *call)
{
    call->work = calloc (1, sizeof (redrive_t));
    call->work_destroy = s_destroy_work;
    call->changes = true;
    s_redrive_some (call);
}
