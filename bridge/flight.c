//  flight - how much is at Redis. Counts, and the bounds that were found by measuring (zrb bench, test_volume.py).

#include "flight.h"

enum {
    BATCHES = 64,  //  of all channels: Redis always has work, and what waits here gathers
    BYTES = 4194304,
    MEMBERS = 512,      //  Redis has work for a few milliseconds
    MEMBERS_SOON = 64,  //  for less than half of one
    BATCH_SOON = 32,    //  messages of a batch; where they share members, four times as many cost the same
    EXPECTED_MS = 1000  //  so long after a publish, or another message, the next one is expected
};

void flight_turn (flight_t *self)
{
    self->now_ms = zclock_mono ();
}

void flight_publish (flight_t *self, size_t messages)
{
    self->published_until_ms = self->now_ms + EXPECTED_MS;
    if (messages >= self->published || self->now_ms >= self->largest_until_ms) {
        self->published = messages;
        self->largest_until_ms = self->published_until_ms;
    }
}

void flight_take (flight_t *self)
{
    self->sent_until_ms = self->now_ms + EXPECTED_MS;
}

//  Both kinds come.
static bool s_is_shared (const flight_t *self)
{
    return self->now_ms < self->published_until_ms && self->now_ms < self->sent_until_ms;
}

bool flight_has_room (const flight_t *self)
{
    size_t soon = 2 * self->published > MEMBERS_SOON ? 2 * self->published : MEMBERS_SOON;
    size_t members = s_is_shared (self) && soon < MEMBERS ? soon : MEMBERS;
    return self->batches < BATCHES && self->members < members && self->bytes < BYTES;
}

size_t flight_batch_messages (const flight_t *self, size_t pack)
{
    size_t soon = pack > 1 ? 4 * BATCH_SOON : BATCH_SOON;
    return !s_is_shared (self) ? SIZE_MAX : self->published > soon ? self->published : soon;
}

void flight_add (flight_t *self, const batch_t *batch)
{
    self->batches++;
    self->members += batch->member_count;
    self->bytes += batch->bytes;
}

void flight_remove (flight_t *self, const batch_t *batch)
{
    self->batches--;
    self->members -= batch->member_count;
    self->bytes -= batch->bytes;
}
