//  terms - what a Redis guarantees as it is configured, and what of that falls short of the bridge's promises.

#ifndef TERMS_H_INCLUDED
#define TERMS_H_INCLUDED

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

//  What Redis has told; all zero before.
typedef struct {
    bool told;
    bool appends;          //  appendonly yes
    bool always, never;    //  appendfsync
    bool syncs_rewriting;  //  no-appendfsync-on-rewrite no
    bool evicts;           //  maxmemory-policy is another than noeviction
} terms_t;

//  What to ask, each by a CONFIG GET of its own (Redis 6.2 takes one pattern), NULL behind the last.
extern const char *const terms_patterns[];

//  Notes what an answer tells. An answer that is none (no permission for CONFIG, say) tells nothing.
void terms_take (terms_t *self, const redisReply *answer);

//  "memory", "everysec" or "fsync". Of a Redis that did not tell, the least is believed.
const char *terms_durability (const terms_t *self);

//  What the bridge cannot promise with it: one line, constant. `index` from 0; NULL: there are no more.
const char *terms_doubt (const terms_t *self, size_t index);

#endif
