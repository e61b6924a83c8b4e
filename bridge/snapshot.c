//  snapshot - tells the monitor. In its actor's thread; never waits, and costs a turn of the loop next to nothing.
//
//  A turn within EVERY_MS after the last look is only noted; the deadline brings the actor back to it.

#include "snapshot.h"

enum { EVERY_MS = 200 };

struct snapshots {
    const link_t *link;
    const counters_t *counters;
    zsock_t *monitor;
    snapshot_t last;  //  told
    int64_t look_at_ms;
    bool turned;  //  since the last look
};

snapshots_t *snapshots_new (const char *actor, const link_t *link, const counters_t *counters)
{
    snapshots_t *self = calloc (1, sizeof *self);
    self->link = link;
    self->counters = counters;
    self->monitor = zsock_new (ZMQ_PUSH);
    zsock_set_linger (self->monitor, 0);
    zsock_connect (self->monitor, SNAPSHOT_ENDPOINT);
    snprintf (self->last.actor, sizeof self->last.actor, "%s", actor);
    return self;
}

void snapshots_destroy (snapshots_t **self_p)
{
    snapshots_t *self = *self_p;
    if (self) {
        zsock_destroy (&self->monitor);
        free (self);
        *self_p = NULL;
    }
}

static void s_fill (const snapshots_t *self, snapshot_t *now, const char *refusal)
{
    const link_store_t *store = link_store (self->link);
    memcpy (now->actor, self->last.actor, sizeof now->actor);
    now->up = link_is_up (self->link);
    snprintf (now->trouble, sizeof now->trouble, "%s", !now->up ? link_trouble (self->link) : refusal ? refusal : "");
    now->silent_since_ms = link_silent_since_ms (self->link);
    snprintf (now->durability, sizeof now->durability, "%s", store->version[0] ? store->durability : "");
    memcpy (now->redis_version, store->version, sizeof now->redis_version);
    now->counters = *self->counters;
}

void snapshots_work (snapshots_t *self, const char *refusal)
{
    int64_t now_ms = zclock_mono ();
    bool refused = self->last.up && self->last.trouble[0];
    bool news = link_is_up (self->link) != self->last.up || (refusal && *refusal) != refused;
    if (now_ms < self->look_at_ms && !news) {
        self->turned = true;
        return;
    }
    self->look_at_ms = now_ms + EVERY_MS;
    self->turned = false;
    snapshot_t now;
    memset (&now, 0, sizeof now);  //  what lies between its fields is compared too
    s_fill (self, &now, refusal);
    if (memcmp (&now, &self->last, sizeof now) != 0 &&
        zmq_send (zsock_resolve (self->monitor), &now, sizeof now, ZMQ_DONTWAIT) >= 0) {
        memcpy (&self->last, &now, sizeof now);
    }
}

int64_t snapshots_deadline_ms (const snapshots_t *self)
{
    return self->turned ? self->look_at_ms : INT64_MAX;
}
