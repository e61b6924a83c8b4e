//  ops_flush - flush of one channel, or of all that match. In control's thread.
//
//  Each channel is one step of flush.lua; those of a page of names are under way together. When one of them fails, it
//  is not known what the others have changed: `unknown_outcome`, and the same flush may be sent again.

#include "name.h"
#include "names.h"
#include "ops.h"
#include "store.h"

typedef struct {
    names_t names;     //  done from the start for one channel
    reply_t channels;  //  the entries of `channels`
    size_t count;
    uint64_t flushed;
} flush_t;

static void s_destroy (void **work_p)
{
    flush_t *self = *work_p;
    msgpack_sbuffer_destroy (&self->channels.buffer);
    free (self);
    *work_p = NULL;
}

static void s_hint_keeper (call_t *call, span_t channel)
{
    zmq_send (zsock_resolve (call->desk->keeper), channel.data, channel.size, ZMQ_DONTWAIT);
}

static void s_answer (call_t *call)
{
    flush_t *self = call->work;
    reply_t reply;
    reply_ok (&reply, call->request.seq, 3);
    reply_uint (&reply, "flushed", self->flushed);
    reply_map (&reply, "channels", self->count);
    reply_raw (&reply, span_of (self->channels.buffer.data, self->channels.buffer.size));
    reply_map (&reply, "at_risk", 0);
    call_answer (call, &reply);
}

static void s_take (call_t *call, span_t channel, uint64_t flushed)
{
    flush_t *self = call->work;
    if (flushed == 0) {
        return;
    }
    reply_str (&self->channels, channel);
    msgpack_pack_uint64 (&self->channels.packer, flushed);
    self->count++;
    self->flushed += flushed;
    if (!call->request.dry_run) {
        s_hint_keeper (call, channel);
    }
}

static void s_on_names (void *owner, void *arg, redisReply *names);

//  When nothing is under way: asks for more names, or answers.
static void s_go_on (call_t *call)
{
    flush_t *self = call->work;
    if (call->due > 0 || !call->place) {
        return;
    }
    if (self->names.done) {
        s_answer (call);
    } else {
        names_ask (&self->names, call, s_on_names);
    }
}

static void s_on_flush (void *owner, void *arg, redisReply *reply)
{
    call_t *call = arg;
    if (call_got (call, reply)) {
        call->changed = call->changes;
        const redisReply *name = reply->element[0];
        s_take (call, span_of (name->str, name->len), (uint64_t)reply->element[1]->integer);
        s_go_on (call);
    }
    call_end (call);
}

static void s_flush (call_t *call, span_t channel)
{
    const request_t *request = &call->request;
    const char *prefix = call->desk->config->prefix;
    char *log = store_channel_key (prefix, channel, "log");
    char *meta = store_channel_key (prefix, channel, "meta");
    char *gaps = store_channel_key (prefix, channel, "gaps");
    char before[24], before_ms[24];
    snprintf (before, sizeof before, "%" PRIu64, request->before);
    snprintf (before_ms, sizeof before_ms, "%" PRIu64, request->before_ms);
    const char *to = request->all ? "+inf" : request->before_ms ? "ms" : before;
    span_t words[] = {span_text ("3"), span_text (log), span_text (meta), span_text (gaps), span_text (to),
        span_text (before_ms), span_text (request->dry_run ? "1" : "0"), channel};
    call_script (call, SCRIPT_FLUSH, s_on_flush, sizeof words / sizeof *words, words);
    free (log);
    free (meta);
    free (gaps);
}

static void s_on_names (void *owner, void *arg, redisReply *names)
{
    call_t *call = arg;
    if (call_got (call, names)) {
        flush_t *self = call->work;
        size_t at = 0;
        for (span_t name; (name = names_next (&self->names, names, &at)).size > 0;) {
            if (!name_is_reserved (name)) {
                s_flush (call, name);
            }
        }
        s_go_on (call);
    }
    call_end (call);
}

static void s_begin (call_t *call)
{
    flush_t *self = calloc (1, sizeof *self);
    call->work = self;
    call->work_destroy = s_destroy;
    call->changes = !call->request.dry_run;
    reply_part (&self->channels);
    if (call->request.channel.size > 0) {
        self->names.done = true;
        s_flush (call, call->request.channel);
    } else {
        self->names = names_of (call->request.pattern);
        names_ask (&self->names, call, s_on_names);
    }
}

void op_flush (call_t *call)
{
    if (call->request.pattern.size > 0) {
        call_in_turn (call, s_begin);
    } else {
        s_begin (call);
    }
}
