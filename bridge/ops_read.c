//  ops_read - replay, peek, status, ping: what reads Redis and changes nothing. In control's thread.

#include "envelope.h"
#include "name.h"
#include "ops.h"
#include "store.h"

enum {
    STATUS_PAGE = 1000,  //  names of the index looked at for one reply
    MESSAGE_EXTRA = 16   //  bytes of a message in a reply beyond its name and envelope, at most
};

static span_t s_text (const char *text)
{
    return span_of (text, strlen (text));
}

//  Writes value in decimal into a buffer of 24 bytes, and returns it as words need it.
static span_t s_number (char *to, uint64_t value)
{
    return span_of (to, (size_t)snprintf (to, 24, "%" PRIu64, value));
}

//  The messages of a read.lua reply, spliced into a reply as [channel, envelope].
typedef struct {
    reply_t *reply;
    span_t channel;
    uint64_t after;  //  ids outside of after+1 … until are left out
    uint64_t until;
    size_t limit;
    size_t max_bytes;  //  of envelopes; the first message goes in whatever its size
    size_t max_reply_bytes;
    bool newest_first;
    size_t count;
    size_t bytes;
    uint64_t last;  //  id of the last one
} splice_t;

//  Returns false when the message is one too many.
static bool s_splice_envelope (splice_t *self, const envelope_t *envelope, span_t raw)
{
    if (envelope->id <= self->after || envelope->id > self->until) {
        return true;
    }
    size_t reply_bytes = self->reply->buffer.size + raw.size + self->channel.size + MESSAGE_EXTRA;
    if (self->count == self->limit ||
        (self->count && (self->bytes + raw.size > self->max_bytes || reply_bytes > self->max_reply_bytes))) {
        return false;
    }
    msgpack_pack_array (&self->reply->packer, 2);
    reply_str (self->reply, self->channel);
    reply_raw (self->reply, raw);
    self->count++;
    self->bytes += raw.size;
    self->last = envelope->id;
    return true;
}

//  A member may hold several envelopes back to back: splices the first and those behind it, in the order asked for.
//  Bytes that are no envelope, written there by hand, are passed over.
static bool s_splice_member (splice_t *self, span_t member)
{
    envelope_t envelope;
    size_t size = envelope_decode (&envelope, member.data, member.size);
    if (size == 0) {
        return true;
    }
    span_t raw = span_of (member.data, size);
    span_t rest = span_of (member.data + size, member.size - size);
    if (self->newest_first) {
        return s_splice_member (self, rest) && s_splice_envelope (self, &envelope, raw);
    }
    return s_splice_envelope (self, &envelope, raw) && s_splice_member (self, rest);
}

//  Returns true when all members went in.
static bool s_splice (splice_t *self, const redisReply *members)
{
    for (size_t i = 0; i < members->elements; i++) {
        const redisReply *member = members->element[i];
        if (!s_splice_member (self, span_of (member->str, member->len))) {
            return false;
        }
    }
    return true;
}

static void s_send_read (
    call_t *call, link_reply_fn *fn, uint64_t after, uint64_t until, uint64_t limit, uint64_t max_bytes, bool newest)
{
    const request_t *request = &call->request;
    const char *prefix = call->desk->config->prefix;
    char *log = store_channel_key (prefix, request->channel, "log");
    char *meta = store_channel_key (prefix, request->channel, "meta");
    char *gaps = store_channel_key (prefix, request->channel, "gaps");
    char numbers[4][24];
    span_t words[] = {s_text ("3"), s_text (log), s_text (meta), s_text (gaps), s_number (numbers[0], after),
        until == UINT64_MAX ? s_text ("+inf") : s_number (numbers[1], until), s_number (numbers[2], limit),
        s_number (numbers[3], max_bytes), s_text (newest ? "1" : "0")};
    call_script (call, SCRIPT_READ, fn, 9, words);
    free (log);
    free (meta);
    free (gaps);
}

static uint64_t s_max_bytes (const call_t *call)
{
    uint64_t most = (uint64_t)call->desk->config->max_reply_bytes;
    uint64_t asked = call->request.max_bytes;
    return asked && asked < most ? asked : most;
}

