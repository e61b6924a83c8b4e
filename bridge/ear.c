//  ear - hears what is appended in Redis, and what can be taken. In its owner's thread; it asks for nothing but to listen.

#include <czmq.h>
#include "ear.h"
#include "name.h"
#include "store.h"

enum { TEXT_BYTES = 420 };  //  two numbers and a name, or two names

struct ear {
    link_t *link;
    char *appended;  //  Pub/Sub channels
    char *takeable;
    ear_appended_fn *on_appended;
    ear_takeable_fn *on_takeable;
    ear_missed_fn *on_missed;
    void *owner;
};

//  "<first> <head> <channel>", see KEYSPACE.md. Anybody may publish there: what is none is passed over.
static void s_on_appended (void *owner, span_t message)
{
    ear_t *self = owner;
    char text[TEXT_BYTES];
    uint64_t first, head;
    int at = 0;
    snprintf (text, sizeof text, "%.*s", (int)message.size, message.data);
    if (sscanf (text, "%" SCNu64 " %" SCNu64 " %n", &first, &head, &at) == 2 && at > 0 && first > 0 && first <= head) {
        span_t name = span_text (text + at);
        if (name_is_valid (name)) {
            self->on_appended (self->owner, name, first, head);
        }
    }
}

//  "<channel> <group>"; names have no spaces.
static void s_on_takeable (void *owner, span_t message)
{
    ear_t *self = owner;
    const char *space = memchr (message.data, ' ', message.size);
    if (space) {
        span_t channel = span_of (message.data, (size_t)(space - message.data));
        span_t group = span_of (space + 1, message.size - channel.size - 1);
        if (name_is_valid (channel) && name_is_valid (group)) {
            self->on_takeable (self->owner, channel, group);
        }
    }
}

//  What was announced until now may have been missed: nothing that is announced from now on is.
static void s_on_listening (void *owner, void *arg, redisReply *reply)
{
    ear_t *self = owner;
    if (reply) {
        self->on_missed (self->owner);
    }
}

static void s_on_state (void *owner, bool up)
{
    ear_t *self = owner;
    if (up && self->on_takeable) {
        link_listen (self->link, self->takeable, s_on_takeable, NULL);
    }
    if (up) {
        link_listen (self->link, self->appended, s_on_appended, s_on_listening);
    }
}

ear_t *ear_new (const char *actor, const char *redis_url, const char *prefix, ear_appended_fn *on_appended,
    ear_takeable_fn *on_takeable, ear_missed_fn *on_missed, void *owner)
{
    ear_t *self = calloc (1, sizeof *self);
    self->appended = store_key (prefix, "appended");
    self->takeable = store_key (prefix, "takeable");
    self->on_appended = on_appended;
    self->on_takeable = on_takeable;
    self->on_missed = on_missed;
    self->owner = owner;
    self->link = link_new (actor, redis_url, prefix, s_on_state, self);
    return self;
}

void ear_destroy (ear_t **self_p)
{
    ear_t *self = *self_p;
    if (self) {
        link_destroy (&self->link);
        free (self->appended);
        free (self->takeable);
        free (self);
        *self_p = NULL;
    }
}

link_t *ear_link (ear_t *self)
{
    return self->link;
}
