//  schedule - a heap of channels by time. In its owner's thread; never talks to anything.
//
//  heap[0] is the first; each knows its place, so that it can move up when it is due sooner.

#include <czmq.h>
#include "schedule.h"

typedef struct {
    char *name;
    int64_t at_ms;
    size_t place;
} item_t;

struct schedule {
    zhashx_t *items;  //  name → item_t, owned
    item_t **heap;
    size_t count;
    size_t room;
};

static void s_destroy_item (void **item_p)
{
    item_t *item = *item_p;
    free (item->name);
    free (item);
    *item_p = NULL;
}

schedule_t *schedule_new (void)
{
    schedule_t *self = calloc (1, sizeof *self);
    self->items = zhashx_new ();
    zhashx_set_destructor (self->items, s_destroy_item);
    zhashx_set_key_duplicator (self->items, NULL);
    zhashx_set_key_destructor (self->items, NULL);
    return self;
}

void schedule_destroy (schedule_t **self_p)
{
    schedule_t *self = *self_p;
    if (self) {
        zhashx_destroy (&self->items);
        free (self->heap);
        free (self);
        *self_p = NULL;
    }
}

static void s_put (schedule_t *self, size_t place, item_t *item)
{
    self->heap[place] = item;
    item->place = place;
}

static void s_rise (schedule_t *self, item_t *item)
{
    size_t place = item->place;
    while (place > 0 && item->at_ms < self->heap[(place - 1) / 2]->at_ms) {
        s_put (self, place, self->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    s_put (self, place, item);
}

static void s_sink (schedule_t *self, item_t *item)
{
    size_t place = item->place;
    for (size_t child; (child = 2 * place + 1) < self->count; place = child) {
        if (child + 1 < self->count && self->heap[child + 1]->at_ms < self->heap[child]->at_ms) {
            child++;
        }
        if (item->at_ms <= self->heap[child]->at_ms) {
            break;
        }
        s_put (self, place, self->heap[child]);
    }
    s_put (self, place, item);
}

static item_t *s_insert (schedule_t *self, char *name)
{
    if (self->count == self->room) {
        self->room = 2 * self->room + 64;
        self->heap = realloc (self->heap, self->room * sizeof *self->heap);
    }
    item_t *item = malloc (sizeof *item);
    *item = (item_t){name, INT64_MAX, 0};
    zhashx_insert (self->items, name, item);
    s_put (self, self->count++, item);
    return item;
}

void schedule_add (schedule_t *self, span_t channel, int64_t at_ms)
{
    char *name = strndup (channel.data, channel.size);
    item_t *item = zhashx_lookup (self->items, name);
    if (item) {
        free (name);
    } else {
        item = s_insert (self, name);
    }
    if (at_ms < item->at_ms) {
        item->at_ms = at_ms;
        s_rise (self, item);
    }
}

int64_t schedule_first_ms (const schedule_t *self)
{
    return self->count > 0 ? self->heap[0]->at_ms : INT64_MAX;
}

char *schedule_take (schedule_t *self)
{
    if (self->count == 0) {
        return NULL;
    }
    item_t *first = self->heap[0], *last = self->heap[--self->count];
    if (first != last) {
        s_put (self, 0, last);
        s_sink (self, last);
    }
    char *name = strdup (first->name);
    zhashx_delete (self->items, name);
    return name;
}
