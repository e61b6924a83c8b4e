//  zrb pub - publishes messages, from arguments or from the lines of stdin.
//
//  One request is under way at a time, with all that came meanwhile, so the order is kept whatever is sent again.

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include "limit.h"
#include "lines.h"
#include "output.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

enum { BATCH_BYTES = 500000, MESSAGE_REST = 64, FRAME_REST = 512, PROGRESS_NS = 200000000 };

typedef struct {
    const args_t *args;
    session_t *session;
    void *push;  //  NULL: by publish
    span_t channel;
    msgpack_sbuffer headers;  //  what --header gave: keys with values, without the map's head
    size_t header_count;
    bool has_msg_id;  //  of the user's
    char run[24];     //  with a number behind it, the msg_id of a message
    uint64_t most_payload, most_batch;
    //  The batch
    span_t payloads[LIMIT_PUBLISH_MESSAGES];
    size_t count, bytes;
    uint64_t sent, duplicates;  //  of batches before
    uint64_t first_id, last_id;
    char durability[16];
    uint64_t shown_ns;
} pub_t;

static const option_t options[] = {
    {"header", 'H', OPTION_LIST, "KEY=VALUE", NULL, 0, 0, "of each message; may be given more than once", NULL},
    {"count", 'n', OPTION_COUNT, "N", "1", 1, UINT64_C (1) << 53, "send the arguments so often", NULL},
    {"whole", 'w', OPTION_FLAG, NULL, NULL, 0, 0, "all of stdin is one message, not each line", NULL},
    {"push", 'p', OPTION_TEXT, "ENDPOINT", NULL, 0, 0, "send to the bridge's PULL there, and ask for no answer", NULL},
};

//  Headers

//  The keys that the bridge wants as numbers; `front` is a bool.
static bool s_pack_known (msgpack_packer *packer, span_t key, const char *value)
{
    static const char *const numbers[] = {"delay_ms", "at_ms", "ttl_ms"};
    char *end;
    for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
        if (span_eq (key, numbers[at])) {
            uint64_t number = strtoull (value, &end, 10);
            if (*value >= '0' && *value <= '9' && !*end) {
                msgpack_pack_uint64 (packer, number);
                return true;
            }
        }
    }
    if (span_eq (key, "front") && (strcmp (value, "true") == 0 || strcmp (value, "false") == 0)) {
        (void)(*value == 't' ? msgpack_pack_true (packer) : msgpack_pack_false (packer));
        return true;
    }
    return false;
}

static int s_pack_headers (pub_t *self)
{
    const char *const *texts;
    msgpack_packer packer;
    msgpack_sbuffer_init (&self->headers);
    msgpack_packer_init (&packer, &self->headers, msgpack_sbuffer_write);
    self->header_count = args_list (self->args, "header", &texts);
    for (size_t at = 0; at < self->header_count; at++) {
        const char *equals = strchr (texts[at], '=');
        if (!equals) {
            return zrb_complain (ZRB_USAGE, "--header wants KEY=VALUE, not \"%.64s\"", texts[at]);
        }
        span_t key = span_of (texts[at], (size_t)(equals - texts[at]));
        pack_str (&packer, key);
        if (!s_pack_known (&packer, key, equals + 1)) {
            pack_text (&packer, equals + 1);
        }
        self->has_msg_id = self->has_msg_id || span_eq (key, "msg_id");
    }
    return 0;
}

//  With a msg_id of this run, so that a message may be sent again.
static void s_pack_message_headers (const pub_t *self, msgpack_packer *packer, uint64_t number)
{
    char msg_id[64];
    msgpack_pack_map (packer, self->header_count + !self->has_msg_id);
    packer->callback (packer->data, self->headers.data, self->headers.size);
    if (!self->has_msg_id) {
        snprintf (msg_id, sizeof msg_id, "%s.%" PRIu64, self->run, number);
        pack_text (packer, "msg_id");
        pack_text (packer, msg_id);
    }
}

