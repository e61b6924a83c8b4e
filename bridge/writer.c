//  writer - takes messages to Redis. In the lane's thread; never waits, never drops a message from PULL or SUB.
//
//  A batch goes out at once when little is in flight, and gathers while something is: no timer, no added delay.
//  A batch whose reply was lost is sent again as it was, under its old seq, and the script recognises it. A batch
//  that Redis refused was not stored; it waits and is sent again, but the publishes in it are told so and leave.

#include "deadline.h"
#include "envelope.h"
#include "flight.h"
#include "link.h"
#include "log.h"
#include "name.h"
#include "refusal.h"
#include "reject.h"
#include "store.h"
#include "writer.h"

enum {
    RETRY_MS = 250,       //  after a refusal
    SPARE_ROOM = 1048576  //  a larger buffer is not kept for the next batch
};

struct writer {
    const config_t *config;
    counters_t *counters;
    writer_answer_fn *answer;
    void *owner;
    link_t *link;
    feed_t *feed;
    char session[33];  //  random for each start
    char *announce;
    char *channels_key;
    char *store_key;
    bool store_is_gone;  //  Redis was emptied since it was greeted

    zhashx_t *channels;  //  name → channel_t, owned
    channel_t *recent;   //  the last one looked up: neighbours often share it
    ready_t ready;
    zlistx_t *held;  //  channels that wait after a refusal, by hold_until_ms
    zlistx_t *asks;  //  publishes not yet answered, by deadline_ms
    batch_t *spare;

    size_t waiting_messages;  //  not confirmed, sent or not
    size_t waiting_bytes;
    flight_t flight;
    refusal_t refusal;
};

//  Channels

static channel_t *s_channel (writer_t *self, span_t name)
{
    channel_t *recent = self->recent;
    if (recent && recent->name_size == name.size && memcmp (recent->name, name.data, name.size) == 0) {
        return recent;
    }
    char text[256];
    memcpy (text, name.data, name.size);
    text[name.size] = 0;
    channel_t *channel = zhashx_lookup (self->channels, text);
    if (!channel) {
        channel = channel_new (self->config, name);
        zhashx_insert (self->channels, channel->name, channel);
        self->counters->channels++;
    }
    return self->recent = channel;
}

static channel_t *s_find_channel (void *owner, span_t name)
{
    return s_channel (owner, name);
}

//  Publishes

static void s_answer (writer_t *self, ask_t *ask)
{
    zlistx_detach (self->asks, ask->place);
    self->answer (self->owner, ask);
}

static void s_clear_asked (writer_t *self, const ask_t *ask)
{
    for (size_t i = 0; i < ask->count; i++) {
        s_channel (self, ask->messages[i].channel)->asked = NULL;
    }
}

//  Answers the ask without waiting any longer. What Redis is known not to have leaves its batch, so that
//  `unavailable` stays true; with anything else in doubt the outcome is unknown.
static void s_give_up (writer_t *self, ask_t *ask, const char *why)
{
    size_t messages = 0, bytes = 0;
    for (size_t i = 0; i < ask->count; i++) {
        channel_t *channel = s_channel (self, ask->messages[i].channel);
        if (channel->asked != ask) {
            channel->asked = ask;
            channel_withdraw (channel, ask, &messages, &bytes);
        }
    }
    s_clear_asked (self, ask);
    self->waiting_messages -= messages;
    self->waiting_bytes -= bytes;
    code_t code = messages == ask->count ? CODE_UNAVAILABLE : CODE_UNKNOWN_OUTCOME;
    fault_set (&ask->fault, code, "%s", why);
    ask->fault.retry_ms = 1000;
    s_answer (self, ask);
}

static void s_give_up_late (writer_t *self)
{
    int64_t now_ms = zclock_mono ();
    ask_t *ask = zlistx_first (self->asks);
    while (ask && ask->deadline_ms <= now_ms) {
        s_give_up (self, ask, "Redis has not answered in time");
        ask = zlistx_first (self->asks);
    }
}

//  Tells all publishes of a channel that Redis refuses, those also whose turn had not come: they would wait in vain
//  behind the others. Their batches may be gone afterwards.
static void s_give_up_channel (writer_t *self, channel_t *channel, const char *why)
{
    zlistx_t *asks = zlistx_new ();
    for (const batch_t *batch = channel->first; batch; batch = batch->next) {
        for (size_t w = 0; w < batch->waiter_count; w++) {
            //  Runs of one publish stand together.
            ask_t *ask = batch->waiters[w].ask;
            if (ask && ask != zlistx_last (asks)) {
                zlistx_add_end (asks, ask);
            }
        }
    }
    for (ask_t *ask = zlistx_first (asks); ask; ask = zlistx_next (asks)) {
        s_give_up (self, ask, why);
    }
    zlistx_destroy (&asks);
}

