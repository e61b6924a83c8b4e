//  histogram - counts values in buckets. Owned by one thread at a time.
//
//  Values below 256 have a bucket each. Above, each doubling (256-511, 512-1023, …) is cut into 128 buckets, which
//  are found by the value's highest 8 bits: so a bucket is as wide as 1 part in 128 of its lowest value.

#include "histogram.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum {
    FINE_BITS = 7,
    FINE = 1 << FINE_BITS,                 //  buckets of a doubling
    BUCKETS = (64 - FINE_BITS + 1) * FINE  //  the first two "doublings" are the values 0-255
};

struct histogram_s {
    uint64_t counts[BUCKETS];
    uint64_t count;
    uint64_t least;
    uint64_t greatest;
    double sum;
};

histogram_t *histogram_new (void)
{
    histogram_t *self = calloc (1, sizeof *self);
    assert (self);
    self->least = UINT64_MAX;
    return self;
}

void histogram_destroy (histogram_t **self_p)
{
    free (*self_p);
    *self_p = NULL;
}

//  How many of the value's lowest bits its bucket ignores.
static unsigned s_shift (uint64_t value)
{
    return value < 2 * FINE ? 0 : (unsigned)(63 - FINE_BITS - __builtin_clzll (value));
}

static size_t s_bucket (uint64_t value)
{
    unsigned shift = s_shift (value);
    return (size_t)shift * FINE + (size_t)(value >> shift);
}

//  The highest value of a bucket.
static uint64_t s_highest (size_t bucket)
{
    if (bucket < 2 * FINE) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / FINE - 1);
    uint64_t lowest = (uint64_t)(FINE + bucket % FINE) << shift;
    return lowest + ((UINT64_C (1) << shift) - 1);
}

void histogram_add (histogram_t *self, uint64_t value)
{
    self->counts[s_bucket (value)]++;
    self->count++;
    self->sum += (double)value;
    self->least = value < self->least ? value : self->least;
    self->greatest = value > self->greatest ? value : self->greatest;
}

void histogram_merge (histogram_t *self, const histogram_t *other)
{
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        self->counts[bucket] += other->counts[bucket];
    }
    self->count += other->count;
    self->sum += other->sum;
    self->least = other->least < self->least ? other->least : self->least;
    self->greatest = other->greatest > self->greatest ? other->greatest : self->greatest;
}

uint64_t histogram_count (const histogram_t *self)
{
    return self->count;
}

uint64_t histogram_least (const histogram_t *self)
{
    return self->count ? self->least : 0;
}

uint64_t histogram_greatest (const histogram_t *self)
{
    return self->greatest;
}

double histogram_mean (const histogram_t *self)
{
    return self->count ? self->sum / (double)self->count : 0;
}

uint64_t histogram_share (const histogram_t *self, double share)
{
    assert (share >= 0 && share <= 1);
    uint64_t rank = (uint64_t)ceil (share * (double)self->count);
    uint64_t passed = 0;
    for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
        passed += self->counts[bucket];
        if (passed > 0 && passed >= rank) {
            uint64_t highest = s_highest (bucket);
            return highest < self->greatest ? highest : self->greatest;
        }
    }
    return self->greatest;
}
