//  hints - names channels to the keeper. In control's thread.
//
//  What is settled many times a second is named now and then only: the keeper waits a while before it looks
//  (KEEPER_SETTLED_MS), and until then sees what was settled meanwhile.

#include <czmq.h>
#include "hints.h"
#include "keeper.h"
#include "limit.h"

enum { CHANNELS = 10000 };  //  of which the last time is known

struct hints {
    const config_t *config;
    zsock_t *keeper;
    zhashx_t *named;  //  channel → when it was named last, as zclock_mono tells it
};

static void s_destroy_time (void **time_p)
{
    free (*time_p);
    *time_p = NULL;
}

hints_t *hints_new (const config_t *config)
{
    hints_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->keeper = zsock_new (ZMQ_PUSH);
    zsock_set_unbounded (self->keeper);
    zsock_connect (self->keeper, KEEPER_HINTS);
    self->named = zhashx_new ();
    zhashx_set_destructor (self->named, s_destroy_time);
    return self;
}

void hints_destroy (hints_t **self_p)
{
    hints_t *self = *self_p;
    if (self) {
        zsock_destroy (&self->keeper);
        zhashx_destroy (&self->named);
        free (self);
        *self_p = NULL;
    }
}

void hints_flushed (hints_t *self, span_t channel)
{
    zmq_send (zsock_resolve (self->keeper), channel.data, channel.size, ZMQ_DONTWAIT);
}

//  When the channel was named last; 0: never, or long ago. Borrowed until the next call.
static int64_t *s_last_time (hints_t *self, span_t channel)
{
    char name[LIMIT_NAME_BYTES + 1];
    snprintf (name, sizeof name, "%.*s", (int)channel.size, channel.data);
    int64_t *time_ms = zhashx_lookup (self->named, name);
    if (!time_ms) {
        if (zhashx_size (self->named) >= CHANNELS) {
            zhashx_purge (self->named);
        }
        time_ms = calloc (1, sizeof *time_ms);
        zhashx_insert (self->named, name, time_ms);
    }
    return time_ms;
}

void hints_settled (hints_t *self, span_t channel)
{
    if (!config_limits (self->config, channel).acked) {
        return;
    }
    int64_t now_ms = zclock_mono (), *last_ms = s_last_time (self, channel);
    if (*last_ms == 0 || now_ms - *last_ms >= KEEPER_SETTLED_MS / 2) {
        *last_ms = now_ms;
        hints_flushed (self, channel);
    }
}