//  Replies

//  Tells the publishes in a batch their ids: from `first` on, or, when some joined no log, `ids` (0: none) and `known`,
//  an item for each message.
static void s_tell_ids (writer_t *self, const batch_t *batch, uint64_t first, const uint64_t *ids, const bool *known)
{
    for (size_t i = 0; i < batch->waiter_count; i++) {
        const waiter_t *waiter = &batch->waiters[i];
        ask_t *ask = waiter->ask;
        for (size_t m = 0; ask && m < waiter->count; m++) {
            size_t at = waiter->at + m;
            ask->ids[waiter->ask_at + m] = ids ? ids[at] : first + at;
            ask->known[waiter->ask_at + m] = known && known[at];
        }
        if (ask && (ask->left -= waiter->count) == 0) {
            ask->durability = link_store (self->link)->durability;
            memcpy (ask->epoch, link_store (self->link)->epoch, sizeof ask->epoch);
            s_answer (self, ask);
        }
    }
}

//  Some messages of the batch have joined no log, since they are delayed, or their msg_id was known. `told`, as
//  append.lua says it: index, id; index, 'delayed'; …
static void s_leave_out_told (writer_t *self, batch_t *batch, uint64_t first, const redisReply *told)
{
    uint64_t *ids = calloc (batch->count, sizeof *ids);
    bool *known = calloc (batch->count, sizeof *known);
    bool *out = calloc (batch->count, sizeof *out);
    for (size_t i = 0; i + 1 < told->elements; i += 2) {
        size_t at = strtoul (told->element[i]->str, NULL, 10) - 1;
        const char *why = told->element[i + 1]->str;
        assert (at < batch->count);
        out[at] = true;
        known[at] = !streq (why, "delayed");
        ids[at] = known[at] ? strtoull (why, NULL, 10) : 0;
        *(known[at] ? &self->counters->duplicate_messages : &self->counters->delayed_messages) += 1;
    }
    for (size_t i = 0; i < batch->count; i++) {
        ids[i] = out[i] ? ids[i] : first++;
    }
    s_tell_ids (self, batch, 0, ids, known);
    batch_leave_out (batch, out);
    free (ids);
    free (known);
    free (out);
}

static void s_note_jump (writer_t *self, const channel_t *channel, uint64_t first)
{
    self->counters->id_jumps++;
    log_write (LEVEL_WARN, "lane", "ids_jumped", "channel=%s head=%" PRIu64 " first=%" PRIu64, channel->name,
        channel->head, first);
}

//  Redis has the batch: {'stored', 'jumped' or 'again', first, time_ms, told}.
static void s_confirm (writer_t *self, channel_t *channel, const redisReply *reply)
{
    uint64_t first = (uint64_t)reply->element[1]->integer;
    uint64_t time_ms = (uint64_t)reply->element[2]->integer;
    const redisReply *told = reply->element[3];
    batch_t *batch = channel_confirm (channel);
    if (streq (reply->element[0]->str, "jumped")) {
        s_note_jump (self, channel, first);
    }
    if (first != batch->first || time_ms != batch->time_ms) {
        self->counters->restamped_batches++;
    }
    self->waiting_messages -= batch->count;
    self->waiting_bytes -= batch->bytes;
    if (told->elements) {
        s_leave_out_told (self, batch, first, told);
    } else {
        s_tell_ids (self, batch, first, NULL, NULL);
    }
    batch_stamp (batch, first, time_ms);
    channel_grew (channel, first + batch->count - 1, time_ms);
    counters_stored (self->counters, batch->count, (uint64_t)(zclock_usecs () - batch->sent_us));
    refusal_over (&self->refusal);
    batch = feed_take (self->feed, channel, batch);
    if (batch && !self->spare && batch->room <= SPARE_ROOM) {
        self->spare = batch;
    } else {
        batch_destroy (&batch);
    }
}

