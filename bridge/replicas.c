//  replicas - asks Redis how far its replicas have come. In control's thread; asks once for all that wait.
//
//  WAIT goes by the last write of its own connection, and what was published came over another. So before it goes a
//  PUBLISH that nobody hears, which replicas are sent behind all that Redis has taken until then.
//  (redis.io/commands/wait. PING would do with some versions of Redis only.)
//  LIMIT: a Cluster does not send PUBLISH the same way; there, some versions count too many.

#include "replicas.h"
#include "store.h"

enum {
    WAIT_MS = 1000  //  one WAIT; a publish may meet two, and still has its answer in 5 s
};

struct replicas {
    link_t *link;
    replicas_told_fn *told;
    zlistx_t *waiting;  //  calls
    zlistx_t *asked;    //  those that the WAIT under way is for
    bool asking;
    bool sent_behind;  //  the PUBLISH was taken, so that WAIT counts for what was published
    char *channel;     //  of Pub/Sub, that nobody hears
    uint64_t least;
};

static void s_tell_all (replicas_t *self, zlistx_t *calls, uint64_t replicas)
{
    while (zlistx_size (calls)) {
        call_t *call = zlistx_detach (calls, NULL);
        call->due--;
        //  Redis has failed over since: this count is not about what the lane's Redis took.
        bool same = !self->link || streq (call->ask.epoch, link_store (self->link)->epoch);
        if (call->place) {
            self->told (call, same ? replicas : 0);
        }
        call_end (call);
    }
}

static void s_on_publish (void *owner, void *arg, redisReply *reply)
{
    replicas_t *self = owner;
    self->sent_behind = reply && reply->type == REDIS_REPLY_INTEGER;
}

//  When the connection was lost they wait for the next one.
static void s_on_wait (void *owner, void *arg, redisReply *reply)
{
    replicas_t *self = owner;
    self->asking = false;
    if (reply) {
        bool counted = self->sent_behind && reply->type == REDIS_REPLY_INTEGER;
        s_tell_all (self, self->asked, counted ? (uint64_t)reply->integer : 0);
    }
    while (zlistx_size (self->asked)) {
        zlistx_add_end (self->waiting, zlistx_detach (self->asked, NULL));
    }
}

void replicas_add (replicas_t *self, call_t *call)
{
    call->due++;
    zlistx_add_end (self->waiting, call);
}

link_t *replicas_link (replicas_t *self)
{
    return self->link;
}

void replicas_work (replicas_t *self)
{
    if (self->asking || !link_is_up (self->link) || zlistx_size (self->waiting) == 0) {
        return;
    }
    zlistx_t *asked = self->asked;
    self->asked = self->waiting;
    self->waiting = asked;
    self->asking = true;
    char numbers[2][SPAN_NUMBER];
    span_t publish[] = {span_text ("PUBLISH"), span_text (self->channel), span_text ("")};
    link_command (self->link, s_on_publish, NULL, 3, publish);
    span_t wait[] = {span_text ("WAIT"), span_number (numbers[0], self->least), span_number (numbers[1], WAIT_MS)};
    link_command (self->link, s_on_wait, NULL, 3, wait);
}

replicas_t *replicas_new (const config_t *config, const char *redis_url, replicas_told_fn *told)
{
    if (config->min_replicas == 0) {
        return NULL;
    }
    replicas_t *self = calloc (1, sizeof *self);
    self->told = told;
    self->least = (uint64_t)config->min_replicas;
    self->waiting = zlistx_new ();
    self->asked = zlistx_new ();
    self->channel = store_key (config->prefix, "replicas");
    self->link = link_new ("replicas", redis_url, config->prefix, NULL, self);
    return self;
}

void replicas_destroy (replicas_t **self_p)
{
    replicas_t *self = *self_p;
    if (!self) {
        return;
    }
    link_destroy (&self->link);
    s_tell_all (self, self->waiting, 0);
    zlistx_destroy (&self->waiting);
    zlistx_destroy (&self->asked);
    free (self->channel);
    free (self);
    *self_p = NULL;
}
