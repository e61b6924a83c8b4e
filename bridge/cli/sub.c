//  zrb sub - prints messages as they come, each once and in the order of its channel's ids.
//
//  The log is the truth, SUB a hint (PROTOCOL.md, A client in an afternoon). Invariants: a place's last only rises, but
//  for another store; what comes live is printed only when it is last + 1; every hole is read from the log first.

#include <assert.h>
#include <stdlib.h>
#include "limit.h"
#include "name.h"
#include "places.h"
#include "printer.h"
#include "session.h"
#include "subcommands.h"
#include "zrb.h"

typedef struct {
    session_t *session;
    const args_t *args;
    printer_t printer;
    void *sub;
    char *pub_endpoint;
    places_t *places;
    bool is_met;         //  the channels that are there have their places
    bool from_log;       //  --from or --since: what is stored comes first
    uint64_t from_last;  //  --from - 1
    uint64_t since_ms;   //  0: none
    char store[64], bridge[64];
    uint64_t beat;
    uint64_t met_ns;    //  when it had caught up at first
    uint64_t heard_ns;  //  when SUB last brought something, or was made anew; 0: nothing ever came
    uint64_t left;      //  messages still to print
    bool has_unread;    //  something was printed and not flushed
} sub_t;

enum { PAGE = 1000, BEATS_MISSED = 5, SILENCE_S = BEATS_MISSED + 1, PUB_BELOW_ROUTER = 2 };

static const option_t options[] = {
    {"from", 0, OPTION_COUNT, "ID", NULL, 1, UINT64_C (1) << 53, "what is stored from that id on comes first", NULL},
    {"since", 0, OPTION_TIME, "TIME", NULL, 1, UINT64_C (1) << 50,
        "what was stored in the last 10m, 2h, 1d comes first", NULL},
    {"count", 'n', OPTION_COUNT, "N", NULL, 1, UINT64_C (1) << 53, "end after so many messages", NULL},
    PRINTER_OPTIONS,
    {"sub", 0, OPTION_TEXT, "ENDPOINT", NULL, 0, 0, "the bridge's PUB; by default the port 2 below the ROUTER's",
        "ZRB_SUB"},
};

//  Printing

static void s_work (sub_t *self, place_t *place, const envelope_t *envelope)
{
    assert (envelope->id > place->last);
    place->last = envelope->id;
    if (self->left > 0) {
        printer_message (&self->printer, place->channel, envelope);
        self->left--;
        self->has_unread = true;
    }
}

static bool s_is_wanted (const sub_t *self, span_t channel)
{
    for (size_t at = 0; at < args_operands (self->args); at++) {
        if (glob_matches (span_text (args_operand (self->args, at)), channel)) {
            return true;
        }
    }
    return false;
}

//  Where a channel begins that was not known.
static place_t *s_place (sub_t *self, span_t channel)
{
    place_t *place = places_of (self->places, channel);
    if (place->is_new && self->from_log) {
        place->last = self->from_last;
    }
    return place;
}

//  Reading the log

static void s_pack_replay (sub_t *self, const place_t *place)
{
    bool by_time = place->is_new && self->since_ms;
    msgpack_packer *packer = session_begin (self->session, "replay", 3);
    pack_text (packer, "channel");
    pack_str (packer, place->channel);
    pack_text (packer, by_time ? "since_ms" : "after");
    msgpack_pack_uint64 (packer, by_time ? self->since_ms : place->last);
    pack_text (packer, "limit");
    msgpack_pack_uint64 (packer, self->left < PAGE ? self->left : PAGE);
}

static void s_work_page (sub_t *self, place_t *place, answer_t *answer)
{
    cursor_t at;
    uint32_t count = 0;
    span_t channel;
    envelope_t envelope;
    if (answer_value (answer, "messages", &at) && cursor_array (&at, &count)) {
        for (; count > 0 && message_next (&at, &channel, &envelope); count--) {
            if (envelope.id > place->last) {
                s_work (self, place, &envelope);
            }
        }
    }
    uint64_t next = answer_uint (answer, "next");
    place->last = next > place->last ? next : place->last;
    place->is_new = false;
}

