//  ops_glob - replay of all channels that match a glob, their messages merged by time. In control's thread.
//
//  First each channel gives a share of what the reply may hold; then the oldest message at hand goes into the reply,
//  again and again, by a heap of the channels. A channel whose share is used up and that has more is read again before
//  anything newer than its last message goes in, so that the order holds whatever the shares are. The shares are such
//  that all of them together are about as much as the reply. A first message larger than its share is not fetched until
//  it is the oldest; its time is known.
//
//  What the reply reaches is told by the cursor: [since_ms, {channel: after}], names in the order of their bytes, as
//  request.c reads it. A channel of which nothing was given yet is left out of it: it is looked for anew.

#include "envelope.h"
#include "gaps.h"
#include "holes.h"
#include "names.h"
#include "ops.h"
#include "permit.h"
#include "splice.h"
#include "waits.h"

enum {
    SHARE_MESSAGES = 16,  //  at least, of one read
    SHARE_BYTES = 4096,
    CURSOR_EXTRA = 14  //  bytes of a channel in the cursor beyond its name, at most
};

typedef struct {
    span_t name;         //  owned
    bool known;          //  stands in the cursor that came
    uint64_t after;      //  where this reply begins
    uint64_t next;       //  id of the last message that went in, `after` before
    uint64_t read_to;    //  id up to which Redis was read
    uint64_t oldest_ms;  //  of what is still to go in: not older
    bool more;           //  Redis has more above read_to
    char *bytes;         //  envelopes read, back to back; owned
    size_t size;
    size_t at;  //  the first that has not gone in
} source_t;

typedef struct {
    names_t names;
    source_t *sources;  //  owned, in the order of the names' bytes
    size_t count;
    source_t **heap;  //  those that have something to give, the oldest first
    size_t heap_size;
    source_t **asked;  //  those that are being read; Redis answers in the same order
    size_t asked_count;
    size_t answered;
    size_t place;  //  the first of the request's places that no name has passed
    bool merging;  //  each source was read once
    splice_t splice;
    size_t messages_at;
    holes_t holes;
} merge_t;

static void s_destroy (void **work_p)
{
    merge_t *self = *work_p;
    for (size_t i = 0; i < self->count; i++) {
        free ((char *)self->sources[i].name.data);
        free (self->sources[i].bytes);
    }
    holes_clear (&self->holes);
    free (self->sources);
    free (self->heap);
    free (self->asked);
    free (self);
    *work_p = NULL;
}

//  The heap

static void s_sink (merge_t *self)
{
    source_t **heap = self->heap;
    for (size_t at = 0, child; (child = 2 * at + 1) < self->heap_size; at = child) {
        if (child + 1 < self->heap_size && heap[child + 1]->oldest_ms < heap[child]->oldest_ms) {
            child++;
        }
        if (heap[at]->oldest_ms <= heap[child]->oldest_ms) {
            return;
        }
        source_t *lower = heap[at];
        heap[at] = heap[child];
        heap[child] = lower;
    }
}

//  The first source has become newer, or has nothing left.
static void s_settle_first (merge_t *self)
{
    const source_t *first = self->heap[0];
    if (first->at == first->size && !first->more) {
        self->heap[0] = self->heap[--self->heap_size];
    }
    s_sink (self);
}

static int s_compare_times (const void *a, const void *b)
{
    uint64_t x = (*(source_t *const *)a)->oldest_ms, y = (*(source_t *const *)b)->oldest_ms;
    return (x > y) - (x < y);
}

//  Sorted it is a heap.
static void s_make_heap (merge_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        source_t *source = &self->sources[i];
        if (source->at < source->size || source->more) {
            self->heap[self->heap_size++] = source;
        }
    }
    qsort (self->heap, self->heap_size, sizeof *self->heap, s_compare_times);
}

//  The answer

//  Everything up to read_to has gone in, or is a hole.
static bool s_is_through (const source_t *source)
{
    return source->at == source->size && source->read_to > source->next;
}

static void s_cut_holes (merge_t *self)
{
    for (size_t i = 0; i < self->holes.count; i++) {
        hole_t *hole = &self->holes.items[i];
        uint64_t next = self->sources[hole->source].next;
        hole->last = hole->last < next ? hole->last : next;
    }
}

