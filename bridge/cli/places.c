//  places - see places.h. An array in the order of the channels' names.

#include "places.h"
#include <assert.h>
#include <stdlib.h>

struct places_s {
    place_t *places;
    size_t count, room;
};

places_t *places_new (void)
{
    places_t *self = calloc (1, sizeof *self);
    assert (self);
    return self;
}

void places_clear (places_t *self)
{
    while (self->count > 0) {
        free ((char *)self->places[--self->count].channel.data);
    }
}

void places_destroy (places_t **self_p)
{
    places_t *self = *self_p;
    if (self) {
        places_clear (self);
        free (self->places);
        free (self);
        *self_p = NULL;
    }
}

place_t *places_of (places_t *self, span_t channel)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = span_compare (self->places[middle].channel, channel);
        if (order == 0) {
            return &self->places[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    if (self->count == self->room) {
        self->room = self->room ? 2 * self->room : 16;
        self->places = realloc (self->places, self->room * sizeof *self->places);
        assert (self->places);
    }
    char *name = malloc (channel.size + 1);
    assert (name);
    memcpy (name, channel.data, channel.size);
    memmove (&self->places[low + 1], &self->places[low], (self->count - low) * sizeof *self->places);
    self->count++;
    self->places[low] = (place_t){span_of (name, channel.size), 0, true};
    return &self->places[low];
}
