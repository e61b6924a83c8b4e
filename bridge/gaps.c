//  gaps - which ids have no message. Holds nothing; any thread.

#include <stdlib.h>
#include "gaps.h"

bool gaps_hold (const redisReply *gaps, uint64_t id)
{
    //  By halves, the first row that does not end below the id.
    size_t low = 0, high = gaps->elements;
    while (low < high) {
        size_t middle = (low + high) / 2;
        char *rest;
        uint64_t first = strtoull (gaps->element[middle]->str, &rest, 10);
        uint64_t last = strtoull (rest, NULL, 10);
        if (last < id) {
            low = middle + 1;
        } else if (first > id) {
            high = middle;
        } else {
            return true;
        }
    }
    return false;
}
