//  returns - taken messages that go back. In control's thread.
//
//  Each step stands in the list until Redis has confirmed it, and is sent again after a lost connection: a lease that
//  went back before is not touched by that. What Redis refuses is left to run out, and so is what exceeds STEPS.

#include "returns.h"
#include "store.h"

enum { STEPS = 10000, IDS_AT_ONCE = 500 };

typedef struct {
    char *channel;
    uint64_t lease;
} lease_t;

struct leases {
    char *group;
    lease_t *items;
    size_t count;
};

leases_t *leases_new (span_t group)
{
    leases_t *self = calloc (1, sizeof *self);
    self->group = strndup (group.data, group.size);
    return self;
}

void leases_destroy (leases_t **self_p)
{
    leases_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->count; i++) {
            free (self->items[i].channel);
        }
        free (self->items);
        free (self->group);
        free (self);
        *self_p = NULL;
    }
}

void leases_add (leases_t *self, span_t channel, uint64_t lease)
{
    self->items = realloc (self->items, (self->count + 1) * sizeof *self->items);
    self->items[self->count++] = (lease_t){strndup (channel.data, channel.size), lease};
}

//  One call of release.lua.
typedef struct {
    returns_t *owner;
    void *place;
    char *channel;
    char *group;
    uint64_t lease;
    uint64_t first;  //  0: the whole lease
    uint64_t last;
    bool sent;
} step_t;

struct returns {
    const config_t *config;
    link_t *const *link;
    zlistx_t *steps;
};

static void s_destroy_step (void **step_p)
{
    step_t *step = *step_p;
    free (step->channel);
    free (step->group);
    free (step);
    *step_p = NULL;
}

returns_t *returns_new (const config_t *config, link_t *const *link)
{
    returns_t *self = calloc (1, sizeof *self);
    self->config = config;
    self->link = link;
    self->steps = zlistx_new ();
    zlistx_set_destructor (self->steps, s_destroy_step);
    return self;
}

void returns_destroy (returns_t **self_p)
{
    returns_t *self = *self_p;
    if (self) {
        zlistx_destroy (&self->steps);
        free (self);
        *self_p = NULL;
    }
}

static void s_on_released (void *owner, void *arg, redisReply *reply)
{
    step_t *step = arg;
    if (reply) {
        zlistx_delete (step->owner->steps, step->place);
    } else {
        step->sent = false;
    }
}

static void s_send (returns_t *self, step_t *step)
{
    if (step->sent || !*self->link || !link_is_up (*self->link)) {
        return;
    }
    char lease[SPAN_NUMBER], ids[IDS_AT_ONCE][SPAN_NUMBER];
    span_t words[4 + 2 * IDS_AT_ONCE];
    char *meta = store_channel_key (self->config->prefix, span_text (step->channel), "meta");
    int count = 0;
    words[count++] = span_text ("1");
    words[count++] = span_text (meta);
    words[count++] = span_text (step->group);
    words[count++] = span_text (step->first ? "items" : "leases");
    span_t number = span_number (lease, step->lease);
    if (!step->first) {
        words[count++] = number;
    }
    for (uint64_t id = step->first; id && id <= step->last; id++) {
        words[count++] = span_number (ids[id - step->first], id);
        words[count++] = number;
    }
    step->sent = true;
    link_script (*self->link, SCRIPT_RELEASE, s_on_released, step, count, words);
    free (meta);
}

static void s_add (returns_t *self, const step_t *like)
{
    if (zlistx_size (self->steps) >= STEPS) {
        return;
    }
    step_t *step = malloc (sizeof *step);
    *step = *like;
    step->owner = self;
    step->channel = strdup (like->channel);
    step->group = strdup (like->group);
    step->place = zlistx_add_end (self->steps, step);
    s_send (self, step);
}

void returns_leases (returns_t *self, leases_t **leases_p)
{
    leases_t *leases = *leases_p;
    for (size_t i = 0; leases && i < leases->count; i++) {
        step_t step = {.channel = leases->items[i].channel, .group = leases->group, .lease = leases->items[i].lease};
        s_add (self, &step);
    }
    leases_destroy (leases_p);
}

void returns_run (returns_t *self, span_t channel, span_t group, uint64_t lease, uint64_t first, uint64_t last)
{
    char *channel_name = strndup (channel.data, channel.size), *group_name = strndup (group.data, group.size);
    step_t step = {.channel = channel_name, .group = group_name, .lease = lease};
    for (step.first = first; step.first <= last; step.first += IDS_AT_ONCE) {
        step.last = last - step.first < IDS_AT_ONCE ? last : step.first + IDS_AT_ONCE - 1;
        s_add (self, &step);
    }
    free (channel_name);
    free (group_name);
}

void returns_again (returns_t *self)
{
    for (step_t *step = zlistx_first (self->steps); step; step = zlistx_next (self->steps)) {
        s_send (self, step);
    }
}

size_t returns_count (const returns_t *self)
{
    return zlistx_size (self->steps);
}