static bool s_has_holes (const merge_t *self)
{
    for (size_t i = 0; i < self->holes.count; i++) {
        if (self->holes.items[i].first <= self->holes.items[i].last) {
            return true;
        }
    }
    return false;
}

static void s_pack_cursor (call_t *call)
{
    const merge_t *self = call->work;
    size_t count = 0;
    reply_t cursor;
    reply_part (&cursor);
    msgpack_pack_array (&cursor.packer, 2);
    msgpack_pack_uint64 (&cursor.packer, call->request.since_ms);
    for (size_t i = 0; i < self->count; i++) {
        count += self->sources[i].known || self->sources[i].next > self->sources[i].after;
    }
    msgpack_pack_map (&cursor.packer, count);
    for (size_t i = 0; i < self->count; i++) {
        const source_t *source = &self->sources[i];
        if (source->known || source->next > source->after) {
            reply_str (&cursor, source->name);
            msgpack_pack_uint64 (&cursor.packer, source->next);
        }
    }
    reply_text (&call->reply, "cursor");
    reply_bin (&call->reply, span_of (cursor.buffer.data, cursor.buffer.size));
    msgpack_sbuffer_destroy (&cursor.buffer);
}

static void s_answer (call_t *call)
{
    merge_t *self = call->work;
    bool more = false;
    for (size_t i = 0; i < self->count; i++) {
        source_t *source = &self->sources[i];
        source->next = s_is_through (source) ? source->read_to : source->next;
        more = more || source->at < source->size || source->more;
    }
    s_cut_holes (self);
    if (self->splice.count == 0 && !s_has_holes (self) && waits_on (call)) {
        return;
    }
    reply_close_array (&call->reply, self->messages_at, self->splice.count);
    holes_pack (&self->holes, &call->reply);
    s_pack_cursor (call);
    reply_bool (&call->reply, "more", more);
    call->gathering = false;
    call_answer (call, &call->reply);
}

//  Reading

static void s_on_read (void *owner, void *arg, redisReply *reply);

//  Reads the source with an equal share of what the reply still holds, `among` so many.
static void s_ask (call_t *call, source_t *source, size_t among, bool spare)
{
    merge_t *self = call->work;
    const splice_t *splice = &self->splice;
    size_t limit = (splice->limit - splice->count) / among + 1;
    size_t max_bytes = (splice->max_bytes - splice->bytes) / among;
    read_ask_t ask = {.channel = source->name,
        .after = source->read_to,
        .since_ms = source->known || !spare ? 0 : call->request.since_ms,
        .until = UINT64_MAX,
        .limit = limit > SHARE_MESSAGES ? limit : SHARE_MESSAGES,
        .max_bytes = max_bytes > SHARE_BYTES ? max_bytes : SHARE_BYTES,
        .spare = spare};
    self->asked[self->asked_count++] = source;
    read_send (call, s_on_read, &ask);
}

//  Takes over the envelopes that were read; what is none is left out.
static void s_copy_members (source_t *self, const read_t *read)
{
    const redisReply *members = read->members;
    size_t room = 0;
    for (size_t i = 0; i < members->elements; i++) {
        room += members->element[i]->len;
    }
    free (self->bytes);
    self->bytes = malloc (room + 1);
    self->at = self->size = 0;
    for (size_t i = 0; i < members->elements; i++) {
        const redisReply *member = members->element[i];
        envelope_t envelope;
        for (size_t at = 0, size; at < member->len; at += size) {
            size = envelope_decode (&envelope, member->str + at, member->len - at);
            if (size == 0) {
                break;
            }
            if (envelope.id > self->read_to && !gaps_hold (read->gaps, envelope.id)) {
                memcpy (self->bytes + self->size, member->str + at, size);
                self->size += size;
                self->read_to = envelope.id;
            }
        }
    }
}

static void s_take (merge_t *self, source_t *source, const read_t *read)
{
    if (!self->merging) {
        source->after = source->next = source->read_to = read->after;
    }
    if (read->floor - 1 > source->read_to) {
        source->read_to = read->floor - 1;
    }
    uint64_t before = source->read_to;
    s_copy_members (source, read);
    if (read->reached > source->read_to) {
        source->read_to = read->reached;
    }
    if (source->size > 0) {
        source->oldest_ms = envelope_time_ms (source->bytes);
    } else if (read->upcoming_ms > source->oldest_ms) {
        source->oldest_ms = read->upcoming_ms;
    }
    source->more = read->more && source->read_to < read->head;
    if (self->merging && source->size == 0 && source->read_to == before) {
        source->more = false;  //  at least one member came: it is no envelope
    }
    holes_add (&self->holes, (size_t)(source - self->sources), source->name, read, source->read_to);
}

