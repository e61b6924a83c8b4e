//  ops_read - status, ping, cancel: what reads Redis and changes nothing. In control's thread.

#include "name.h"
#include "ops.h"
#include "permit.h"
#include "step.h"
#include "waits.h"

enum {
    STATUS_PAGE = 1000  //  names of the index looked at for one reply
};

//  status

static void s_pack_group (reply_t *reply, redisReply *const *group)
{
    enum { NAME, CURSOR, CONSUMERS = 5, OLDEST, PAUSED };
    static const char *const keys[] = {
        [CURSOR] = "cursor", "waiting", "leased", "dead", [CONSUMERS] = "consumers", [OLDEST] = "oldest_ms"};
    reply_str (reply, span_of (group[NAME]->str, group[NAME]->len));
    msgpack_pack_map (&reply->packer, 7);
    for (size_t i = CURSOR; i <= OLDEST; i++) {
        reply_uint (reply, keys[i], (uint64_t)group[i]->integer);
    }
    reply_bool (reply, "paused", group[PAUSED]->integer != 0);
}

//  What status.lua answers.
static void s_pack_status (reply_t *reply, const redisReply *status)
{
    enum { DELAYED = 5, PAUSED, GROUP_FIELDS = 8 };
    static const char *const keys[] = {"head", "floor", "count", "bytes", "last_ms", "delayed"};
    const redisReply *name = status->element[0], *numbers = status->element[1], *groups = status->element[2];
    reply_str (reply, span_of (name->str, name->len));
    msgpack_pack_map (&reply->packer, 8);
    for (size_t i = 0; i <= DELAYED; i++) {
        reply_uint (reply, keys[i], (uint64_t)numbers->element[i]->integer);
    }
    reply_bool (reply, "paused", numbers->element[PAUSED]->integer != 0);
    reply_map (reply, "groups", groups->elements / GROUP_FIELDS);
    for (size_t i = 0; i + GROUP_FIELDS <= groups->elements; i += GROUP_FIELDS) {
        s_pack_group (reply, groups->element + i);
    }
}

//  One channel's numbers have come; Redis answers in the order in which the names were asked for.
static void s_on_status (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        s_pack_status (&call->reply, reply);
        if (call->due == 0) {
            call->gathering = false;
            call_answer (call, &call->reply);
        }
    }
    call_end (call);
}

static void s_ask_status (call_t *call, span_t name)
{
    step_send (call, SCRIPT_STATUS, name, s_on_status, 0, NULL);
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
        matches[i] = glob_matches (call->request.pattern, name) && permit_name (call, name);
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