//  Under the channel's keys lies what is not a bridge's, and that will not change by itself: its messages would wait for
//  ever, and all others behind them in the end.
static void s_reject_channel (writer_t *self, channel_t *channel)
{
    span_t name = span_of (channel->name, channel->name_size);
    for (batch_t *batch; (batch = channel_drop (channel)); batch_destroy (&batch)) {
        self->waiting_messages -= batch->count;
        self->waiting_bytes -= batch->bytes;
        if (!name_is_reserved (name)) {
            self->counters->rejected_messages += batch->count;
            self->counters->rejects[REASON_WRONG_TYPE] += batch->count;
            reject_batch (self, name, batch, "channel: its keys in Redis hold something else");
        }
    }
    channel_renew_session (channel);
}

//  A batch was not stored. `hold`: Redis is in trouble, so the channel waits before all is sent again;
//  otherwise that happens as soon as the replies that are still due have come.
static void s_refuse (writer_t *self, channel_t *channel, bool hold, const char *why)
{
    self->counters->resent_batches++;
    if (hold && !channel->hold_until_ms) {
        channel->hold_until_ms = zclock_mono () + RETRY_MS;
        channel->refusal = strdup (why);
        zlistx_add_end (self->held, channel);
        refusal_told (&self->refusal, channel->name, why);
    }
    if (!channel_refused (channel)) {
        return;
    }
    if (channel->hold_until_ms) {
        s_give_up_channel (self, channel, channel->refusal);
        //  Redis 6.2 puts it behind words of its own.
        if (strstr (channel->refusal, "WRONGTYPE ")) {
            refusal_over (&self->refusal);  //  the channel's own trouble
            s_reject_channel (self, channel);
        }
    } else {
        channel_add_ready (&self->ready, channel);
    }
}

//  Says whether Redis still holds the store that it was greeted for.
static void s_on_store (void *owner, void *arg, redisReply *reply)
{
    writer_t *self = owner;
    if (reply && reply->type != REDIS_REPLY_ERROR) {
        self->store_is_gone = !reply->str || !streq (reply->str, link_store (self->link)->store);
    }
}

//  `gap` without an earlier refusal: Redis does not know what it confirmed in this session. Somebody has emptied the
//  channel, or all.
static void s_on_gap (writer_t *self, channel_t *channel)
{
    if (!channel->refused) {
        channel_renew_session (channel);
        log_write (LEVEL_WARN, "lane", "session_renewed", "channel=%s head=%" PRIu64, channel->name, channel->head);
        span_t words[] = {span_text ("HGET"), span_text (self->store_key), span_text ("id")};
        link_command (self->link, s_on_store, NULL, 3, words);
    }
    s_refuse (self, channel, false, "an earlier batch was refused");
}

static void s_on_appended (void *owner, void *arg, redisReply *reply)
{
    writer_t *self = owner;
    batch_t *batch = arg;
    channel_t *channel = batch->channel;
    flight_remove (&self->flight, batch);
    if (!reply) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        bool no_script = strncmp (reply->str, "NOSCRIPT", 8) == 0;
        if (no_script && !channel->refused && link_is_up (self->link)) {
            link_load_scripts (self->link);
        }
        s_refuse (self, channel, !no_script, reply->str);
    } else if (reply->elements == 4 && batch == channel->first && !channel->refused) {
        s_confirm (self, channel, reply);
    } else {
        s_on_gap (self, channel);
    }
    if (channel_next (channel)) {
        channel_add_ready (&self->ready, channel);
    }
}

static void s_on_listed (void *owner, void *arg, redisReply *reply)
{
    channel_t *channel = arg;
    channel->listed = reply && reply->type != REDIS_REPLY_ERROR;
}

static void s_on_state (void *owner, bool up)
{
    writer_t *self = owner;
    zlistx_purge (self->held);
    for (channel_t *channel = zhashx_first (self->channels); channel; channel = zhashx_next (self->channels)) {
        if (!up) {
            self->counters->resent_batches += channel->sent;
            channel_lost (channel);
        } else if (channel->queued) {
            channel_add_ready (&self->ready, channel);
        }
    }
    self->counters->redis_connects = link_connects (self->link);
    if (up) {
        feed_look_at_all (self->feed);
    }
}

//  Sending

//  The channel stands in the index before its first message does.
static void s_list_channel (writer_t *self, channel_t *channel)
{
    span_t words[] = {span_text ("ZADD"), span_text (self->channels_key), span_text ("NX"), span_text ("0"),
        span_of (channel->name, channel->name_size)};
    link_command (self->link, s_on_listed, channel, 5, words);
    channel->listed = true;
}

