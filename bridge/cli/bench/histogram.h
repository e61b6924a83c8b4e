//  histogram - how often each value came, in buckets that are fine where values are small (as HDR histograms are).
//
//  Values are any unit, 0 to UINT64_MAX. What is told of a value is never below it, and above it by at most
//  1 part in 128; values below 256, the least and the greatest are exact. No allocation after the first.

#ifndef HISTOGRAM_H_INCLUDED
#define HISTOGRAM_H_INCLUDED

#include <stdint.h>

typedef struct histogram_s histogram_t;

//  The caller destroys it.
histogram_t *histogram_new (void);
void histogram_destroy (histogram_t **self_p);

void histogram_add (histogram_t *self, uint64_t value);

//  Adds all that the other has.
void histogram_merge (histogram_t *self, const histogram_t *other);

uint64_t histogram_count (const histogram_t *self);

//  0 when nothing was added; so are all below.
uint64_t histogram_least (const histogram_t *self);
uint64_t histogram_greatest (const histogram_t *self);
double histogram_mean (const histogram_t *self);

//  The value that a share of all (0 to 1) does not exceed: 0.5 is the median.
uint64_t histogram_share (const histogram_t *self, double share);

#endif