//  All that is stored above the place's last. Returns 0, or an exit status.
static int s_replay (sub_t *self, place_t *place)
{
    bool more = true;
    int status = 0;
    while (status == 0 && more && self->left > 0) {
        answer_t answer;
        cursor_t value;
        s_pack_replay (self, place);
        status = session_ask (self->session, 0, &answer);
        if (status == 0) {
            print_gaps (&answer);
            s_work_page (self, place, &answer);
            more = answer_value (&answer, "more", &value) && cursor_bool (&value, &more) && more;
            answer_clear (&answer);
            status = output_flush ();
        }
    }
    return status;
}

//  A channel of which the bridge says that it has this head.
static int s_meet_head (sub_t *self, span_t channel, uint64_t head)
{
    place_t *place = s_place (self, channel);
    if (place->is_new && !self->is_met && !self->from_log) {
        place->last = head;
        place->is_new = false;
    }
    return head > place->last ? s_replay (self, place) : 0;
}

//  One page of status. Copies the names first, since asking ends the answer's time.
static int s_meet_page (sub_t *self, answer_t *answer)
{
    cursor_t channels, head;
    uint32_t count = 0;
    uint64_t number;
    span_t name;
    int status = 0;
    if (answer_value (answer, "channels", &channels) && cursor_map (&channels, &count)) {
        for (; count > 0 && status == 0 && cursor_str (&channels, &name); count--) {
            if (map_value (channels, "head", &head) && cursor_uint (&head, &number) && number > 0) {
                status = s_meet_head (self, name, number);
            }
            cursor_skip (&channels);
        }
    }
    return status;
}

//  Everything that is stored of one operand's channels and was not printed.
static int s_catch_up_one (sub_t *self, span_t operand)
{
    bool is_glob = !glob_is_name (operand), more = true;
    char *place = NULL;
    int status = 0;
    while (status == 0 && more) {
        answer_t answer;
        cursor_t value;
        span_t next;
        msgpack_packer *packer = session_begin (self->session, "status", 1 + (place != NULL));
        pack_text (packer, is_glob ? "pattern" : "channel");
        pack_str (packer, operand);
        if (place) {
            pack_text (packer, "cursor");
            pack_text (packer, place);
        }
        status = session_ask (self->session, 0, &answer);
        if (status) {
            break;
        }
        more = answer_value (&answer, "cursor", &value) && cursor_str (&value, &next);
        free (place);
        place = more ? strndup (next.data, next.size) : NULL;
        status = s_meet_page (self, &answer);
        answer_clear (&answer);
    }
    free (place);
    return status;
}

static int s_catch_up (sub_t *self)
{
    int status = 0;
    for (size_t at = 0; status == 0 && at < args_operands (self->args); at++) {
        status = s_catch_up_one (self, span_text (args_operand (self->args, at)));
    }
    self->is_met = true;
    return status;
}

//  What comes on SUB

static void s_copy (char to[64], cursor_t map, const char *key)
{
    cursor_t value;
    span_t text;
    if (map_value (map, key, &value) && cursor_str (&value, &text)) {
        snprintf (to, 64, "%.*s", (int)text.size, text.data);
    }
}

//  Channels that have grown, and of which not all came.
static int s_on_heads (sub_t *self, span_t payload)
{
    uint32_t count;
    uint64_t head;
    span_t channel;
    int status = 0;
    cursor_t heads = cursor_of (payload);
    if (!scan_is_one_value (payload.data, payload.size, SCAN_DEPTH_MAX) || !cursor_map (&heads, &count)) {
        return 0;
    }
    for (; status == 0 && count > 0 && cursor_str (&heads, &channel) && cursor_uint (&heads, &head); count--) {
        if (s_is_wanted (self, channel)) {
            status = s_meet_head (self, channel, head);
        }
    }
    return status;
}