static void s_send_batch (writer_t *self, channel_t *channel, batch_t *batch)
{
    const link_store_t *store = link_store (self->link);
    if (!channel->listed) {
        s_list_channel (self, channel);
    }
    uint64_t head = channel->seen_head > channel->head ? channel->seen_head : channel->head;
    append_t append = {
        .digest = link_digest (self->link, SCRIPT_APPEND),
        .keys = {channel->keys[0], channel->keys[1], channel->keys[2], channel->keys[3]},
        .seq = channel->seq + channel->sent + 1,
        .epoch = store->epoch,
        //  In a store that may have lost writes, a channel that looks new may not be.
        .known = head          ? head
                 : store->born ? 0
                               : 1,
        .max_messages = channel->limits.max_messages,
        .announce = self->announce,
        .channel = span_of (channel->name, channel->name_size),
    };
    snprintf (append.session, sizeof append.session, "%s.%u", self->session, channel->session_no);
    uint64_t now_ms = (uint64_t)(zclock_time () + store->clock_ahead_ms);
    uint64_t time_ms = now_ms > channel->time_ms ? now_ms : channel->time_ms;
    span_t command = batch_command (batch, &append, channel_expects (channel), time_ms);
    channel_mark_sent (channel, batch);
    flight_add (&self->flight, batch);
    batch->sent_us = batch->sent_us ? batch->sent_us : zclock_usecs ();
    link_send (self->link, command.data, command.size, s_on_appended, batch);
}

static void s_release_held (writer_t *self)
{
    int64_t now_ms = zclock_mono ();
    channel_t *channel = zlistx_first (self->held);
    while (channel && channel->hold_until_ms <= now_ms && !channel->refused) {
        channel_end_hold (channel);
        zlistx_delete (self->held, zlistx_cursor (self->held));
        channel_add_ready (&self->ready, channel);
        channel = zlistx_first (self->held);
    }
}

void writer_send (writer_t *self)
{
    s_release_held (self);
    while (link_is_up (self->link) && flight_has_room (&self->flight)) {
        channel_t *channel = channel_take_ready (&self->ready);
        if (!channel) {
            break;
        }
        batch_t *batch = channel->hold_until_ms ? NULL : channel_next (channel);
        if (batch) {
            s_send_batch (self, channel, batch);
            if (channel_next (channel)) {
                channel_add_ready (&self->ready, channel);
            }
        }
    }
    link_write (self->link);
}

//  Taking messages

static void s_took (writer_t *self, channel_t *channel, const message_t *message)
{
    self->waiting_messages++;
    self->waiting_bytes += envelope_size (message);
    channel_add_ready (&self->ready, channel);
}

//  The batch that takes so many more.
static batch_t *s_batch (writer_t *self, channel_t *channel, size_t count, size_t bytes)
{
    size_t most = flight_batch_messages (&self->flight, channel->pack);
    return channel_batch (channel, count, bytes, most, &self->spare);
}

void writer_store (writer_t *self, const message_t *message)
{
    channel_t *channel = s_channel (self, message->channel);
    flight_take (&self->flight);
    batch_add (s_batch (self, channel, 1, envelope_size (message)), message, NULL, 0);
    s_took (self, channel, message);
}

//  True when so many messages, or bytes, wait for Redis.
static bool s_waits (const writer_t *self, size_t messages, size_t bytes)
{
    return self->waiting_messages >= messages || self->waiting_bytes >= bytes;
}

static int s_check_publish (const writer_t *self, ask_t *ask)
{
    if (!link_is_up (self->link)) {
        fault_set (&ask->fault, CODE_UNAVAILABLE, "Redis is away: %s", link_trouble (self->link));
        ask->fault.retry_ms = 1000;
        return -1;
    }
    if (s_waits (self, (size_t)self->config->max_in_flight, (size_t)self->config->max_in_flight_bytes)) {
        fault_set (&ask->fault, CODE_BUSY, "%zu messages wait for Redis already", self->waiting_messages);
        ask->fault.retry_ms = 100;
        return -1;
    }
    return 0;
}

