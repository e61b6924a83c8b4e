//  buckets - a histogram whose bounds are fixed: one increment for each value. Constant bounds, owned by nobody.

#ifndef BUCKETS_H_INCLUDED
#define BUCKETS_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

enum { BUCKETS = 17 };  //  the last has no bound

typedef struct {
    uint64_t counts[BUCKETS];  //  of the values up to the bucket's bound and above the one before
    uint64_t sum;              //  of the values
} buckets_t;

//  The bounds of a kind of values, ascending; the last for which there is a bucket is UINT64_MAX.
extern const uint64_t buckets_of_us[BUCKETS];        //  microseconds
extern const uint64_t buckets_of_messages[BUCKETS];  //  messages of a batch

static inline void buckets_add (buckets_t *self, const uint64_t *bounds, uint64_t value)
{
    size_t i = 0;
    while (value > bounds[i]) {
        i++;
    }
    self->counts[i]++;
    self->sum += value;
}

#endif
