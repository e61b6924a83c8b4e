//  ops_take - take: channels are asked one after the other until the take is full, and what they gave is read from their
//  logs into the reply. In control's thread.
//
//  What was taken and reaches nobody goes back (returns.h): when the call was answered before, when reading fails, when
//  the reply is full, and, by the ticket that goes with the reply, when its client is gone. Takes that wait: takers.h.

#include "name.h"
#include "names.h"
#include "ops.h"
#include "permit.h"
#include "splice.h"
#include "store.h"
#include "taken.h"
#include "takers.h"
#include "waits.h"

enum {
    READ_BYTES = 4194304,  //  of members that are read at once, as far as their size can be guessed
    READ_LEAST = 16,       //  members
    READ_MOST = 1024,
    MEMBER_BYTES_FIRST = 262144,  //  what is guessed at first
    MEMBER_BYTES_FADE = 8  //  of what was the largest, one in so many is forgotten with each channel that is read
};

typedef struct {
    desk_t *desk;
    names_t names;    //  of the glob whose channels are looked for
    size_t source;    //  of the request's, the one that is looked for
    char **channels;  //  owned, to be asked in this order
    size_t count;
    size_t at;       //  the channel that is asked
    taken_t *taken;  //  its answer
    char *log_key;   //  of the channel
    guess_t guess;   //  what is read along with the take
    bool guessing;   //  that read's reply is to come
    bool refused;    //  it has brought something, and the take nothing
    size_t reads;    //  replies to come
    splice_t splice;
    size_t messages_at;
    uint64_t deadline_ms;
    leases_t *leases;  //  what the reply brings
} take_t;

static void s_destroy (void **work_p)
{
    take_t *self = *work_p;
    returns_leases (self->desk->returns, &self->leases);
    for (size_t i = 0; i < self->count; i++) {
        free (self->channels[i]);
    }
    free (self->channels);
    free (self->log_key);
    taken_destroy (&self->taken);
    free (self);
    *work_p = NULL;
}

//  The answer

static void s_answer_empty (call_t *call)
{
    reply_t reply;
    reply_ok (&reply, call->request.seq, 2);
    reply_array (&reply, "messages", 0);
    reply_uint (&reply, "deadline_ms", 0);
    call_answer (call, &reply);
}

static void s_answer (call_t *call)
{
    take_t *self = call->work;
    if (self->splice.count == 0 && takers_on (call)) {
        return;
    }
    reply_close_array (&call->reply, self->messages_at, self->splice.count);
    reply_uint (&call->reply, "deadline_ms", self->deadline_ms);
    call->gathering = false;
    call->leases = self->leases;
    self->leases = NULL;
    call_answer (call, &call->reply);
}

//  Reading

static void s_go_on (call_t *call);
static void s_ask_log (call_t *call);

static bool s_on_envelope (void *arg, span_t envelope, uint64_t attempt)
{
    call_t *call = arg;
    take_t *self = call->work;
    return splice_taken (
        &self->splice, span_text (self->channels[self->at]), envelope, taken_lease (self->taken), attempt);
}

static void s_on_rest (void *arg, uint64_t first, uint64_t last)
{
    call_t *call = arg;
    take_t *self = call->work;
    if (taken_lease (self->taken) > 0) {
        returns_run (call->desk->returns, span_text (self->channels[self->at]), call->request.group,
            taken_lease (self->taken), first, last);
    }
}

//  Everything that the channel gave is in the reply, or the reply is full.
static void s_end_channel (call_t *call)
{
    take_t *self = call->work;
    desk_t *desk = call->desk;
    brought_t brought = {taken_first (self->taken), taken_last (self->taken), taken_member_last (self->taken),
        taken_member_ids (self->taken), self->refused};
    guesses_end (desk->guesses, span_text (self->channels[self->at]), call->request.group, self->guess, brought);
    size_t largest = taken_largest (self->taken), faded = desk->member_bytes - desk->member_bytes / MEMBER_BYTES_FADE;
    desk->member_bytes = largest > faded ? largest : faded;
    taken_rest (self->taken, s_on_rest, call);
    self->at += !taken_more (self->taken);
    taken_destroy (&self->taken);
    s_go_on (call);
}

