//  feed - what is fanned out when. In the lane's thread; never sends an id twice or out of order.
//
//  A channel's cursor is the highest id that subscribers of this bridge have been sent. A confirmed batch that
//  begins right behind it goes out at once. One that begins further on is held, and what lies between, written by
//  another bridge or an application, is read from the log first. What the log no longer has is passed over:
//  subscribers see the hole.
//
//  The cursor of a channel that exists when the bridge starts begins at its head; of one that comes later, at 0.

#include "envelope.h"
#include "feed.h"
#include "gaps.h"
#include "log.h"
#include "store.h"

enum {
    LOOK_EVERY_MS = 1000,
    LOOK_CHANNELS = 200,  //  in one slice
    READ_MESSAGES = 1000,
    READ_BYTES = 1048576,
    HELD_BYTES = 67108864  //  beyond these a confirmed batch is let go, to be read from the log
};

struct feed {
    link_t *link;
    fanout_t *fanout;
    heads_t *heads;
    counters_t *counters;
    feed_channel_fn *find;
    void *owner;
    char *channels_key;
    size_t held_bytes;

    char *look_from;  //  where the next slice begins, as ZRANGEBYLEX says it
    int64_t look_at_ms;
    bool looking;         //  a slice is under way
    bool looking_at_all;  //  go on with the next slice at once
    bool all_met;         //  the first look at all has ended: channels not met by then are new
    zlistx_t *stuck;      //  channels whose read failed, to be tried at the next slice
};

//  What a command to Redis was for; freed with its reply.
typedef struct {
    feed_t *feed;
    channel_t *channel;
    uint64_t until;  //  a read's upper bound
} errand_t;

static errand_t *s_errand (feed_t *self, channel_t *channel, uint64_t until)
{
    errand_t *errand = malloc (sizeof *errand);
    *errand = (errand_t){self, channel, until};
    return errand;
}

static void s_advance (feed_t *self, channel_t *channel);

static void s_moved (feed_t *self, channel_t *channel, uint64_t cursor)
{
    channel->cursor = cursor;
    heads_grew (self->heads, channel);
}

//  The first that this bridge hears of a channel says where its fan-out begins: at `before`, unless the channel is
//  known to be new.
static void s_meet (feed_t *self, channel_t *channel, uint64_t before)
{
    if (!channel->met) {
        channel->met = true;
        channel->cursor = self->all_met ? 0 : before;
    }
}

static uint64_t s_last (const batch_t *batch)
{
    return batch->first + batch->count - 1;
}

static void s_send_batch (feed_t *self, channel_t *channel, const batch_t *batch)
{
    bool is_heard = fanout_is_heard (self->fanout);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->first + i > channel->cursor) {
            span_t envelope = batch_envelope (batch, i);
            if (is_heard) {
                fanout_send (self->fanout, channel, envelope);
            }
            self->counters->fanout_messages++;
            self->counters->fanout_bytes += envelope.size;
        }
    }
    s_moved (self, channel, s_last (batch));
}

batch_t *feed_take (feed_t *self, channel_t *channel, batch_t *batch)
{
    if (batch->count == 0) {
        return batch;  //  all of it was known
    }
    s_meet (self, channel, batch->first - 1);
    bool next = !channel->held_first && batch->first <= channel->cursor + 1;
    if (next) {
        if (s_last (batch) > channel->cursor) {
            s_send_batch (self, channel, batch);
        }
    } else if (self->held_bytes + batch->bytes > HELD_BYTES) {
        channel->seen_head = s_last (batch) > channel->seen_head ? s_last (batch) : channel->seen_head;
        next = true;
    } else {
        self->held_bytes += batch->bytes;
        channel_hold (channel, batch);
    }
    s_advance (self, channel);
    return next ? batch : NULL;
}

//  Sends the held batches that begin right behind the cursor.
static void s_send_held (feed_t *self, channel_t *channel)
{
    while (channel->held_first && channel->held_first->first <= channel->cursor + 1) {
        batch_t *batch = channel_unhold (channel);
        self->held_bytes -= batch->bytes;
        if (s_last (batch) > channel->cursor) {
            s_send_batch (self, channel, batch);
        }
        batch_destroy (&batch);
    }
}

static void s_send_member (feed_t *self, channel_t *channel, uint64_t until, const redisReply *gaps, span_t member)
{
    size_t at = 0, size;
    envelope_t envelope;
    while (at < member.size && (size = envelope_decode (&envelope, member.data + at, member.size - at))) {
        if (envelope.id > channel->cursor && envelope.id <= until && !gaps_hold (gaps, envelope.id)) {
            self->counters->fanout_holes += envelope.id > channel->cursor + 1;
            fanout_send (self->fanout, channel, span_of (member.data + at, size));
            self->counters->fanout_messages++;
            self->counters->fanout_bytes += size;
            self->counters->refilled_messages++;
            s_moved (self, channel, envelope.id);
        }
        at += size;
    }
}

//  The reply of read.lua: head, floor, more, gaps, members, …, reached.
static void s_on_refill (void *owner, void *arg, redisReply *reply)
{
    errand_t *errand = arg;
    channel_t *channel = errand->channel;
    feed_t *self = errand->feed;
    channel->refilling = false;
    if (!reply || reply->type == REDIS_REPLY_ERROR) {
        zlistx_add_end (self->stuck, channel);
    } else {
        const redisReply *gaps = reply->element[3], *members = reply->element[4];
        for (size_t i = 0; i < members->elements; i++) {
            const redisReply *member = members->element[i];
            s_send_member (self, channel, errand->until, gaps, span_of (member->str, member->len));
        }
        uint64_t reached = reply->element[2]->integer ? (uint64_t)reply->element[7]->integer : errand->until;
        if (reached > channel->cursor) {
            self->counters->fanout_holes++;
            s_moved (self, channel, reached < errand->until ? reached : errand->until);
        }
        s_advance (self, channel);
    }
    free (errand);
}

