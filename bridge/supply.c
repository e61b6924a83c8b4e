//  supply - the channels of a [[workers]] section. In its pusher's thread; holds names and numbers only.
//
//  LIMIT: a channel that has come stays, and each search for work passes over those that have none.

#include "limit.h"
#include "name.h"
#include "store.h"
#include "supply.h"

struct supply {
    const workers_t *section;
    const char *prefix;
    source_t **sources;  //  by rank, and then by name
    size_t count;
    zhashx_t *by_name;
};

supply_t *supply_new (const workers_t *section, const char *prefix)
{
    supply_t *self = calloc (1, sizeof *self);
    self->section = section;
    self->prefix = prefix;
    self->by_name = zhashx_new ();
    for (size_t i = 0; i < section->channels.count; i++) {
        span_t name = span_text (section->channels.items[i]);
        if (glob_is_name (name)) {
            supply_tell (self, name);
        }
    }
    return self;
}

void supply_destroy (supply_t **self_p)
{
    supply_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        source_t *source = self->sources[i];
        free (source->name);
        free (source->meta_key);
        free (source->log_key);
        free (source->load_key);
        free (source);
    }
    free (self->sources);
    zhashx_destroy (&self->by_name);
    free (self);
    *self_p = NULL;
}

static source_t *s_new_source (const supply_t *self, span_t channel, size_t rank)
{
    source_t *source = calloc (1, sizeof *source);
    char *load = zsys_sprintf ("load:%s", self->section->group);
    source->name = strndup (channel.data, channel.size);
    source->meta_key = store_channel_key (self->prefix, channel, "meta");
    source->log_key = store_channel_key (self->prefix, channel, "log");
    source->load_key = store_channel_key (self->prefix, channel, load);
    source->rank = rank;
    free (load);
    return source;
}

static void s_insert (supply_t *self, source_t *source)
{
    self->sources = realloc (self->sources, (self->count + 1) * sizeof *self->sources);
    size_t at = self->count++;
    for (; at > 0; at--) {
        const source_t *before = self->sources[at - 1];
        if (before->rank < source->rank || (before->rank == source->rank && strcmp (before->name, source->name) < 0)) {
            break;
        }
        self->sources[at] = self->sources[at - 1];
    }
    self->sources[at] = source;
    zhashx_insert (self->by_name, source->name, source);
}

source_t *supply_tell (supply_t *self, span_t channel)
{
    char name[LIMIT_NAME_BYTES + 1];
    snprintf (name, sizeof name, "%.*s", (int)channel.size, channel.data);
    source_t *source = zhashx_lookup (self->by_name, name);
    const strings_t *channels = &self->section->channels;
    for (size_t rank = 0; !source && rank < channels->count; rank++) {
        if (glob_matches (span_text (channels->items[rank]), channel)) {
            source = s_new_source (self, channel, rank);
            s_insert (self, source);
        }
    }
    if (source) {
        source->maybe = true;
    }
    return source;
}

void supply_tell_all (supply_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        self->sources[i]->maybe = true;
    }
}

source_t *supply_first (const supply_t *self)
{
    size_t i = 0;
    while (i < self->count && !self->sources[i]->maybe) {
        i++;
    }
    return i < self->count ? self->sources[i] : NULL;
}

size_t supply_count (const supply_t *self)
{
    return self->count;
}

source_t *supply_at (const supply_t *self, size_t index)
{
    return self->sources[index];
}

size_t supply_load (const supply_t *self)
{
    size_t load = 0;
    for (size_t i = 0; i < self->count; i++) {
        load += self->sources[i]->load;
    }
    return load;
}
