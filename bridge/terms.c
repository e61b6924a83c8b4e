//  terms - see CONFIG and INFO in Redis's documentation. No state of its own.

#include <czmq.h>
#include "terms.h"

const char *const terms_questions[TERMS_QUESTIONS][TERMS_WORDS] = {
    {"CONFIG", "GET", "*append*"},
    {"CONFIG", "GET", "maxmemory-policy"},
    {"INFO", "replication"},
};

static void s_take_config (terms_t *self, const char *key, const char *value)
{
    self->told = true;
    self->appends |= streq (key, "appendonly") && streq (value, "yes");
    self->always |= streq (key, "appendfsync") && streq (value, "always");
    self->never |= streq (key, "appendfsync") && streq (value, "no");
    self->syncs_rewriting |= streq (key, "no-appendfsync-on-rewrite") && streq (value, "no");
    self->evicts |= streq (key, "maxmemory-policy") && !streq (value, "noeviction");
}

//  INFO has a line for each replica: slave0:ip=…,port=…,state=online,offset=…,lag=…
static void s_take_info (terms_t *self, const char *info)
{
    static const char online[] = ",state=online,";
    while ((info = strstr (info, online))) {
        info += strlen (online);
        self->replicas++;
    }
}

void terms_take (terms_t *self, const redisReply *answer)
{
    if (answer && answer->type == REDIS_REPLY_STRING) {
        s_take_info (self, answer->str);
    }
    for (size_t i = 0; answer && answer->type == REDIS_REPLY_ARRAY && i + 1 < answer->elements; i += 2) {
        s_take_config (self, answer->element[i]->str, answer->element[i + 1]->str);
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
        {self->replicas < self->min_replicas,
            "fewer replicas are in step than min_replicas: fewer have what is published than was asked for"},
        {self->evicts, "maxmemory-policy is not noeviction: Redis may drop messages when memory is short"},
    };
    for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++) {
        if (doubts[i].holds && index-- == 0) {
            return doubts[i].text;
        }
    }
    return NULL;
}
