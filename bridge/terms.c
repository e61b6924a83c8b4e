//  terms - see CONFIG in Redis's documentation. No state of its own.

#include <czmq.h>
#include "terms.h"

const char *const terms_patterns[] = {"*append*", "maxmemory-policy", NULL};

void terms_take (terms_t *self, const redisReply *answer)
{
    for (size_t i = 0; answer && answer->type == REDIS_REPLY_ARRAY && i + 1 < answer->elements; i += 2) {
        const char *key = answer->element[i]->str, *value = answer->element[i + 1]->str;
        self->told = true;
        self->appends |= streq (key, "appendonly") && streq (value, "yes");
        self->always |= streq (key, "appendfsync") && streq (value, "always");
        self->never |= streq (key, "appendfsync") && streq (value, "no");
        self->syncs_rewriting |= streq (key, "no-appendfsync-on-rewrite") && streq (value, "no");
        self->evicts |= streq (key, "maxmemory-policy") && !streq (value, "noeviction");
    }
}

const char *terms_durability (const terms_t *self)
{
    return !self->appends || self->never ? "memory" : self->always && self->syncs_rewriting ? "fsync" : "everysec";
}

const char *terms_doubt (const terms_t *self, size_t index)
{
    const struct {
        bool holds;
        const char *text;
    } doubts[] = {
        {!self->told, "CONFIG is not permitted: it is not known what Redis guarantees"},
        {self->told && !self->appends, "appendonly is no: Redis keeps messages in memory alone"},
        {self->appends && self->never, "appendfsync is no: writes reach the disk when the system likes"},
        {self->evicts, "maxmemory-policy is not noeviction: Redis may drop messages when memory is short"},
    };
    for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++) {
        if (doubts[i].holds && index-- == 0) {
            return doubts[i].text;
        }
    }
    return NULL;
}
