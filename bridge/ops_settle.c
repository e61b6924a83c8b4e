//  ops_settle - ack, nack, touch, bury, release: what becomes of taken messages. In control's thread.
//
//  Each channel is a step of its own, and so are each ITEMS_AT_ONCE items of one; all are under way together. When one
//  of them fails, it is not known what the others have changed: `unknown_outcome`, and the same request may be sent
//  again, since what is settled stays settled.

#include "ops.h"
#include "store.h"

enum {
    ITEMS_AT_ONCE = 2000,  //  of one script call
    IDS_AT_ONCE = 1000,    //  of one release
    LISTS = 3              //  done, already, stale
};

//  One script call.
typedef struct {
    call_t *call;
    span_t channel;
    size_t from;  //  of the request's items
    size_t to;
} step_t;

typedef struct {
    reply_t lists[LISTS];  //  the items of each
    size_t counts[LISTS];
    uint64_t deadline_ms;  //  touch: the soonest of those that were set; 0: none
    step_t *steps;         //  owned
    size_t count;
    size_t answered;
} settle_t;

static void s_destroy (void **work_p)
{
    settle_t *self = *work_p;
    for (size_t i = 0; i < LISTS; i++) {
        msgpack_sbuffer_destroy (&self->lists[i].buffer);
    }
    free (self->steps);
    free (self);
    *work_p = NULL;
}

static void s_answer (call_t *call)
{
    static const char *const names[LISTS] = {"done", "already", "stale"};
    settle_t *self = call->work;
    bool touch = call->request.op == OP_TOUCH;
    reply_t reply;
    reply_ok (&reply, call->request.seq, LISTS + touch);
    for (size_t i = 0; i < LISTS; i++) {
        reply_array (&reply, names[i], self->counts[i]);
        reply_raw (&reply, span_of (self->lists[i].buffer.data, self->lists[i].buffer.size));
    }
    if (touch) {
        reply_uint (&reply, "deadline_ms", self->deadline_ms);
    }
    call_answer (call, &reply);
}

//  Writes out a script's runs of ids, each with its channel where the request names several.
static void s_add_runs (settle_t *self, size_t list, const redisReply *runs, span_t channel)
{
    reply_t *to = &self->lists[list];
    for (size_t i = 0; i + 1 < runs->elements; i += 2) {
        uint64_t last = (uint64_t)runs->element[i + 1]->integer;
        for (uint64_t id = (uint64_t)runs->element[i]->integer; id <= last; id++) {
            if (channel.size > 0) {
                msgpack_pack_array (&to->packer, 2);
                reply_str (to, channel);
            }
            msgpack_pack_uint64 (&to->packer, id);
            self->counts[list]++;
        }
    }
}

static void s_on_settled (void *owner, void *arg, redisReply *reply)
{
    step_t *step = arg;
    call_t *call = step->call;
    if (call_got (call, reply)) {
        settle_t *self = call->work;
        call->changed = true;
        if (reply->element[0]->elements > 0) {
            hints_settled (call->desk->hints, step->channel);
        }
        span_t shown = call->request.channel.size > 0 ? span_of (NULL, 0) : step->channel;
        for (size_t i = 0; i < LISTS; i++) {
            s_add_runs (self, i, reply->element[i], shown);
        }
        uint64_t deadline_ms = reply->elements > LISTS ? (uint64_t)reply->element[LISTS]->integer : 0;
        if (deadline_ms > 0 && (self->deadline_ms == 0 || deadline_ms < self->deadline_ms)) {
            self->deadline_ms = deadline_ms;
        }
        if (++self->answered == self->count) {
            s_answer (call);
        }
    }
    call_end (call);
}

//  What stands before the items or the lease. Returns the count of words.
static int s_begin_words (const step_t *step, span_t *words, char numbers[][SPAN_NUMBER])
{
    const request_t *request = &step->call->request;
    const policy_t *policy = config_policy (step->call->desk->config, step->channel);
    int count = 0;
    words[count++] = request->group;
    if (request->op == OP_NACK) {
        words[count++] = span_number (numbers[0], request->delay_ms);
        words[count++] = request->reason;
        words[count++] = span_number (numbers[1], (uint64_t)policy->max_deliveries);
    } else if (request->op == OP_TOUCH) {
        words[count++] = span_number (numbers[0], request->lease_ms);
    } else if (request->op == OP_BURY) {
        words[count++] = request->reason;
    }
    return count;
}