//  Merges what is at hand, until the reply is full, nothing is left, or a channel must be read again first.
static void s_merge (call_t *call)
{
    merge_t *self = call->work;
    while (self->heap_size > 0 && !self->splice.full) {
        source_t *source = self->heap[0];
        if (source->at == source->size) {
            s_ask (call, source, self->heap_size, false);
            return;
        }
        envelope_t envelope;
        size_t size = envelope_decode (&envelope, source->bytes + source->at, source->size - source->at);
        if (!splice_envelope (&self->splice, source->name, span_of (source->bytes + source->at, size))) {
            break;
        }
        source->next = envelope.id;
        source->at += size;
        if (source->at < source->size) {
            source->oldest_ms = envelope_time_ms (source->bytes + source->at);
        }
        s_settle_first (self);
    }
    s_answer (call);
}

static void s_on_read (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        merge_t *self = call->work;
        read_t read = read_of (reply);
        s_take (self, self->asked[self->answered++], &read);
        if (self->answered == self->asked_count) {
            self->asked_count = self->answered = 0;
            if (self->merging) {
                s_settle_first (self);
            } else {
                self->merging = true;
                s_make_heap (self);
            }
            s_merge (call);
        }
    }
    call_end (call);
}

//  Names

//  Returns false when it is one too many.
static bool s_add_source (merge_t *self, const request_t *request, span_t name)
{
    if (self->count == LIMIT_REPLAY_CHANNELS) {
        return false;
    }
    source_t *source = &self->sources[self->count++];
    char *copy = malloc (name.size);
    memcpy (copy, name.data, name.size);
    source->name = span_of (copy, name.size);
    int order = -1;
    while (self->place < request->place_count && (order = span_compare (request->places[self->place].name, name)) < 0) {
        self->place++;
    }
    if (order == 0) {
        source->known = true;
        source->after = source->next = source->read_to = request->places[self->place].after;
    }
    return true;
}

static void s_begin_reading (call_t *call)
{
    merge_t *self = call->work;
    size_t most = (size_t)call->desk->config->max_reply_bytes, cursor = 0;
    for (size_t i = 0; i < self->count; i++) {
        cursor += self->sources[i].name.size + CURSOR_EXTRA;
    }
    self->splice = (splice_t){.reply = &call->reply,
        .counters = &call->desk->counters,
        .limit = call->request.limit,
        .max_bytes = read_max_bytes (call),
        .max_reply_bytes = most > cursor ? most - cursor : 0};
    self->heap = calloc (self->count + 1, sizeof *self->heap);
    self->asked = calloc (self->count + 1, sizeof *self->asked);
    reply_ok (&call->reply, call->request.seq, 4);
    call->gathering = true;
    self->messages_at = reply_open_array (&call->reply, "messages");
    for (size_t i = 0; i < self->count && call->place; i++) {
        s_ask (call, &self->sources[i], self->count, true);
    }
    if (self->count == 0) {
        s_answer (call);
    }
}

static void s_on_names (void *owner, void *arg, redisReply *names)
{
    call_t *call = arg;
    if (!call_got (call, names)) {
        call_end (call);
        return;
    }
    merge_t *self = call->work;
    size_t at = 0;
    span_t name;
    bool fits = true;
    while (fits && (name = names_next (&self->names, names, &at)).size > 0) {
        fits = !permit_name (call, name) || s_add_source (self, &call->request, name);
    }
    if (!fits) {
        fault_t fault;
        fault_set (&fault, CODE_BAD_REQUEST, "pattern: matches more than %d channels", LIMIT_REPLAY_CHANNELS);
        call_fail (call, &fault);
    } else if (self->names.done) {
        s_begin_reading (call);
    } else {
        names_ask (&self->names, call, s_on_names);
    }
    call_end (call);
}

void op_replay_glob (call_t *call)
{
    merge_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    self->names = names_of (call->request.pattern);
    self->sources = calloc (LIMIT_REPLAY_CHANNELS, sizeof *self->sources);
    names_ask (&self->names, call, s_on_names);
}
