//  ops_read - peek, status, ping: what reads Redis and changes nothing. In control's thread.

#include "name.h"
#include "ops.h"
#include "read.h"
#include "splice.h"
#include "store.h"
#include "waits.h"

enum {
    STATUS_PAGE = 1000  //  names of the index looked at for one reply
};

//  peek

static void s_on_peek (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        reply_t answer;
        reply_ok (&answer, call->request.seq, 1);
        read_t read = read_of (reply);
        uint64_t after = read.floor - 1;
        splice_t splice = {.reply = &answer,
            .limit = call->request.limit,
            .max_bytes = read_max_bytes (call),
            .max_reply_bytes = (size_t)call->desk->config->max_reply_bytes};
        size_t at = reply_open_array (&answer, "messages");
        if (call->request.tail) {
            splice_newest (&splice, call->request.channel, &read);
        } else {
            splice_members (&splice, call->request.channel, &read, &after, UINT64_MAX);
        }
        reply_close_array (&answer, at, splice.count);
        call_answer (call, &answer);
    }
    call_end (call);
}

static void s_begin_peek (call_t *call)
{
    read_ask_t ask = {.channel = call->request.channel,
        .until = UINT64_MAX,
        .limit = call->request.limit,
        .max_bytes = read_max_bytes (call),
        .newest = call->request.tail};
    read_send (call, s_on_peek, &ask);
}

void op_peek (call_t *call)
{
    call_in_turn (call, s_begin_peek);
}

//  status

static void s_pack_status (reply_t *reply, span_t name, const redisReply *numbers)
{
    static const char *const keys[] = {"head", "floor", "count", "bytes", "last_ms", "delayed"};
    reply_str (reply, name);
    msgpack_pack_map (&reply->packer, 8);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        reply_uint (reply, keys[i], (uint64_t)numbers->element[i]->integer);
    }
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
    char *delayed = store_channel_key (call->desk->config->prefix, name, "delayed");
    span_t words[] = {span_text ("3"), span_text (meta), span_text (gaps), span_text (delayed), name};
    call_script (call, SCRIPT_STATUS, s_on_status, 5, words);
    free (delayed);
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
    char from[256], count[SPAN_NUMBER];
    snprintf (from, sizeof from, "%s%.*s", request->cursor.size ? "(" : "-", (int)request->cursor.size,
        request->cursor.size ? request->cursor.data : "");
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (call->desk->channels_key), span_text (from),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, STATUS_PAGE)};
    call_command (call, s_on_names, 7, words);
}

void op_status (call_t *call)
{
    call_in_turn (call, s_begin_status);
}

//  cancel

void op_cancel (call_t *call)
{
    reply_t reply;
    reply_ok (&reply, call->request.seq, 1);
    reply_uint (&reply, "cancelled", waits_cancel (call->desk, &call->peer, call->request.waiting));
    call_answer (call, &reply);
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
    span_t words[] = {span_text ("TIME")};
    call_command (call, s_on_ping, 1, words);
}
