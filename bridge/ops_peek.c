//  ops_peek - looks at the oldest or newest stored messages of a channel, or at what waits in one of its groups. In
//  control's thread.

#include "ops.h"
#include "read.h"
#include "splice.h"
#include "step.h"
#include "store.h"
#include "taken.h"
#include "waits.h"

enum { READ_MEMBERS = 64 };  //  at once, of a group's

typedef struct {
    splice_t splice;
    size_t messages_at;
    taken_t *taken;  //  what waits in the group; NULL: not asked yet
    char *log_key;
    size_t reads;  //  replies to come
} peek_t;

static void s_destroy (void **work_p)
{
    peek_t *self = *work_p;
    taken_destroy (&self->taken);
    free (self->log_key);
    free (self);
    *work_p = NULL;
}

static void s_answer (call_t *call)
{
    peek_t *self = call->work;
    if (self->splice.count == 0 && waits_on (call)) {
        return;
    }
    reply_close_array (&call->reply, self->messages_at, self->splice.count);
    call->gathering = false;
    call_answer (call, &call->reply);
}

//  Of the channel

static void s_on_read (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        peek_t *self = call->work;
        read_t read = read_of (reply);
        uint64_t after = read.floor - 1;
        if (call->request.tail) {
            splice_newest (&self->splice, call->request.channel, &read);
        } else {
            splice_members (&self->splice, call->request.channel, &read, &after, UINT64_MAX);
        }
        s_answer (call);
    }
    call_end (call);
}

static void s_ask_channel (call_t *call)
{
    read_ask_t ask = {.channel = call->request.channel,
        .until = UINT64_MAX,
        .limit = call->request.limit,
        .max_bytes = read_max_bytes (call),
        .newest = call->request.tail};
    read_send (call, s_on_read, &ask);
}

//  Of a group: which ids, and then their members

static bool s_on_envelope (void *arg, span_t envelope, uint64_t attempt)
{
    call_t *call = arg;
    peek_t *self = call->work;
    return splice_envelope (&self->splice, call->request.channel, envelope);
}

static void s_ask_log (call_t *call);

static void s_on_members (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        peek_t *self = call->work;
        taken_read (self->taken, reply);
        if (--self->reads == 0) {
            s_ask_log (call);
        }
    }
    call_end (call);
}

static void s_ask_log (call_t *call)
{
    peek_t *self = call->work;
    link_t *link = call->desk->link;
    if (!link_is_up (link)) {
        call_fail_with (call, CODE_UNAVAILABLE, "the connection to Redis was lost");
        return;
    }
    self->reads = taken_ask (self->taken, link, self->log_key, READ_MEMBERS, s_on_members, call);
    call->due += self->reads;
    if (self->reads == 0) {
        s_answer (call);
    }
}

static void s_on_group (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply) && step_found (call, reply)) {
        peek_t *self = call->work;
        self->taken = taken_new (reply, s_on_envelope, call);
        self->log_key = store_channel_key (call->desk->config->prefix, call->request.channel, "log");
        s_ask_log (call);
    }
    call_end (call);
}

static void s_ask_group (call_t *call)
{
    char max[SPAN_NUMBER], max_bytes[SPAN_NUMBER];
    span_t args[] = {call->request.group, span_text (call->request.tail ? "tail" : "head"),
        span_number (max, call->request.limit), span_number (max_bytes, read_max_bytes (call))};
    step_send (call, SCRIPT_PEEK_GROUP, call->request.channel, s_on_group, 4, args);
}

static void s_begin (call_t *call)
{
    call_drop_work (call);
    peek_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    self->splice = (splice_t){.reply = &call->reply,
        .counters = &call->desk->counters,
        .limit = call->request.limit,
        .max_bytes = read_max_bytes (call),
        .max_reply_bytes = (size_t)call->desk->config->max_reply_bytes};
    reply_ok (&call->reply, call->request.seq, 1);
    call->gathering = true;
    self->messages_at = reply_open_array (&call->reply, "messages");
    if (call->request.group.size > 0) {
        s_ask_group (call);
    } else {
        s_ask_channel (call);
    }
}

static void s_begin_in_turn (call_t *call)
{
    call_in_turn (call, s_begin);
}

void op_peek (call_t *call)
{
    waits_begin (call, s_begin_in_turn);
    s_begin_in_turn (call);
}