static int s_on_beat (sub_t *self, const envelope_t *beat)
{
    char store[64] = "", bridge[64] = "";
    cursor_t headers = cursor_of (beat->headers), value;
    uint64_t seq = 0;
    s_copy (store, headers, "store");
    s_copy (bridge, headers, "bridge");
    if (map_value (headers, "seq", &value)) {
        cursor_uint (&value, &seq);
    }
    bool is_other = *self->store && strcmp (store, self->store) != 0;
    if (is_other) {
        fprintf (stderr, "zrb: the bridge has another store: beginning anew\n");
        places_clear (self->places);
        self->from_last = self->since_ms = 0;
    }
    bool is_new = is_other || strcmp (bridge, self->bridge) != 0 || seq > self->beat + BEATS_MISSED;
    strcpy (self->store, store);
    strcpy (self->bridge, bridge);
    self->beat = seq;
    return is_new ? s_catch_up (self) : s_on_heads (self, beat->payload);
}

static int s_on_message (sub_t *self, span_t topic, span_t frame)
{
    envelope_t envelope;
    if (!scan_is_one_value (frame.data, frame.size, SCAN_DEPTH_MAX) ||
        !envelope_decode (&envelope, frame.data, frame.size)) {
        return 0;
    }
    if (span_eq (topic, "$heads")) {
        return s_on_beat (self, &envelope);
    }
    if (!s_is_wanted (self, topic)) {
        return 0;  //  a subscription is a prefix
    }
    place_t *place = s_place (self, topic);
    if (envelope.id > place->last + 1 || (place->is_new && self->since_ms)) {
        return s_replay (self, place);
    }
    if (envelope.id == place->last + 1) {
        place->is_new = false;
        s_work (self, place, &envelope);
    }
    return 0;
}

//  Takes one message of SUB. Returns 1 when there was one, 0 when not, else minus an exit status.
static int s_receive (sub_t *self)
{
    zmq_msg_t topic, frame;
    zmq_msg_init (&topic);
    zmq_msg_init (&frame);
    int got = 0, status = 0;
    if (zmq_msg_recv (&topic, self->sub, ZMQ_DONTWAIT) >= 0) {
        got = 1;
        if (zmq_msg_more (&topic) && zmq_msg_recv (&frame, self->sub, 0) >= 0) {
            status = s_on_message (self, span_of (zmq_msg_data (&topic), zmq_msg_size (&topic)),
                span_of (zmq_msg_data (&frame), zmq_msg_size (&frame)));
        }
    }
    zmq_msg_close (&topic);
    zmq_msg_close (&frame);
    return status ? -status : got;
}

//  Listens by another socket than before: one that brings no beat may have lost its bridge without a word. libzmq's
//  heartbeats would tell that too, but end the connection, and later the program, where SUB is not read for long
//  (PROTOCOL.md, Heads).
static int s_listen (sub_t *self)
{
    if (self->sub) {
        zmq_close (self->sub);
        self->heard_ns = clock_ns ();
    }
    self->sub = session_connect (self->session, ZMQ_SUB, self->pub_endpoint);
    if (!self->sub) {
        return ZRB_USAGE;
    }
    zmq_setsockopt (self->sub, ZMQ_SUBSCRIBE, "$heads", strlen ("$heads"));
    for (size_t at = 0; at < args_operands (self->args); at++) {
        const char *operand = args_operand (self->args, at);
        zmq_setsockopt (self->sub, ZMQ_SUBSCRIBE, operand, strcspn (operand, "*?[\\"));
    }
    return 0;
}

//  Waits for more. Returns 0, or an exit status.
static int s_wait (sub_t *self)
{
    uint64_t patience_ns = args_count (self->args, "wait") * 1000000 + 2 * SECOND_NS;
    uint64_t until_ns = self->heard_ns ? self->heard_ns + SILENCE_S * SECOND_NS : self->met_ns + patience_ns;
    zmq_pollitem_t item = {self->sub, 0, ZMQ_POLLIN, 0};
    int status = session_wait (self->session, &item, 1, until_ns);
    if (status || item.revents || clock_ns () < until_ns) {
        return status;
    }
    if (self->heard_ns) {
        return s_listen (self);
    }
    return zrb_complain (ZRB_ABSENT, "no bridge sends at %s: name its PUB by --sub", self->pub_endpoint);
}

