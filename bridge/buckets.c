//  buckets - the bounds. Constants: any thread may read them.

#include "buckets.h"

const uint64_t buckets_of_us[BUCKETS] = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, UINT64_MAX};

const uint64_t buckets_of_messages[BUCKETS] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, UINT64_MAX};
