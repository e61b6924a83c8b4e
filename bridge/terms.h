//  terms - what a Redis guarantees as it is configured, and what of that falls short of the bridge's promises.

#ifndef TERMS_H_INCLUDED
#define TERMS_H_INCLUDED

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  What Redis has told; all zero before.
typedef struct {
    bool told;
    bool appends;          //  appendonly yes
    bool always, never;    //  appendfsync
    bool syncs_rewriting;  //  no-appendfsync-on-rewrite no
    bool evicts;           //  maxmemory-policy is another than noeviction
    int64_t replicas;      //  that are in step
    int64_t min_replicas;  //  [redis] min_replicas: not told, but asked for
} terms_t;

//  What to ask, each question of up to TERMS_WORDS words, NULL behind the last of fewer. CONFIG GET takes one pattern in
//  Redis 6.2.
enum { TERMS_QUESTIONS = 3, TERMS_WORDS = 3 };
extern const char *const terms_questions[TERMS_QUESTIONS][TERMS_WORDS];

//  Notes what an answer tells. An answer that is none (no permission for CONFIG, say) tells nothing.
void terms_take (terms_t *self, const redisReply *answer);

//  "memory", "everysec" or "fsync". Of a Redis that did not tell, the least is believed.
const char *terms_durability (const terms_t *self);

//  What the bridge cannot promise with it: one line, constant. `index` from 0; NULL: there are no more.
const char *terms_doubt (const terms_t *self, size_t index);

#endif