//  The reply of read.lua
enum { READ_HEAD, READ_FLOOR, READ_MORE, READ_GAPS, READ_MEMBERS, READ_COUNT };

static splice_t s_splice_of (const call_t *call, reply_t *reply, uint64_t after, uint64_t until)
{
    return (splice_t){
        .reply = reply,
        .channel = call->request.channel,
        .after = after,
        .until = until,
        .limit = call->request.limit,
        .max_bytes = s_max_bytes (call),
        .max_reply_bytes = (size_t)call->desk->config->max_reply_bytes,
        .newest_first = call->request.tail,
    };
}

//  replay

static size_t s_pack_gap (reply_t *reply, span_t channel, uint64_t first, uint64_t last, const char *why)
{
    if (first > last) {
        return 0;
    }
    msgpack_pack_array (&reply->packer, 4);
    reply_str (reply, channel);
    msgpack_pack_uint64 (&reply->packer, first);
    msgpack_pack_uint64 (&reply->packer, last);
    reply_text (reply, why);
    return 1;
}

//  Packs the holes from after+1 to next: what lies below the floor, and the gaps that Redis has recorded.
static void s_pack_gaps (reply_t *reply, const request_t *request, const redisReply *read, uint64_t next)
{
    uint64_t floor = (uint64_t)read->element[READ_FLOOR]->integer;
    uint64_t begin = request->after + 1;
    uint64_t flushed = floor - 1 < next ? floor - 1 : next;
    size_t at = reply_open_array (reply, "gaps");
    size_t count = s_pack_gap (reply, request->channel, begin, flushed, "flushed");
    begin = begin > floor ? begin : floor;
    const redisReply *gaps = read->element[READ_GAPS];
    for (size_t i = 0; i < gaps->elements; i++) {
        uint64_t first, last;
        char why[16];
        if (sscanf (gaps->element[i]->str, "%" SCNu64 " %" SCNu64 " %15s", &first, &last, why) == 3) {
            count +=
                s_pack_gap (reply, request->channel, first > begin ? first : begin, last < next ? last : next, why);
        }
    }
    reply_close_array (reply, at, count);
}

static void s_answer_replay (call_t *call, const redisReply *read)
{
    const request_t *request = &call->request;
    uint64_t head = (uint64_t)read->element[READ_HEAD]->integer;
    reply_t reply;
    reply_ok (&reply, request->seq, 6);
    //  A member of several envelopes may begin below the floor.
    uint64_t hidden = (uint64_t)read->element[READ_FLOOR]->integer - 1;
    splice_t splice = s_splice_of (call, &reply, hidden > request->after ? hidden : request->after, request->until);
    size_t at = reply_open_array (&reply, "messages");
    bool all = s_splice (&splice, read->element[READ_MEMBERS]) && !read->element[READ_MORE]->integer;
    reply_close_array (&reply, at, splice.count);
    uint64_t end = head < request->until ? head : request->until;
    uint64_t next = all ? end : splice.last;
    next = next > request->after ? next : request->after;
    s_pack_gaps (&reply, request, read, next);
    reply_uint (&reply, "next", next);
    reply_uint (&reply, "head", head);
    reply_uint (&reply, "floor", (uint64_t)read->element[READ_FLOOR]->integer);
    reply_bool (&reply, "more", next < end);
    call_answer (call, &reply);
}

static void s_on_replay (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        s_answer_replay (call, reply);
    }
    call_end (call);
}

static void s_begin_replay (call_t *call)
{
    const request_t *request = &call->request;
    s_send_read (call, s_on_replay, request->after, request->until, request->limit, s_max_bytes (call), false);
}

void op_replay (call_t *call)
{
    call_in_turn (call, s_begin_replay);
}

//  peek

static void s_on_peek (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        reply_t answer;
        reply_ok (&answer, call->request.seq, 1);
        uint64_t floor = (uint64_t)reply->element[READ_FLOOR]->integer;
        splice_t splice = s_splice_of (call, &answer, floor - 1, UINT64_MAX);
        size_t at = reply_open_array (&answer, "messages");
        s_splice (&splice, reply->element[READ_MEMBERS]);
        reply_close_array (&answer, at, splice.count);
        call_answer (call, &answer);
    }
    call_end (call);
}

