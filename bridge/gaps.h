//  gaps - which ids have no message, as read.lua tells it: rows "<first> <last> <why>", ids ascending.

#ifndef GAPS_H_INCLUDED
#define GAPS_H_INCLUDED

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

//  True when one of the rows holds the id. A member of several envelopes may hold such ids all the same: what stands
//  there is for nobody.
bool gaps_hold (const redisReply *gaps, uint64_t id);

#endif