static void s_on_members (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        take_t *self = call->work;
        taken_read (self->taken, reply);
        if (--self->reads == 0) {
            s_ask_log (call);
        }
    }
    call_end (call);
}

static size_t s_members_at_once (desk_t *desk)
{
    desk->member_bytes = desk->member_bytes ? desk->member_bytes : MEMBER_BYTES_FIRST;
    size_t members = READ_BYTES / desk->member_bytes;
    return members < READ_LEAST ? READ_LEAST : members > READ_MOST ? READ_MOST : members;
}

static void s_ask_log (call_t *call)
{
    take_t *self = call->work;
    desk_t *desk = call->desk;
    if (!link_is_up (desk->link)) {
        call_fail_with (call, CODE_UNAVAILABLE, "the connection to Redis was lost");
        return;
    }
    self->reads = taken_ask (self->taken, desk->link, self->log_key, s_members_at_once (desk), s_on_members, call);
    call->due += self->reads;
    if (self->reads == 0) {
        s_end_channel (call);
    }
}

//  Asking

static void s_note_lease (call_t *call)
{
    take_t *self = call->work;
    uint64_t deadline_ms = taken_deadline_ms (self->taken);
    if (!self->leases) {
        self->leases = leases_new (call->request.group);
    }
    leases_add (self->leases, span_text (self->channels[self->at]), taken_lease (self->taken));
    if (self->deadline_ms == 0 || deadline_ms < self->deadline_ms) {
        self->deadline_ms = deadline_ms;
    }
}

static void s_on_take (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    take_t *self = call->work;
    self->taken = reply ? taken_new (reply, s_on_envelope, call) : NULL;
    if (self->taken && taken_lease (self->taken) > 0) {
        s_note_lease (call);
    }
    bool wanted = call_got (call, reply);
    call->changes = false;
    if (self->taken && !taken_is_empty (self->taken)) {
        takers_got (call, span_text (self->channels[self->at]), taken_more (self->taken));
    }
    if (call->request.ack_none) {
        hints_settled (call->desk->hints, span_text (self->channels[self->at]));
    }
    if (wanted && self->taken && !self->guessing) {
        s_ask_log (call);
    } else if (wanted && !self->taken) {
        call_fail_with (call, CODE_UNAVAILABLE, "take.lua gave no answer that is one");
    }
    call_end (call);
}

//  The answer is there before, unless Redis had lost the script: then it is read without a guess.
static void s_on_guessed (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    take_t *self = call->work;
    bool wanted = call_got (call, reply);
    self->guessing = false;
    if (wanted && self->taken) {
        self->refused = taken_is_empty (self->taken) && reply->elements > 0;
        taken_read_ahead (self->taken, self->guess.first, reply);
        s_ask_log (call);
    }
    call_end (call);
}

//  Reads what the take that is sent is likely to bring.
static void s_read_ahead (call_t *call, uint64_t most)
{
    take_t *self = call->work;
    desk_t *desk = call->desk;
    self->guess = guesses_begin (desk->guesses, span_text (self->channels[self->at]), call->request.group, most);
    self->guessing = self->guess.first > 0 && link_is_up (desk->link);
    self->refused = false;
    if (self->guessing) {
        char first[SPAN_NUMBER], members[SPAN_NUMBER];
        uint64_t at_once = s_members_at_once (desk);
        span_t words[] = {span_text ("ZRANGEBYSCORE"), span_text (self->log_key),
            span_number (first, self->guess.first), span_text ("+inf"), span_text ("LIMIT"), span_text ("0"),
            span_number (members, self->guess.members < at_once ? self->guess.members : at_once)};
        call_command (call, s_on_guessed, sizeof words / sizeof *words, words);
    }
}