//  Sending

static void s_show_progress (pub_t *self, bool is_end)
{
    uint64_t now = clock_ns ();
    if (output_has_progress () && (now > self->shown_ns + PROGRESS_NS || (is_end && self->shown_ns))) {
        fprintf (stderr, is_end ? "\r\033[K" : "\r%" PRIu64 " messages", self->sent);
        self->shown_ns = now;
    }
}

static void s_note (pub_t *self, size_t at, cursor_t *ids)
{
    uint64_t id = 0;
    bool is_known = cursor_uint (ids, &id);
    if (!is_known) {
        cursor_skip (ids);
    } else {
        self->first_id = self->first_id ? self->first_id : id;
        self->last_id = id;
    }
    if (args_flag (self->args, "json")) {
        fputs ("{\"channel\": ", stdout);
        json_text (stdout, self->channel);
        printf (is_known ? ", \"id\": %" PRIu64 "}\n" : ", \"id\": null}\n", id);
    }
}

static int s_read_answer (pub_t *self, answer_t *answer)
{
    cursor_t ids, duplicates;
    uint32_t count = 0, repeated = 0;
    if (!answer_value (answer, "ids", &ids) || !cursor_array (&ids, &count) || count != self->count) {
        return zrb_complain (ZRB_BAD, "%s: the reply has no ids", session_endpoint (self->session));
    }
    for (size_t at = 0; at < count; at++) {
        s_note (self, at, &ids);
    }
    if (answer_value (answer, "duplicates", &duplicates) && cursor_array (&duplicates, &repeated)) {
        self->duplicates += repeated;
    }
    span_t durability = answer_text (answer, "durability");
    snprintf (self->durability, sizeof self->durability, "%.*s", (int)durability.size, durability.data);
    self->sent += count;
    return output_flush ();
}

static int s_publish (pub_t *self)
{
    answer_t answer;
    msgpack_packer *packer = session_begin (self->session, "publish", 1);
    pack_text (packer, "messages");
    msgpack_pack_array (packer, self->count);
    for (size_t at = 0; at < self->count; at++) {
        msgpack_pack_array (packer, 3);
        pack_str (packer, self->channel);
        msgpack_pack_bin (packer, self->payloads[at].size);
        msgpack_pack_bin_body (packer, self->payloads[at].data, self->payloads[at].size);
        s_pack_message_headers (self, packer, self->sent + at);
    }
    int status = session_ask_any (self->session, 0, &answer);
    if (status) {
        return status;
    }
    if (answer.ok) {
        status = s_read_answer (self, &answer);
    } else {
        status = zrb_complain (
            ZRB_BAD, "message %" PRIu64 ": %s", self->sent + answer_uint (&answer, "index") + 1, answer.fault);
    }
    answer_clear (&answer);
    return status;
}

