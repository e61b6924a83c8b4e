//  request - what peers send to the ROUTER: frames, then the request, held against access rules; then the fault's reply.
//
//  Input: a byte for the count of frames that stand before the request, those frames, and the request.

#include "fuzz.h"
#include <assert.h>
#include <msgpack.h>
#include <stdlib.h>
#include "name.h"
#include "permit.h"
#include "scan.h"

#define KEY "0123456789012345678901234567890123456789"

enum { PAYLOAD_MAX = 64 };

//  Values

static void s_check_name (span_t name, span_t body, bool needed)
{
    assert (name.size > 0 || !needed);
    assert (name.size == 0 || (name_is_valid (name) && (span_is_inside (name, body) || span_eq (name, "default"))));
}

static void s_check_id (uint64_t id, uint64_t least)
{
    assert (id >= least && id <= UINT64_C (1) << 53);
}

static void s_check_items (const request_t *request, span_t body)
{
    assert (request->item_count <= LIMIT_SETTLE_ITEMS);
    for (size_t i = 0; i < request->item_count; i++) {
        const item_t *item = &request->items[i];
        s_check_name (item->channel, body, true);
        s_check_id (item->id, 1);
        s_check_id (item->lease, 1);
        assert (i == 0 || span_compare (request->items[i - 1].channel, item->channel) <= 0);
    }
}

//  No name stands there twice; those of a cursor match its pattern.
static void s_check_places (const request_t *request, span_t body)
{
    assert (request->place_count <= LIMIT_REPLAY_CHANNELS);
    for (size_t i = 0; i < request->place_count; i++) {
        span_t name = request->places[i].name;
        s_check_name (name, body, true);
        s_check_id (request->places[i].after, 0);
        assert (request->pattern.size == 0 || glob_matches (request->pattern, name));
        for (size_t other = 0; other < i && i < 32; other++) {
            assert (!span_equals (request->places[other].name, name));
        }
    }
}

static void s_check_lists (const request_t *request, span_t body)
{
    assert (request->message_count <= LIMIT_PUBLISH_MESSAGES);
    assert ((request->message_count > 0) == (request->op == OP_PUBLISH));
    for (size_t i = 0; i < request->message_count; i++) {
        check_message (&request->messages[i], PAYLOAD_MAX);
        assert (span_is_inside (request->messages[i].payload, body));
    }
    assert (request->source_count <= LIMIT_TAKE_CHANNELS);
    for (size_t i = 0; i < request->source_count; i++) {
        span_t source = request->sources[i];
        assert (glob_is_valid (source) && span_is_inside (source, body));
        assert (!glob_is_name (source) || name_is_valid (source));
    }
    assert (request->id_count <= LIMIT_REDRIVE_IDS);
    for (size_t i = 0; i < request->id_count; i++) {
        s_check_id (request->ids[i], 1);
    }
    s_check_items (request, body);
    s_check_places (request, body);
}

//  Every number is one that Redis can count with, within its limit.
static void s_check_numbers (const request_t *request)
{
    s_check_id (request->after, 0);
    s_check_id (request->before, 0);
    s_check_id (request->before_ms, 0);
    s_check_id (request->since_ms, 0);
    s_check_id (request->lease, 0);
    s_check_id (request->delay_ms, 0);
    s_check_id (request->min_elapsed_ms, 0);
    s_check_id (request->start.value, 0);
    s_check_id (request->max_bytes, 0);
    assert (request->until == UINT64_MAX || request->until <= UINT64_C (1) << 53);
    assert (request->limit <= LIMIT_REPLAY_MESSAGES && request->wait_ms <= LIMIT_WAIT_MS);
    assert (request->lease_ms <= LIMIT_LEASE_MS && (request->lease_ms > 0 || request->op != OP_TAKE));
    assert (request->op != OP_TAKE || (request->limit >= 1 && request->limit <= LIMIT_TAKE_MESSAGES));
}