static script_t s_script (op_t op)
{
    return op == OP_ACK ? SCRIPT_ACK : op == OP_NACK ? SCRIPT_NACK : op == OP_TOUCH ? SCRIPT_TOUCH : SCRIPT_BURY;
}

static void s_send (step_t *step)
{
    const request_t *request = &step->call->request;
    char *meta = store_channel_key (step->call->desk->config->prefix, step->channel, "meta");
    size_t items = step->to - step->from;
    char front[2][SPAN_NUMBER], (*numbers)[SPAN_NUMBER] = calloc (2 * items + 1, sizeof *numbers);
    span_t *words = calloc (2 * items + 8, sizeof *words);
    assert (words && numbers);
    words[0] = span_text ("1");
    words[1] = span_text (meta);
    int count = 2 + s_begin_words (step, &words[2], front);
    if (items == 0) {
        words[count++] = span_number (numbers[0], request->lease);
    }
    for (size_t i = 0; i < items; i++) {
        const item_t *item = &request->items[step->from + i];
        words[count++] = span_number (numbers[2 * i], item->id);
        words[count++] = span_number (numbers[2 * i + 1], item->lease);
    }
    call_script_for (step->call, s_script (request->op), s_on_settled, step, count, words);
    free (words);
    free (numbers);
    free (meta);
}

//  Cuts the items, which are sorted by channel, into steps.
static void s_make_steps (call_t *call)
{
    settle_t *self = call->work;
    const request_t *request = &call->request;
    self->steps = calloc (request->item_count + 1, sizeof *self->steps);
    if (request->item_count == 0) {
        self->steps[self->count++] = (step_t){call, request->channel, 0, 0};
    }
    for (size_t i = 0; i < request->item_count; i++) {
        span_t channel = request->items[i].channel;
        step_t *last = self->count > 0 ? &self->steps[self->count - 1] : NULL;
        if (!last || span_compare (last->channel, channel) != 0 || i - last->from == ITEMS_AT_ONCE) {
            last = &self->steps[self->count++];
            *last = (step_t){call, channel, i, i};
        }
        last->to = i + 1;
    }
}

void op_settle (call_t *call)
{
    settle_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    call->changes = true;
    for (size_t i = 0; i < LISTS; i++) {
        reply_part (&self->lists[i]);
    }
    s_make_steps (call);
    for (size_t i = 0; i < self->count && call->place; i++) {
        s_send (&self->steps[i]);
    }
}

//  release

typedef struct {
    uint64_t released;
} release_t;

static void s_destroy_release (void **work_p)
{
    free (*work_p);
    *work_p = NULL;
}

static void s_ask_release (call_t *call);

static void s_on_released (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        release_t *self = call->work;
        self->released += (uint64_t)reply->element[0]->integer;
        call->changed = true;
        if (reply->element[1]->integer > 0) {
            s_ask_release (call);
        } else {
            reply_t answer;
            reply_ok (&answer, call->request.seq, 1);
            reply_uint (&answer, "released", self->released);
            call_answer (call, &answer);
        }
    }
    call_end (call);
}

static void s_ask_release (call_t *call)
{
    const request_t *request = &call->request;
    char *meta = store_channel_key (call->desk->config->prefix, request->channel, "meta");
    char ids[SPAN_NUMBER];
    span_t words[] = {span_text ("1"), span_text (meta), request->group, span_text ("consumer"), request->consumer,
        span_number (ids, IDS_AT_ONCE)};
    call_script (call, SCRIPT_RELEASE, s_on_released, sizeof words / sizeof *words, words);
    free (meta);
}

void op_release (call_t *call)
{
    call->work = calloc (1, sizeof (release_t));
    call->work_destroy = s_destroy_release;
    call->changes = true;
    s_ask_release (call);
}
