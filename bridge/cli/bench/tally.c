//  tally - follows the numbers of each producer in each channel. Owned by one thread at a time.
//
//  A track is one producer in one channel; its places are 0, 1, 2 … (number / channels). While all comes in order, a
//  track is one number; what was skipped stands in holes, ascending and disjoint.

#include "tally.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t first, last;
} hole_t;

typedef struct {
    hole_t *holes;
    uint32_t hole_count, hole_room;
    uint32_t next;  //  above the highest place that came
} track_t;

struct tally_s {
    size_t producers, channels;
    uint64_t count;
    track_t *tracks;
};

tally_t *tally_new (size_t producers, size_t channels)
{
    tally_t *self = calloc (1, sizeof *self);
    assert (self);
    self->producers = producers;
    self->channels = channels;
    self->tracks = calloc (producers * channels, sizeof *self->tracks);
    assert (self->tracks);
    return self;
}

void tally_destroy (tally_t **self_p)
{
    tally_t *self = *self_p;
    if (self) {
        for (size_t at = 0; at < self->producers * self->channels; at++) {
            free (self->tracks[at].holes);
        }
        free (self->tracks);
        free (self);
        *self_p = NULL;
    }
}

//  The index of the first hole that ends at or above this place.
static uint32_t s_find (const track_t *track, uint32_t place)
{
    uint32_t low = 0, high = track->hole_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (track->holes[middle].last < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void s_insert (track_t *track, uint32_t at, hole_t hole)
{
    if (track->hole_count == track->hole_room) {
        track->hole_room = track->hole_room ? 2 * track->hole_room : 8;
        track->holes = realloc (track->holes, track->hole_room * sizeof *track->holes);
        assert (track->holes);
    }
    memmove (track->holes + at + 1, track->holes + at, (track->hole_count - at) * sizeof hole);
    track->holes[at] = hole;
    track->hole_count++;
}

//  Takes a place out of the holes; false when it stood in none.
static bool s_fill (track_t *track, uint32_t place)
{
    uint32_t at = s_find (track, place);
    if (at == track->hole_count || track->holes[at].first > place) {
        return false;
    }
    hole_t *hole = track->holes + at;
    if (hole->first < place && place < hole->last) {
        hole_t upper = {place + 1, hole->last};
        hole->last = place - 1;
        s_insert (track, at + 1, upper);
    } else if (hole->first == hole->last) {
        track->hole_count--;
        memmove (hole, hole + 1, (track->hole_count - at) * sizeof *hole);
    } else if (hole->first == place) {
        hole->first++;
    } else {
        hole->last--;
    }
    return true;
}

tally_verdict_t tally_add (tally_t *self, size_t producer, uint32_t number)
{
    assert (producer < self->producers);
    track_t *track = self->tracks + producer * self->channels + number % self->channels;
    uint32_t place = (uint32_t)(number / self->channels);
    if (place < track->next) {
        if (!s_fill (track, place)) {
            return TALLY_DOUBLE;
        }
        self->count++;
        return TALLY_LATE;
    }
    if (place > track->next) {
        s_insert (track, track->hole_count, (hole_t){track->next, place - 1});
    }
    track->next = place + 1;
    self->count++;
    return TALLY_NEXT;
}

uint64_t tally_count (const tally_t *self)
{
    return self->count;
}

uint64_t tally_missing (const tally_t *self, size_t producer, uint32_t sent, bool holes_only)
{
    uint64_t missing = 0;
    for (size_t channel = 0; channel < self->channels; channel++) {
        const track_t *track = self->tracks + producer * self->channels + channel;
        uint64_t places = (sent + self->channels - 1 - channel) / self->channels;
        for (uint32_t at = 0; at < track->hole_count; at++) {
            missing += track->holes[at].last - track->holes[at].first + 1;
        }
        if (!holes_only && places > track->next) {
            missing += places - track->next;
        }
    }
    return missing;
}