static void s_check_accepted (const request_t *request, span_t body)
{
    static const bool is_of_groups[OP_COUNT] = {[OP_TAKE... OP_GROUP_DELETE] = true};
    check_is_one_value (body, SCAN_DEPTH_MAX);
    assert (request->op < OP_COUNT);
    s_check_name (request->channel, body, false);
    s_check_name (request->group, body, is_of_groups[request->op]);
    s_check_name (request->consumer, body, request->op == OP_RELEASE);
    assert (request->op != OP_FLUSH || !name_is_reserved (request->channel));
    assert (request->pattern.size == 0 || glob_is_valid (request->pattern));
    assert (request->cursor.size <= LIMIT_NAME_BYTES && span_is_inside (request->cursor, body));
    assert (request->reason.size <= LIMIT_REASON_BYTES && text_is_utf8 (request->reason));
    assert (span_is_inside (request->waiting, body) && request->waiting.size <= LIMIT_SEQ_BYTES);
    s_check_numbers (request);
    s_check_lists (request, body);
}

//  The reply to a fault: one map that begins with the request's own seq.
static void s_check_reply (const request_t *request, const fault_t *fault)
{
    reply_t reply;
    uint32_t keys;
    span_t key, seq;
    reply_fault (&reply, request->seq, fault);
    span_t bytes = span_of (reply.buffer.data, reply.buffer.size);
    check_is_one_value (bytes, 1);
    cursor_t cursor = cursor_of (bytes);
    assert (cursor_map (&cursor, &keys) && cursor_str (&cursor, &key) && span_eq (key, "seq"));
    assert (cursor_raw (&cursor, &seq));
    assert (span_equals (seq, request->seq.size ? request->seq : span_of ("\xc0", 1)));
    msgpack_sbuffer_destroy (&reply.buffer);
}

//  The order of keys

//  Copies the map with its entries in the opposite order; size 0: a map that may then be read otherwise, since it has more
//  than one op or seq, or that is none.
static span_t s_turned (span_t body)
{
    uint32_t count, ops = 0, seqs = 0;
    cursor_t entries = cursor_of (body);
    if (!scan_is_one_value (body.data, body.size, SCAN_DEPTH_MAX) || !cursor_map (&entries, &count)) {
        return frame_copy (NULL, 0);
    }
    span_t turned = frame_copy (body.data, body.size);
    char *end = (char *)turned.data + turned.size;
    while (count-- > 0) {
        const uint8_t *begin = entries.at;
        cursor_t key = entries;
        span_t text = {NULL, 0};
        cursor_str (&key, &text);
        ops += span_eq (text, "op");
        seqs += span_eq (text, "seq");
        cursor_skip (&entries);
        cursor_skip (&entries);
        end -= entries.at - begin;
        memcpy (end, begin, (size_t)(entries.at - begin));
    }
    return ops > 1 || seqs > 1 ? span_of (turned.data, 0) : turned;
}

static bool s_is_of_keys (const fault_t *fault)
{
    return strncmp (fault->message, "request: ", 9) == 0;
}

//  Whatever order the map has, it is the same request, or has the same fault. Which of several wrong keys is told depends
//  on it.
static void s_check_turned (const request_t *request, int rc, const fault_t *fault, span_t body)
{
    span_t turned = s_turned (body);
    if (turned.size > 0) {
        request_t other;
        fault_t other_fault;
        assert (request_decode (&other, &other_fault, turned, PAYLOAD_MAX) == rc);
        assert (other.op == request->op && span_equals (other.seq, request->seq));
        if (rc == 0) {
            assert (span_equals (other.channel, request->channel) && other.limit == request->limit);
            assert (other.message_count == request->message_count && other.item_count == request->item_count);
        } else if (s_is_of_keys (fault)) {
            assert (s_is_of_keys (&other_fault));
        } else {
            assert (strcmp (other_fault.message, fault->message) == 0);
            assert (other_fault.code == fault->code && other_fault.index == fault->index);
        }
        request_clear (&other);
    }
    frame_free (turned);
}

//  Access

static bool s_is_allowed (op_t op, span_t channel)
{
    bool publish = op == OP_PUBLISH && glob_matches (span_text ("orders*"), channel);
    bool consume = glob_matches (span_text ("jobs.*"), channel);
    bool admin = span_eq (channel, "x");
    switch (op) {
    case OP_PUBLISH:
        return publish;
    case OP_FLUSH:
    case OP_REDRIVE:
    case OP_GROUP_CREATE:
    case OP_GROUP_SEEK:
    case OP_GROUP_DELETE:
    case OP_PAUSE:
    case OP_RESUME:
        return admin;
    case OP_STATUS:
        return consume || admin;
    case OP_INFO:
    case OP_CANCEL:
    case OP_PING:
        return true;
    default:
        return consume;
    }
}

