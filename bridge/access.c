//  access - judges by the first rule that a client's name matches. In the thread of the actor that owns it.

#include "access.h"
#include "name.h"

typedef struct {
    char *client;  //  glob
    strings_t allowed[RIGHT_COUNT];
} grant_t;

typedef struct {
    char name[LIMIT_NAME_BYTES + 1];
    const grant_t *grant;  //  NULL: none
} known_t;

struct access {
    grant_t *grants;
    size_t count;
    zhashx_t *known;  //  public key → known_t
    struct {
        char key[CERTIFICATE_KEY_CHARS + 1];
        right_t right;
        char channel[LIMIT_NAME_BYTES];
        size_t channel_size;  //  0: nothing was asked yet
        bool allowed;
    } last;
};

static void s_destroy_known (void **known_p)
{
    free (*known_p);
    *known_p = NULL;
}

static void s_copy_list (strings_t *to, const strings_t *from)
{
    to->items = calloc (from->count + 1, sizeof *to->items);
    to->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = strdup (from->items[i]);
    }
}

static void s_copy_rules (access_t *self, const rule_t *rules, size_t count)
{
    self->grants = calloc (count + 1, sizeof *self->grants);
    self->count = count;
    for (size_t i = 0; i < count; i++) {
        const strings_t *const lists[RIGHT_COUNT] = {[RIGHT_PUBLISH] = &rules[i].publish,
            [RIGHT_SUBSCRIBE] = &rules[i].subscribe,
            [RIGHT_CONSUME] = &rules[i].consume,
            [RIGHT_ADMIN] = &rules[i].admin};
        self->grants[i].client = strdup (rules[i].client);
        for (right_t right = 0; right < RIGHT_COUNT; right++) {
            s_copy_list (&self->grants[i].allowed[right], lists[right]);
        }
    }
}

static const grant_t *s_grant (const access_t *self, const char *name)
{
    for (size_t i = 0; i < self->count; i++) {
        if (glob_matches (span_text (self->grants[i].client), span_text (name))) {
            return &self->grants[i];
        }
    }
    return NULL;
}

access_t *access_new (const clients_t *clients, const config_t *config)
{
    access_t *self = calloc (1, sizeof *self);
    if (config->rules.count) {
        s_copy_rules (self, config->rules.items, config->rules.count);
    } else {
        char *every[] = {"*"};
        strings_t all = {every, 1}, none = {NULL, 0};
        rule_t rule = {"*", all, all, all, none};
        s_copy_rules (self, &rule, 1);
    }
    self->known = zhashx_new ();
    zhashx_set_destructor (self->known, s_destroy_known);
    for (size_t i = 0; i < clients->count; i++) {
        known_t *known = calloc (1, sizeof *known);
        memcpy (known->name, clients->items[i].name, sizeof known->name);
        known->grant = s_grant (self, known->name);
        zhashx_insert (self->known, clients->items[i].key, known);
    }
    return self;
}

void access_destroy (access_t **self_p)
{
    access_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        for (right_t right = 0; right < RIGHT_COUNT; right++) {
            for (size_t at = 0; at < self->grants[i].allowed[right].count; at++) {
                free (self->grants[i].allowed[right].items[at]);
            }
            free (self->grants[i].allowed[right].items);
        }
        free (self->grants[i].client);
    }
    free (self->grants);
    zhashx_destroy (&self->known);
    free (self);
    *self_p = NULL;
}

static const known_t *s_known (const access_t *self, const char *key)
{
    return key ? zhashx_lookup (self->known, key) : NULL;
}

const char *access_client (const access_t *self, const char *key)
{
    const known_t *known = s_known (self, key);
    return known ? known->name : NULL;
}

static bool s_allows (const access_t *self, const char *key, right_t right, span_t channel)
{
    const known_t *known = s_known (self, key);
    const strings_t *allowed = known && known->grant ? &known->grant->allowed[right] : NULL;
    for (size_t i = 0; allowed && i < allowed->count; i++) {
        if (glob_matches (span_text (allowed->items[i]), channel)) {
            return true;
        }
    }
    return false;
}

bool access_allows (access_t *self, const char *key, right_t right, span_t channel)
{
    if (!self) {
        return true;
    }
    if (!key || channel.size == 0 || channel.size > sizeof self->last.channel) {
        return false;
    }
    bool same = self->last.channel_size == channel.size && self->last.right == right &&
                memcmp (self->last.channel, channel.data, channel.size) == 0 && streq (self->last.key, key);
    if (!same) {
        snprintf (self->last.key, sizeof self->last.key, "%s", key);
        self->last.right = right;
        memcpy (self->last.channel, channel.data, channel.size);
        self->last.channel_size = channel.size;
        self->last.allowed = s_allows (self, key, right, channel);
    }
    return self->last.allowed;
}

//  A name covers the subscription to it, which ZeroMQ matches as a prefix; with * behind it all that begins so.
static bool s_covers (const char *topic, span_t prefix)
{
    size_t size = strlen (topic);
    bool is_open = size > 0 && topic[size - 1] == '*';
    size -= is_open;
    return (is_open ? prefix.size >= size : prefix.size == size) && memcmp (prefix.data, topic, size) == 0;
}

bool access_allows_topic (const access_t *self, const char *key, span_t prefix)
{
    if (!self) {
        return true;
    }
    const known_t *known = s_known (self, key);
    const strings_t *allowed = known && known->grant ? &known->grant->allowed[RIGHT_SUBSCRIBE] : NULL;
    bool allows = known && span_eq (prefix, "$heads");
    for (size_t i = 0; allowed && i < allowed->count && !allows; i++) {
        allows = s_covers (allowed->items[i], prefix);
    }
    return allows;
}

void access_send (access_t *self, zactor_t *actor)
{
    zsock_send (actor, "sp", "$ACCESS", self);
}

bool access_listen (access_t **self_p, zsock_t *pipe)
{
    char *word = NULL;
    access_t *access = NULL;
    bool came = zsock_recv (pipe, "sp", &word, &access) == 0 && word && streq (word, "$ACCESS");
    freen (word);
    if (came) {
        access_destroy (self_p);
        *self_p = access;
    }
    return came;
}
