//  refusal - whether Redis takes writes. In the lane's thread; never waits.

#include <czmq.h>
#include "log.h"
#include "refusal.h"

enum { TRY_EVERY_MS = 1000 };

void refusal_told (refusal_t *self, const char *channel, const char *why)
{
    int64_t now_ms = zclock_mono ();
    snprintf (self->why, sizeof self->why, "%s", why);
    if (!self->channel) {
        self->channel = strdup (channel);
        self->try_at_ms = now_ms + TRY_EVERY_MS;
    }
    if (rate_count (&self->rate)) {
        log_write (LEVEL_WARN, "lane", "append_refused", "channel=%s why=\"%s\"", channel, why);
    }
}

void refusal_over (refusal_t *self)
{
    if (self->channel) {
        self->why[0] = 0;
        free (self->channel);
        self->channel = NULL;
    }
}

int64_t refusal_deadline_ms (const refusal_t *self)
{
    return self->channel && !self->trying ? self->try_at_ms : INT64_MAX;
}

static void s_on_tried (void *owner, void *arg, redisReply *reply)
{
    refusal_t *self = arg;
    self->trying = false;
    self->try_at_ms = zclock_mono () + TRY_EVERY_MS;
    if (reply && reply->type != REDIS_REPLY_ERROR) {
        refusal_over (self);
    }
}

void refusal_work (refusal_t *self, link_t *link, const char *channels_key)
{
    if (!link_is_up (link)) {
        refusal_over (self);
    } else if (zclock_mono () >= refusal_deadline_ms (self)) {
        self->trying = true;
        span_t words[] = {
            span_text ("ZADD"), span_text (channels_key), span_text ("NX"), span_text ("0"), span_text (self->channel)};
        link_command (link, s_on_tried, self, 5, words);
    }
}