//  What SUB has brought, then a wait for more. Returns 0, or an exit status.
static int s_step (sub_t *self)
{
    bool heard = false;
    int got = s_receive (self);
    while (got > 0 && self->left > 0 && !session_stop (self->session)) {
        heard = true;
        got = s_receive (self);
    }
    self->heard_ns = heard ? clock_ns () : self->heard_ns;
    int status = got < 0 ? -got : 0;
    if (self->has_unread) {
        int flushed = output_flush ();
        status = status ? status : flushed;
        self->has_unread = false;
    }
    status = status ? status : session_stop (self->session);
    return status || self->left == 0 ? status : s_wait (self);
}

//  Beginning

//  The PUB beside a ROUTER: the port 2 below, as in the defaults. NULL: it can't be told. The caller frees it.
static char *s_pub_beside (const char *router)
{
    const char *colon = strrchr (router, ':');
    char *end, *endpoint = NULL;
    unsigned long port = colon ? strtoul (colon + 1, &end, 10) : 0;
    if (strncmp (router, "tcp://", 6) == 0 && port > PUB_BELOW_ROUTER && !*end &&
        asprintf (&endpoint, "%.*s:%lu", (int)(colon - router), router, port - PUB_BELOW_ROUTER) < 0) {
        endpoint = NULL;
    }
    return endpoint;
}

static int s_subscribe (sub_t *self)
{
    const char *named = args_text (self->args, "sub");
    self->pub_endpoint = named ? strdup (named) : s_pub_beside (session_endpoint (self->session));
    if (!self->pub_endpoint) {
        return zrb_complain (ZRB_USAGE, "sub can't tell the PUB beside %s: name it by --sub or in ZRB_SUB",
            session_endpoint (self->session));
    }
    return s_listen (self);
}

static int s_check (const sub_t *self)
{
    for (size_t at = 0; at < args_operands (self->args); at++) {
        const char *flaw = glob_flaw (span_text (args_operand (self->args, at)));
        if (flaw) {
            return zrb_complain (ZRB_USAGE, "\"%.64s\": %s", args_operand (self->args, at), flaw);
        }
    }
    if (args_given (self->args, "from") && args_given (self->args, "since")) {
        return zrb_complain (ZRB_USAGE, "sub takes --from or --since, not both");
    }
    return 0;
}

static int s_follow (sub_t *self)
{
    int status = s_subscribe (self);
    status = status ? status : s_catch_up (self);
    session_be_patient (self->session);
    self->met_ns = clock_ns ();
    while (status == 0 && self->left > 0) {
        status = s_step (self);
    }
    return status;
}

static int s_run (const args_t *args)
{
    sub_t self = {.args = args, .from_log = args_given (args, "from") || args_given (args, "since")};
    uint64_t most = args_count (args, "count");
    self.from_last = args_given (args, "from") ? args_count (args, "from") - 1 : 0;
    self.since_ms = args_given (args, "since") ? now_ms () - args_count (args, "since") : 0;
    self.left = most ? most : UINT64_MAX;
    int status = printer_init (&self.printer, args);
    status = status ? status : s_check (&self);
    if (status) {
        return status;
    }
    self.session = session_new (args, 1);
    self.places = places_new ();
    status = self.session ? s_follow (&self) : ZRB_USAGE;
    if (self.sub) {
        zmq_close (self.sub);
    }
    places_destroy (&self.places);
    free (self.pub_endpoint);
    session_destroy (&self.session);
    return status;
}

const command_t sub_command = {
    .name = "sub",
    .operands = "CHANNEL...",
    .least = 1,
    .most = SIZE_MAX,
    .does = "prints messages as they come, of channels and of globs",
    .about =
        "Each message comes once, in the order of its channel, also when the bridge or the network went away "
        "meanwhile:\n"
        "what was missed is read from the log. Ids that have no message are told on standard error.\n" PRINTER_ABOUT,
    OPTIONS (options),
    .examples = "  zrb sub orders 'logs.*'              # from now on\n"
                "  zrb sub orders --from 1              # all that is stored, then what comes\n"
                "  zrb sub orders --since 10m --json    # the last ten minutes, then what comes\n"
                "  zrb sub jobs -f '%i %p\\n' -n 3       # three, in a form of your own\n",
    .run = s_run,
};
