//  ops_replay - replay of one channel or of several by name. In control's thread.
//
//  The channels are read one after the other, in the order in which they were asked for, each with what the ones
//  before it have left of the limits; when nothing is left, the others are read for head and floor alone. So no more
//  comes from Redis than goes into the reply. Replay by glob: ops_glob.c.

#include "holes.h"
#include "ops.h"
#include "splice.h"
#include "waits.h"

enum {
    NUMBERS_EXTRA = 12  //  bytes of a name and a number in a map, beyond the name, at most
};

typedef struct {
    uint64_t next;
    uint64_t head;
    uint64_t floor;
} source_t;

typedef struct {
    splice_t splice;
    size_t messages_at;  //  where the reply's array of messages begins
    source_t *sources;   //  owned
    size_t count;
    size_t asked;  //  Redis answers in the same order
    size_t answered;
    holes_t holes;
    bool more;
} replay_t;

static void s_destroy (void **work_p)
{
    replay_t *self = *work_p;
    holes_clear (&self->holes);
    free (self->sources);
    free (self);
    *work_p = NULL;
}

static place_t s_place (const request_t *request, size_t source)
{
    return request->places ? request->places[source] : (place_t){request->channel, request->after};
}

//  The answer

static void s_pack_numbers (call_t *call, const char *key, size_t offset)
{
    const replay_t *self = call->work;
    if (!call->request.places) {
        reply_uint (&call->reply, key, *(uint64_t *)((char *)self->sources + offset));
        return;
    }
    reply_map (&call->reply, key, self->count);
    for (size_t i = 0; i < self->count; i++) {
        reply_str (&call->reply, call->request.places[i].name);
        msgpack_pack_uint64 (&call->reply.packer, *(uint64_t *)((char *)&self->sources[i] + offset));
    }
}

static void s_answer (call_t *call)
{
    replay_t *self = call->work;
    if (self->splice.count == 0 && self->holes.count == 0 && waits_on (call)) {
        return;
    }
    reply_close_array (&call->reply, self->messages_at, self->splice.count);
    holes_pack (&self->holes, &call->reply);
    s_pack_numbers (call, "next", offsetof (source_t, next));
    s_pack_numbers (call, "head", offsetof (source_t, head));
    s_pack_numbers (call, "floor", offsetof (source_t, floor));
    reply_bool (&call->reply, "more", self->more);
    call->gathering = false;
    call_answer (call, &call->reply);
}

//  Reading

static void s_take (call_t *call, const read_t *read)
{
    replay_t *self = call->work;
    size_t at = self->answered++;
    span_t name = s_place (&call->request, at).name;
    uint64_t until = call->request.until;
    uint64_t end = read->head < until ? read->head : until;
    uint64_t flushed = read->floor - 1 < end ? read->floor - 1 : end;
    uint64_t last = read->after > flushed ? read->after : flushed;
    uint64_t reached = read->reached < end ? read->reached : end;
    bool all = splice_members (&self->splice, name, read, &last, until);
    uint64_t next = all && reached > last ? reached : last;
    self->sources[at] = (source_t){next, read->head, read->floor};
    holes_add (&self->holes, at, name, read, next);
    self->more = self->more || next < end;
}

static void s_ask_next (call_t *call);

static void s_on_read (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        replay_t *self = call->work;
        read_t read = read_of (reply);
        s_take (call, &read);
        if (self->answered == self->count) {
            s_answer (call);
        } else if (self->answered == self->asked) {
            s_ask_next (call);
        }
    }
    call_end (call);
}

//  Asks for the next channel, or for all that are left when there is no room for their messages.
static void s_ask_next (call_t *call)
{
    replay_t *self = call->work;
    const splice_t *splice = &self->splice;
    do {
        place_t place = s_place (&call->request, self->asked++);
        read_ask_t ask = {.channel = place.name,
            .after = place.after,
            .since_ms = call->request.since_ms,
            .until = call->request.until,
            .limit = splice->full ? 0 : splice->limit - splice->count,
            .max_bytes = splice->full ? 0 : splice->max_bytes - splice->bytes};
        read_send (call, s_on_read, &ask);
    } while (splice->full && self->asked < self->count && call->place);
}

//  Bytes of the reply that the maps of numbers will take.
static size_t s_numbers_bytes (const request_t *request)
{
    size_t bytes = 0;
    for (size_t i = 0; i < request->place_count; i++) {
        bytes += 3 * (request->places[i].name.size + NUMBERS_EXTRA);
    }
    return bytes;
}

static void s_replay_channels (call_t *call)
{
    const request_t *request = &call->request;
    size_t most = (size_t)call->desk->config->max_reply_bytes, numbers = s_numbers_bytes (request);
    replay_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    self->count = request->places ? request->place_count : 1;
    self->sources = calloc (self->count, sizeof *self->sources);
    self->splice = (splice_t){.reply = &call->reply,
        .counters = &call->desk->counters,
        .limit = request->limit,
        .max_bytes = read_max_bytes (call),
        .max_reply_bytes = most > numbers ? most - numbers : 0};
    reply_ok (&call->reply, request->seq, 6);
    call->gathering = true;
    self->messages_at = reply_open_array (&call->reply, "messages");
    s_ask_next (call);
}

static void s_begin (call_t *call)
{
    call_drop_work (call);
    if (call->request.pattern.size > 0) {
        op_replay_glob (call);
    } else {
        s_replay_channels (call);
    }
}

static void s_begin_in_turn (call_t *call)
{
    call_in_turn (call, s_begin);
}

void op_replay (call_t *call)
{
    waits_begin (call, s_begin_in_turn);
    s_begin_in_turn (call);
}