void writer_publish (writer_t *self, ask_t *ask)
{
    if (s_check_publish (self, ask)) {
        self->answer (self->owner, ask);
        return;
    }
    flight_publish (&self->flight, ask->count);
    ask->place = zlistx_add_end (self->asks, ask);
    ask->left = ask->count;
    size_t bytes = 0;
    for (size_t i = 0; i < ask->count; i++) {
        bytes += envelope_size (&ask->messages[i]);
        self->counters->publish_bytes += ask->messages[i].payload.size + ask->messages[i].headers.size;
    }
    //  All that the publish has for a channel joins one batch, which is what makes it atomic.
    for (size_t i = 0; i < ask->count; i++) {
        const message_t *message = &ask->messages[i];
        channel_t *channel = s_channel (self, message->channel);
        batch_t *batch = channel->asked == ask ? channel->last : s_batch (self, channel, ask->count, bytes);
        channel->asked = ask;
        batch_add (batch, message, ask, i);
        s_took (self, channel, message);
    }
    s_clear_asked (self, ask);
}

feed_t *writer_feed (writer_t *self)
{
    return self->feed;
}

const link_store_t *writer_redis (const writer_t *self)
{
    return link_store (self->link);
}

bool writer_is_full (const writer_t *self)
{
    size_t messages = (size_t)self->config->max_in_flight, bytes = (size_t)self->config->max_in_flight_bytes;
    return s_waits (self, messages - messages / 8, bytes - bytes / 8);
}

const char *writer_refusal (const writer_t *self)
{
    return self->refusal.why;
}

bool writer_is_idle (const writer_t *self)
{
    return self->waiting_messages == 0;
}

//  The poll

const link_t *writer_link (const writer_t *self)
{
    return self->link;
}

int64_t writer_deadline_ms (const writer_t *self)
{
    int64_t deadline_ms = deadline_sooner (link_deadline_ms (self->link), feed_deadline_ms (self->feed));
    deadline_ms = deadline_sooner (deadline_ms, refusal_deadline_ms (&self->refusal));
    const ask_t *ask = zlistx_first (self->asks);
    const channel_t *held = zlistx_first (self->held);
    deadline_ms = deadline_sooner (deadline_ms, ask ? ask->deadline_ms : INT64_MAX);
    if (held && !held->refused) {
        deadline_ms = deadline_sooner (deadline_ms, held->hold_until_ms);
    }
    return deadline_ms;
}

void writer_work (writer_t *self, short revents)
{
    link_work (self->link, revents);
    if (self->store_is_gone) {
        //  The next greeting makes a new one, and each channel is listed again.
        self->store_is_gone = false;
        link_reset (self->link, "the store is gone");
    }
    s_give_up_late (self);
    flight_turn (&self->flight);
    refusal_work (&self->refusal, self->link, self->channels_key);
    feed_work (self->feed);
    self->counters->in_flight_messages = self->waiting_messages;
    self->counters->in_flight_bytes = self->waiting_bytes;
}

//  Life

static void s_destroy_channel (void **channel_p)
{
    channel_destroy ((channel_t **)channel_p);
}

writer_t *writer_new (const config_t *config, const char *redis_url, fanout_t *fanout, heads_t *heads,
    counters_t *counters, writer_answer_fn *answer, void *owner)
{
    writer_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->counters = counters;
    self->answer = answer;
    self->owner = owner;
    zuuid_t *session = zuuid_new ();
    snprintf (self->session, sizeof self->session, "%.16s", zuuid_str (session));
    zuuid_destroy (&session);
    self->announce = store_key (config->prefix, "appended");
    self->channels_key = store_key (config->prefix, "channels");
    self->store_key = store_key (config->prefix, "store");
    self->channels = zhashx_new ();
    zhashx_set_destructor (self->channels, s_destroy_channel);
    zhashx_set_key_duplicator (self->channels, NULL);
    zhashx_set_key_destructor (self->channels, NULL);
    self->held = zlistx_new ();
    self->asks = zlistx_new ();
    self->link = link_new ("lane", redis_url, config->prefix, s_on_state, self);
    link_judge (self->link, true, config->strict, config->min_replicas);
    self->feed = feed_new (config, self->link, fanout, heads, counters, s_find_channel, self);
    return self;
}

void writer_destroy (writer_t **self_p)
{
    writer_t *self = *self_p;
    if (!self) {
        return;
    }
    link_destroy (&self->link);
    for (ask_t *ask = zlistx_first (self->asks); ask; ask = zlistx_first (self->asks)) {
        s_give_up (self, ask, "the bridge is stopping");
    }
    feed_destroy (&self->feed);
    refusal_over (&self->refusal);
    zhashx_destroy (&self->channels);
    zlistx_destroy (&self->held);
    zlistx_destroy (&self->asks);
    batch_destroy (&self->spare);
    free (self->announce);
    free (self->channels_key);
    free (self->store_key);
    free (self);
    *self_p = NULL;
}