//  Whether PROTOCOL.md's table allows each channel that is named.
static bool s_is_all_allowed (const request_t *request)
{
    op_t op = request->op;
    bool allowed = request->channel.size == 0 || s_is_allowed (op, request->channel);
    for (size_t i = 0; i < request->message_count; i++) {
        allowed = allowed && s_is_allowed (op, request->messages[i].channel);
    }
    for (size_t i = 0; i < request->place_count && request->pattern.size == 0; i++) {
        allowed = allowed && s_is_allowed (op, request->places[i].name);
    }
    for (size_t i = 0; i < request->source_count; i++) {
        allowed = allowed && (!glob_is_name (request->sources[i]) || s_is_allowed (op, request->sources[i]));
    }
    for (size_t i = 0; i < request->item_count; i++) {
        allowed = allowed && s_is_allowed (op, request->items[i].channel);
    }
    return allowed;
}

static access_t *s_new_access (void)
{
    static char *publish[] = {"orders*"}, *consume[] = {"jobs.*"}, *admin[] = {"x"};
    static rule_t rule = {"*", {publish, 1}, {NULL, 0}, {consume, 1}, {admin, 1}};
    static client_t client = {"alice", KEY};
    clients_t clients = {&client, 1};
    config_t config = {.rules = {&rule, 1}};
    return access_new (&clients, &config);
}

static void s_check_permit (call_t *call)
{
    static desk_t desk;
    fault_t fault;
    if (!desk.access) {
        desk.access = s_new_access ();
    }
    call->desk = &desk;
    call->key = KEY;
    bool permitted = permit_request (call, &fault) == 0;
    assert (permitted == s_is_all_allowed (&call->request));
    if (!permitted) {
        assert (fault.code == CODE_DENIED);
        check_fault (&fault);
        s_check_reply (&call->request, &fault);
    }
}

//  Frames

static void s_make_frame (zmq_msg_t *frame, span_t bytes)
{
    zmq_msg_init_size (frame, bytes.size);
    if (bytes.size > 0) {
        memcpy (zmq_msg_data (frame), bytes.data, bytes.size);
    }
    frame_free (bytes);
}

//  Makes a message as ROUTER gives it: its routing id, the frames, the request. Splits it; returns whether it is in the
//  form of a request, and then its body: the frame behind the first empty one, which is the last, or else the only one.
static bool s_split (peer_t *peer, input_t *input, span_t *body)
{
    zmq_msg_t frames[ROUTER_PEER_FRAMES + 1], request;
    size_t count = 1, before = input_byte (input) % ROUTER_PEER_FRAMES, empty = 0;
    s_make_frame (&frames[0], frame_copy ("\0peer", 5));
    for (; count <= before; count++) {
        s_make_frame (&frames[count], input_frame (input));
        empty = empty == 0 && zmq_msg_size (&frames[count]) == 0 ? count : empty;
    }
    size_t size = input->size;
    s_make_frame (&frames[count++], frame_copy (input->at, size));
    bool is_request = peer_split (peer, frames, count, &request) > 0;
    assert (is_request == (empty == before));
    assert (peer->count == (is_request ? count - 1 : empty + 1));
    if (is_request) {
        assert (zmq_msg_size (&request) == size);
        *body = frame_copy (zmq_msg_data (&request), size);
        zmq_msg_close (&request);
    }
    return is_request;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static call_t call;
    input_t input = {data, size};
    span_t body;
    if (s_split (&call.peer, &input, &body)) {
        request_t *request = &call.request;
        fault_t fault;
        int rc = request_decode (request, &fault, body, PAYLOAD_MAX);
        assert (span_is_inside (request->seq, body) && request->seq.size <= LIMIT_SEQ_BYTES);
        s_check_turned (request, rc, &fault, body);
        if (rc == 0) {
            s_check_accepted (request, body);
            s_check_permit (&call);
        } else {
            check_fault (&fault);
            s_check_reply (request, &fault);
        }
        request_clear (request);
        frame_free (body);
    }
    peer_clear (&call.peer);
    return 0;
}