static void s_begin_peek (call_t *call)
{
    s_send_read (call, s_on_peek, 0, UINT64_MAX, call->request.limit, s_max_bytes (call), call->request.tail);
}

void op_peek (call_t *call)
{
    call_in_turn (call, s_begin_peek);
}

//  status

static void s_pack_status (reply_t *reply, span_t name, const redisReply *numbers)
{
    static const char *const keys[] = {"head", "floor", "count", "bytes", "last_ms"};
    reply_str (reply, name);
    msgpack_pack_map (&reply->packer, 8);
    for (size_t i = 0; i < 5; i++) {
        reply_uint (reply, keys[i], (uint64_t)numbers->element[i]->integer);
    }
    reply_uint (reply, "delayed", 0);
    reply_bool (reply, "paused", false);
    reply_map (reply, "groups", 0);
}

//  One channel's numbers have come; Redis answers in the order in which the names were asked for.
static void s_on_status (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        const redisReply *name = reply->element[0];
        s_pack_status (&call->reply, span_of (name->str, name->len), reply->element[1]);
        if (call->due == 0) {
            call->gathering = false;
            call_answer (call, &call->reply);
        }
    }
    call_end (call);
}

static void s_ask_status (call_t *call, span_t name)
{
    char *meta = store_channel_key (call->desk->config->prefix, name, "meta");
    char *gaps = store_channel_key (call->desk->config->prefix, name, "gaps");
    span_t words[] = {s_text ("2"), s_text (meta), s_text (gaps), name};
    call_script (call, SCRIPT_STATUS, s_on_status, 4, words);
    free (meta);
    free (gaps);
}

static void s_on_names (void *owner, void *arg, redisReply *names)
{
    call_t *call = arg;
    if (!call_got (call, names)) {
        call_end (call);
        return;
    }
    size_t matching = 0;
    bool *matches = calloc (names->elements + 1, sizeof *matches);
    for (size_t i = 0; i < names->elements; i++) {
        span_t name = span_of (names->element[i]->str, names->element[i]->len);
        matches[i] = glob_matches (call->request.pattern, name);
        matching += matches[i];
    }
    bool more = names->elements == STATUS_PAGE;
    reply_ok (&call->reply, call->request.seq, more ? 2 : 1);
    call->gathering = true;
    if (more) {
        const redisReply *last = names->element[names->elements - 1];
        reply_text (&call->reply, "cursor");
        reply_str (&call->reply, span_of (last->str, last->len));
    }
    reply_map (&call->reply, "channels", matching);
    for (size_t i = 0; i < names->elements; i++) {
        if (matches[i]) {
            s_ask_status (call, span_of (names->element[i]->str, names->element[i]->len));
        }
    }
    free (matches);
    if (matching == 0) {
        call->gathering = false;
        call_answer (call, &call->reply);
    }
    call_end (call);
}

static void s_begin_status (call_t *call)
{
    const request_t *request = &call->request;
    if (request->channel.size) {
        reply_ok (&call->reply, request->seq, 1);
        call->gathering = true;
        reply_map (&call->reply, "channels", 1);
        s_ask_status (call, request->channel);
        return;
    }
    char from[256], count[24];
    snprintf (from, sizeof from, "%s%.*s", request->cursor.size ? "(" : "-", (int)request->cursor.size,
        request->cursor.size ? request->cursor.data : "");
    span_t words[] = {s_text ("ZRANGEBYLEX"), s_text (call->desk->channels_key), s_text (from), s_text ("+"),
        s_text ("LIMIT"), s_text ("0"), s_number (count, STATUS_PAGE)};
    call_command (call, s_on_names, 7, words);
}

void op_status (call_t *call)
{
    call_in_turn (call, s_begin_status);
}

//  ping

static void s_on_ping (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        uint64_t seconds = strtoull (reply->element[0]->str, NULL, 10);
        uint64_t micros = strtoull (reply->element[1]->str, NULL, 10);
        reply_t answer;
        reply_ok (&answer, call->request.seq, 1);
        reply_uint (&answer, "now_ms", seconds * 1000 + micros / 1000);
        call_answer (call, &answer);
    }
    call_end (call);
}

void op_ping (call_t *call)
{
    span_t words[] = {s_text ("TIME")};
    call_command (call, s_on_ping, 1, words);
}
