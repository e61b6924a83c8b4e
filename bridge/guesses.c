//  guesses - one for each channel and group that is taken from. In control's thread.
//
//  A group is guessed at once a take has begun where the one before had ended, which is so while nothing comes back and
//  nobody takes over another bridge. Takes may overlap: each is guessed to bring as many as it may.

#include <czmq.h>
#include "guesses.h"
#include "limit.h"

enum { GROUPS = 10000 };  //  of which something is known

typedef struct {
    uint64_t next;  //  where the next one begins
    bool sure;
    uint64_t member_last;  //  see brought_t
    uint64_t member_ids;
} place_t;

struct guesses {
    zhashx_t *places;  //  "channel group" → place_t
};

static void s_destroy_place (void **place_p)
{
    free (*place_p);
    *place_p = NULL;
}

guesses_t *guesses_new (void)
{
    guesses_t *self = calloc (1, sizeof *self);
    self->places = zhashx_new ();
    zhashx_set_destructor (self->places, s_destroy_place);
    return self;
}

void guesses_destroy (guesses_t **self_p)
{
    guesses_t *self = *self_p;
    if (self) {
        zhashx_destroy (&self->places);
        free (self);
        *self_p = NULL;
    }
}

static place_t *s_place (guesses_t *self, span_t channel, span_t group)
{
    char name[2 * LIMIT_NAME_BYTES + 2];
    memcpy (name, channel.data, channel.size);
    name[channel.size] = ' ';
    memcpy (name + channel.size + 1, group.data, group.size);
    name[channel.size + 1 + group.size] = 0;
    place_t *place = zhashx_lookup (self->places, name);
    if (!place) {
        if (zhashx_size (self->places) >= GROUPS) {
            zhashx_purge (self->places);
        }
        place = calloc (1, sizeof *place);
        zhashx_insert (self->places, name, place);
    }
    return place;
}

//  How many members hold these ids, when all are as large as the last one.
static uint64_t s_members (const place_t *place, uint64_t first, uint64_t last)
{
    uint64_t end = first <= place->member_last ? place->member_last : first + place->member_ids - 1;
    return last <= end ? 1 : 1 + (last - end + place->member_ids - 1) / place->member_ids;
}

guess_t guesses_begin (guesses_t *self, span_t channel, span_t group, uint64_t most)
{
    place_t *place = s_place (self, channel, group);
    if (!place->sure || place->member_ids == 0) {
        return (guess_t){0, 0, 0};
    }
    uint64_t behind = place->next + most;
    guess_t guess = {place->next, behind, s_members (place, place->next, behind - 1)};
    place->next = behind;
    return guess;
}

void guesses_end (guesses_t *self, span_t channel, span_t group, guess_t guess, brought_t brought)
{
    place_t *place = s_place (self, channel, group);
    uint64_t next = brought.first > 0 ? brought.last + 1 : guess.first;
    if (guess.first > 0 && (brought.first == 0 || brought.first == guess.first)) {
        place->next -= guess.behind - next;  //  what was sent meanwhile begins where this one ended
    } else if (brought.first > 0) {
        place->sure = guess.first == 0 && brought.first == place->next;
        place->next = next;
    }
    place->sure = place->sure && !brought.refused;
    if (brought.first > 0) {
        place->member_last = brought.member_last;
        place->member_ids = brought.member_ids;
    }
}
