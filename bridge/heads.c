//  heads - the beat on topic $heads, and the word that a channel has grown. In the lane's thread; builds the beat, and
//  leaves the sending to the fan-out.

#include <msgpack.h>
#include "envelope.h"
#include "heads.h"

enum {
    BEAT_EVERY_MS = 1000,
    TOLD_FOR_MS = 10000,  //  how long a channel is told after it grew
    //  A channel with a limit of number is told of sooner, when it has grown by this part of the limit, and by so many
    SOONER_PART = 256,
    SOONER_LEAST = 256
};

struct heads {
    const char *bridge;
    zlistx_t *grown;  //  channels, by when they last grew
    uint64_t seq;
    int64_t beat_at_ms;
    int64_t told_ms;  //  when all that had grown was told of, last
    heads_grown_fn *on_grown;
    void *owner;
};

heads_t *heads_new (const char *bridge, heads_grown_fn *on_grown, void *owner)
{
    heads_t *self = calloc (1, sizeof *self);
    self->bridge = bridge;
    self->on_grown = on_grown;
    self->owner = owner;
    self->grown = zlistx_new ();
    self->beat_at_ms = zclock_mono ();
    return self;
}

void heads_destroy (heads_t **self_p)
{
    heads_t *self = *self_p;
    if (self) {
        zlistx_destroy (&self->grown);
        free (self);
        *self_p = NULL;
    }
}

static void s_tell (heads_t *self, channel_t *channel)
{
    channel->told = channel->cursor;
    self->on_grown (self->owner, channel);
}

void heads_grew (heads_t *self, channel_t *channel)
{
    channel->grew_ms = zclock_mono ();
    if (!channel->grown) {
        channel->grown = zlistx_add_end (self->grown, channel);
    }
    uint64_t sooner = channel->limits.max_messages / SOONER_PART;
    if (channel->limits.max_messages &&
        channel->cursor >= channel->told + (sooner > SOONER_LEAST ? sooner : SOONER_LEAST)) {
        s_tell (self, channel);
    }
}

//  Tells of all that has grown since the last time.
static void s_tell_grown (heads_t *self)
{
    int64_t now_ms = zclock_mono ();
    for (channel_t *channel = zlistx_first (self->grown); channel; channel = zlistx_next (self->grown)) {
        if (channel->grew_ms >= self->told_ms) {
            s_tell (self, channel);
        }
    }
    self->told_ms = now_ms;
}

int64_t heads_deadline_ms (const heads_t *self)
{
    return self->beat_at_ms;
}

static void s_drop_quiet (heads_t *self)
{
    int64_t since_ms = zclock_mono () - TOLD_FOR_MS;
    for (channel_t *channel = zlistx_first (self->grown); channel; channel = zlistx_next (self->grown)) {
        if (channel->grew_ms < since_ms) {
            zlistx_delete (self->grown, channel->grown);
            channel->grown = NULL;
        }
    }
}

static void s_pack_text (msgpack_packer *packer, const char *text)
{
    msgpack_pack_str (packer, strlen (text));
    msgpack_pack_str_body (packer, text, strlen (text));
}

static void s_pack_headers (heads_t *self, msgpack_sbuffer *to, const char *store)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, to, msgpack_sbuffer_write);
    msgpack_pack_map (&packer, 3);
    s_pack_text (&packer, "store");
    s_pack_text (&packer, store);
    s_pack_text (&packer, "bridge");
    s_pack_text (&packer, self->bridge);
    s_pack_text (&packer, "seq");
    msgpack_pack_uint64 (&packer, ++self->seq);
}

static void s_pack_heads (heads_t *self, msgpack_sbuffer *to)
{
    msgpack_packer packer;
    msgpack_packer_init (&packer, to, msgpack_sbuffer_write);
    msgpack_pack_map (&packer, zlistx_size (self->grown));
    for (channel_t *channel = zlistx_first (self->grown); channel; channel = zlistx_next (self->grown)) {
        s_pack_text (&packer, channel->name);
        msgpack_pack_uint64 (&packer, channel->cursor);
    }
}

int heads_beat (heads_t *self, const char *store, uint64_t time_ms, zmq_msg_t *envelope)
{
    int64_t now_ms = zclock_mono ();
    if (now_ms < self->beat_at_ms) {
        return -1;
    }
    //  A bridge that was stopped for a while does not catch up beat by beat.
    self->beat_at_ms += BEAT_EVERY_MS;
    if (self->beat_at_ms <= now_ms) {
        self->beat_at_ms = now_ms + BEAT_EVERY_MS;
    }
    s_tell_grown (self);
    s_drop_quiet (self);
    msgpack_sbuffer headers, heads;
    msgpack_sbuffer_init (&headers);
    msgpack_sbuffer_init (&heads);
    s_pack_headers (self, &headers, store);
    s_pack_heads (self, &heads);
    message_t message = {
        .payload = span_of (heads.data, heads.size),
        .headers = span_of (headers.data, headers.size),
    };
    zmq_msg_init_size (envelope, envelope_size (&message));
    envelope_encode (zmq_msg_data (envelope), &message);
    envelope_stamp (zmq_msg_data (envelope), 0, time_ms);
    msgpack_sbuffer_destroy (&headers);
    msgpack_sbuffer_destroy (&heads);
    return 0;
}