//  PUSH waits while no bridge reads; a signal or --wait ends that.
static int s_push_one (pub_t *self, span_t payload)
{
    msgpack_sbuffer headers;
    msgpack_packer packer;
    int status = 0;
    uint64_t until_ns = clock_ns () + args_count (self->args, "wait") * 1000000;
    msgpack_sbuffer_init (&headers);
    msgpack_packer_init (&packer, &headers, msgpack_sbuffer_write);
    s_pack_message_headers (self, &packer, self->sent);
    while (
        status == 0 && zmq_send (self->push, self->channel.data, self->channel.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        zmq_pollitem_t item = {self->push, 0, ZMQ_POLLOUT, 0};
        session_wait (self->session, &item, 1, until_ns);
        status = session_stop (self->session);
        if (status == 0 && clock_ns () >= until_ns) {
            status =
                zrb_complain (ZRB_ABSENT, "no bridge reads at %s within %" PRIu64 " ms: is zrbridge running there?",
                    args_text (self->args, "push"), args_count (self->args, "wait"));
        }
    }
    if (status == 0) {
        zmq_send (self->push, payload.data, payload.size, ZMQ_SNDMORE);
        zmq_send (self->push, headers.data, headers.size, 0);
        self->sent++;
    }
    msgpack_sbuffer_destroy (&headers);
    return status;
}

//  Sends what was gathered. Returns 0, or an exit status.
static int s_flush (pub_t *self)
{
    int status = 0;
    if (!self->push && self->count) {
        status = s_publish (self);
    }
    for (size_t at = 0; self->push && at < self->count && status == 0; at++) {
        status = s_push_one (self, self->payloads[at]);
    }
    self->count = self->bytes = 0;
    s_show_progress (self, false);
    return status;
}

//  Adds a message, whose payload stays until the flush. *status is 0, or an exit status.
static bool s_has_room (const pub_t *self, size_t size)
{
    size_t takes = size + self->channel.size + self->headers.size + MESSAGE_REST;
    return self->count == 0 || (self->count < LIMIT_PUBLISH_MESSAGES && self->bytes + takes <= self->most_batch);
}

static int s_add (pub_t *self, span_t payload)
{
    if (payload.size > self->most_payload) {
        return zrb_complain (ZRB_BAD, "message %" PRIu64 ": %zu bytes, and the bridge takes %" PRIu64 " at most",
            self->sent + self->count + 1, payload.size, self->most_payload);
    }
    int status = s_has_room (self, payload.size) ? 0 : s_flush (self);
    self->payloads[self->count++] = payload;
    self->bytes += payload.size + self->channel.size + self->headers.size + MESSAGE_REST;
    return status;
}

//  Where messages come from

static int s_send_arguments (pub_t *self)
{
    int status = 0;
    uint64_t rounds = args_count (self->args, "count");
    for (uint64_t round = 0; status == 0 && round < rounds; round++) {
        for (size_t at = 1; status == 0 && at < args_operands (self->args); at++) {
            status = s_add (self, span_text (args_operand (self->args, at)));
        }
    }
    return status ? status : s_flush (self);
}

//  A batch is what lies in the buffer: its lines stay there until the batch has been sent.
static int s_send_lines (pub_t *self)
{
    lines_t *lines = lines_new (STDIN_FILENO, args_flag (self->args, "whole"));
    int status = 0, got = 1;
    span_t line;
    while (status == 0 && got > 0) {
        while (status == 0 && lines_next (lines, &line)) {
            status = s_add (self, line);
        }
        status = status ? status : s_flush (self);
        zmq_pollitem_t item = {NULL, STDIN_FILENO, ZMQ_POLLIN, 0};
        status = status ? status : session_wait (self->session, &item, 1, UINT64_MAX);
        status = status ? status : session_stop (self->session);
        if (status == 0 && item.revents) {
            got = lines_read (lines, self->most_payload + 1);
        }
        if (got < 0) {
            status = zrb_complain (ZRB_BAD, "cannot read stdin: %s", strerror (errno));
        }
    }
    while (status == 0 && lines_next (lines, &line)) {
        status = s_add (self, line);
    }
    status = status ? status : s_flush (self);
    lines_destroy (&lines);
    return status;
}

//  The limits that the bridge has.
static int s_meet (pub_t *self)
{
    answer_t answer;
    cursor_t limits, value;
    uint64_t frame = UINT64_MAX;
    session_begin (self->session, "info", 0);
    int status = session_ask (self->session, 0, &answer);
    if (status == 0) {
        if (answer_value (&answer, "limits", &limits) && map_value (limits, "max_message_bytes", &value)) {
            cursor_uint (&value, &self->most_payload);
        }
        if (answer_value (&answer, "limits", &limits) && map_value (limits, "max_frame_bytes", &value)) {
            cursor_uint (&value, &frame);
        }
        self->most_batch = frame - FRAME_REST < BATCH_BYTES ? frame - FRAME_REST : BATCH_BYTES;
        answer_clear (&answer);
    }
    return status;
}

static int s_open_push (pub_t *self, const char *endpoint)
{
    int linger_ms = (int)args_count (self->args, "wait"), immediate = 1;
    self->push = session_connect (self->session, ZMQ_PUSH, endpoint);
    if (!self->push) {
        return ZRB_USAGE;
    }
    //  What is set holds for connections that are made from then on.
    zmq_disconnect (self->push, endpoint);
    zmq_setsockopt (self->push, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_setsockopt (self->push, ZMQ_IMMEDIATE, &immediate, sizeof immediate);
    zmq_connect (self->push, endpoint);
    return 0;
}

static void s_summarise (const pub_t *self)
{
    if (self->push) {
        printf ("%.*s: %" PRIu64 " sent\n", (int)self->channel.size, self->channel.data, self->sent);
        return;
    }
    printf ("%.*s: %" PRIu64 " stored", (int)self->channel.size, self->channel.data, self->sent - self->duplicates);
    if (self->first_id && self->first_id == self->last_id) {
        printf (", id %" PRIu64, self->first_id);
    } else if (self->first_id) {
        printf (", ids %" PRIu64 " to %" PRIu64, self->first_id, self->last_id);
    }
    if (self->duplicates) {
        printf (", %" PRIu64 " were known already", self->duplicates);
    }
    printf ("%s%s\n", *self->durability ? ", " : "", self->durability);
}

static int s_send (pub_t *self)
{
    const char *push = args_text (self->args, "push");
    bool by_lines = args_operands (self->args) == 1;
    if (!by_lines && args_flag (self->args, "whole")) {
        return zrb_complain (ZRB_USAGE, "pub: --whole is for stdin, and there are payloads");
    }
    int status = push ? s_open_push (self, push) : s_meet (self);
    if (by_lines) {
        session_be_patient (self->session);
    }
    status = status ? status : by_lines ? s_send_lines (self) : s_send_arguments (self);
    s_show_progress (self, true);
    if (!args_flag (self->args, "json") && (status == 0 || self->sent)) {
        s_summarise (self);
    }
    int flushed = output_flush ();
    return status ? status : flushed;
}

static int s_run (const args_t *args)
{
    pub_t *self = calloc (1, sizeof *self);
    assert (self);
    uint64_t run = 0;
    self->args = args;
    self->channel = span_text (args_operand (args, 0));
    self->most_payload = UINT32_MAX;
    self->most_batch = BATCH_BYTES;
    ssize_t drawn = getrandom (&run, sizeof run, 0);
    assert (drawn == sizeof run);
    snprintf (self->run, sizeof self->run, "%016" PRIx64, run);
    int status = s_pack_headers (self);
    if (status == 0) {
        self->session = session_new (args, 1);
        status = self->session ? s_send (self) : ZRB_USAGE;
    }
    if (self->push) {
        zmq_close (self->push);
    }
    session_destroy (&self->session);
    msgpack_sbuffer_destroy (&self->headers);
    free (self);
    return status;
}

const command_t pub_command = {
    .name = "pub",
    .operands = "CHANNEL [PAYLOAD]...",
    .least = 1,
    .most = SIZE_MAX,
    .does = "publishes messages from arguments or from stdin, and says their ids once Redis has them",
    .about =
        "Without PAYLOAD each line of stdin is a message. Each has a msg_id, so that one that must be sent again is\n"
        "stored once. The headers delay_ms, at_ms and ttl_ms are numbers, front is true or false, others are text.\n",
    OPTIONS (options),
    .examples = "  zrb pub orders 'two of them' three             # two messages\n"
                "  tail -f app.log | zrb pub logs -H host=web1    # each line, as it comes\n"
                "  zrb pub jobs later -H delay_ms=60000           # in a minute\n"
                "  zrb pub images --whole <cat.png                # a file as one message\n",
    .run = s_run,
};