static void s_refill (feed_t *self, channel_t *channel, uint64_t until)
{
    if (!link_is_up (self->link)) {
        return;  //  coming up, the lane looks at all channels
    }
    channel->refilling = true;
    char numbers[4][SPAN_NUMBER];
    span_t words[] = {span_text ("3"), span_text (channel->keys[0]), span_text (channel->keys[1]),
        span_text (channel->keys[2]), span_number (numbers[0], channel->cursor), span_number (numbers[1], until),
        span_number (numbers[2], READ_MESSAGES), span_number (numbers[3], READ_BYTES), span_text ("0")};
    link_script (self->link, SCRIPT_READ, s_on_refill, s_errand (self, channel, until), 9, words);
}

//  Sends what may be sent, and reads what is missing. While batches of this bridge are under way, what was announced
//  may be just those: their replies decide.
static void s_advance (feed_t *self, channel_t *channel)
{
    s_send_held (self, channel);
    if (channel->refilling) {
        return;
    }
    if (channel->held_first) {
        s_refill (self, channel, channel->held_first->first - 1);
    } else if (channel->seen_head > channel->cursor && channel->sent == 0) {
        s_refill (self, channel, channel->seen_head);
    }
}

void feed_announced (feed_t *self, span_t name, uint64_t first, uint64_t head)
{
    channel_t *channel = self->find (self->owner, name);
    s_meet (self, channel, first - 1);
    if (head > channel->seen_head) {
        channel->seen_head = head;
        s_advance (self, channel);
    }
}

//  Looking

static void s_on_head (void *owner, void *arg, redisReply *reply)
{
    errand_t *errand = arg;
    channel_t *channel = errand->channel;
    if (reply && reply->type == REDIS_REPLY_STRING) {
        uint64_t head = strtoull (reply->str, NULL, 10);
        s_meet (errand->feed, channel, head);
        channel->seen_head = head > channel->seen_head ? head : channel->seen_head;
        s_advance (errand->feed, channel);
    }
    free (errand);
}

//  Replies come in order: by now every channel of the round has been met.
static void s_on_round_end (void *owner, void *arg, redisReply *reply)
{
    feed_t *self = arg;
    self->all_met |= reply != NULL;
}

static void s_end_round (feed_t *self)
{
    free (self->look_from);
    self->look_from = strdup ("-");
    self->looking_at_all = false;
    span_t words[] = {span_text ("PING")};
    link_command (self->link, s_on_round_end, self, 1, words);
}

static void s_on_slice (void *owner, void *arg, redisReply *reply)
{
    feed_t *self = arg;
    self->looking = false;
    if (!reply || reply->type != REDIS_REPLY_ARRAY || !link_is_up (self->link)) {
        return;
    }
    for (size_t i = 0; i < reply->elements; i++) {
        channel_t *channel = self->find (self->owner, span_of (reply->element[i]->str, reply->element[i]->len));
        span_t words[] = {span_text ("HGET"), span_text (channel->keys[1]), span_text ("head")};
        link_command (self->link, s_on_head, s_errand (self, channel, 0), 3, words);
    }
    if (reply->elements < LOOK_CHANNELS) {
        s_end_round (self);
    } else {
        free (self->look_from);
        int rc = asprintf (&self->look_from, "(%s", reply->element[reply->elements - 1]->str);
        assert (rc > 0);
    }
    self->look_at_ms = zclock_mono () + (self->looking_at_all ? 0 : LOOK_EVERY_MS);
}

static void s_look (feed_t *self)
{
    char count[SPAN_NUMBER];
    span_t words[] = {span_text ("ZRANGEBYLEX"), span_text (self->channels_key), span_text (self->look_from),
        span_text ("+"), span_text ("LIMIT"), span_text ("0"), span_number (count, LOOK_CHANNELS)};
    link_command (self->link, s_on_slice, self, 7, words);
    self->looking = true;
}

void feed_look_at_all (feed_t *self)
{
    free (self->look_from);
    self->look_from = strdup ("-");
    self->looking_at_all = true;
    self->look_at_ms = zclock_mono ();
}

int64_t feed_deadline_ms (const feed_t *self)
{
    return self->looking || !link_is_up (self->link) ? INT64_MAX : self->look_at_ms;
}

void feed_work (feed_t *self)
{
    if (self->looking || !link_is_up (self->link) || zclock_mono () < self->look_at_ms) {
        return;
    }
    size_t stuck = zlistx_size (self->stuck);
    for (; stuck; stuck--) {
        s_advance (self, zlistx_detach (self->stuck, NULL));
    }
    s_look (self);
}

feed_t *feed_new (const config_t *config, link_t *link, fanout_t *fanout, heads_t *heads, counters_t *counters,
    feed_channel_fn *find, void *owner)
{
    feed_t *self = calloc (1, sizeof *self);
    self->link = link;
    self->fanout = fanout;
    self->heads = heads;
    self->counters = counters;
    self->find = find;
    self->owner = owner;
    self->channels_key = store_key (config->prefix, "channels");
    self->look_from = strdup ("-");
    self->stuck = zlistx_new ();
    return self;
}

void feed_destroy (feed_t **self_p)
{
    feed_t *self = *self_p;
    if (self) {
        zlistx_destroy (&self->stuck);
        free (self->channels_key);
        free (self->look_from);
        free (self);
        *self_p = NULL;
    }
}