//  Asks the next channel for what the reply still has room for, or answers.
static void s_go_on (call_t *call)
{
    take_t *self = call->work;
    const request_t *request = &call->request;
    if (self->splice.full || self->at == self->count) {
        s_answer (call);
        return;
    }
    span_t channel = span_text (self->channels[self->at]);
    takers_look (call, channel);
    char *meta = store_channel_key (call->desk->config->prefix, channel, "meta");
    char max[SPAN_NUMBER], lease_ms[SPAN_NUMBER];
    span_t words[] = {span_text ("1"), span_text (meta), request->group,
        span_number (max, request->limit - self->splice.count), span_number (lease_ms, request->lease_ms),
        request->consumer, span_text (request->ack_none ? "1" : "0"), span_text (request->create ? "1" : "0"),
        span_text ("0")};
    free (self->log_key);
    self->log_key = store_channel_key (call->desk->config->prefix, channel, "log");
    call->changes = true;
    call_script (call, SCRIPT_TAKE, s_on_take, sizeof words / sizeof *words, words);
    s_read_ahead (call, request->limit - self->splice.count);
    free (meta);
}

//  Channels

static void s_begin_asking (call_t *call)
{
    take_t *self = call->work;
    size_t most = (size_t)call->desk->config->max_reply_bytes;
    self->splice = (splice_t){.reply = &call->reply,
        .counters = &call->desk->counters,
        .limit = call->request.limit,
        .max_bytes = most,
        .max_reply_bytes = most};
    reply_ok (&call->reply, call->request.seq, 2);
    call->gathering = true;
    self->messages_at = reply_open_array (&call->reply, "messages");
    s_go_on (call);
}

//  Returns false when it is one too many.
static bool s_add_channel (take_t *self, span_t channel)
{
    if (self->count == LIMIT_TAKE_CHANNELS) {
        return false;
    }
    self->channels = realloc (self->channels, (self->count + 1) * sizeof *self->channels);
    self->channels[self->count++] = strndup (channel.data, channel.size);
    return true;
}

//  A channel that an earlier name or glob of the request has brought is not asked twice.
static bool s_is_new (const request_t *request, size_t source, span_t channel)
{
    size_t i = 0;
    while (i < source && !glob_matches (request->sources[i], channel)) {
        i++;
    }
    return i == source;
}

static void s_find_channels (call_t *call);

static void s_on_names (void *owner, void *arg, redisReply *names)
{
    call_t *call = arg;
    if (!call_got (call, names)) {
        call_end (call);
        return;
    }
    take_t *self = call->work;
    size_t at = 0;
    span_t name;
    bool fits = true;
    while (fits && (name = names_next (&self->names, names, &at)).size > 0) {
        bool wanted = s_is_new (&call->request, self->source, name) && permit_name (call, name);
        fits = !wanted || s_add_channel (self, name);
    }
    if (!fits) {
        fault_t fault;
        fault_set (&fault, CODE_BAD_REQUEST, "channels: match more than %d channels", LIMIT_TAKE_CHANNELS);
        call_fail (call, &fault);
    } else if (self->names.done) {
        self->source++;
        s_find_channels (call);
    } else {
        names_ask (&self->names, call, s_on_names);
    }
    call_end (call);
}

//  Goes through the request's names and globs, up to the next glob.
static void s_find_channels (call_t *call)
{
    take_t *self = call->work;
    const request_t *request = &call->request;
    for (; self->source < request->source_count; self->source++) {
        span_t source = request->sources[self->source];
        if (!glob_is_name (source)) {
            self->names = names_of (source);
            names_ask (&self->names, call, s_on_names);
            return;
        }
        if (s_is_new (request, self->source, source)) {
            s_add_channel (self, source);
        }
    }
    s_begin_asking (call);
}

static void s_begin (call_t *call)
{
    call_drop_work (call);
    take_t *self = calloc (1, sizeof *self);
    self->desk = call->desk;
    call->work = self;
    call->work_destroy = s_destroy;
    size_t count = 0;
    span_t *told = takers_told (call, &count);
    if (!told) {
        s_find_channels (call);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (permit_name (call, told[i])) {
            s_add_channel (self, told[i]);
        } else {
            takers_look (call, told[i]);
        }
    }
    free (told);
    s_begin_asking (call);
}

static void s_begin_in_turn (call_t *call)
{
    if (call->waiting && zclock_mono () >= call->wait_until_ms) {
        s_answer_empty (call);
    } else {
        call_in_turn (call, s_begin);
    }
}

void op_take (call_t *call)
{
    takers_begin (call, s_begin_in_turn);
    call_in_turn (call, s_begin);
}
