//  store - the names of Redis keys, and the last word to an embedded Redis. Holds nothing.

#include <stdio.h>
#include <stdlib.h>
#include "script.h"
#include "store.h"
#include "target.h"

char *store_channel_key (const char *prefix, span_t channel, const char *what)
{
    char *key = NULL;
    int rc = asprintf (&key, "%s:{%.*s}:%s", prefix, (int)channel.size, channel.data, what);
    return rc < 0 ? NULL : key;
}

char *store_key (const char *prefix, const char *what)
{
    char *key = NULL;
    int rc = asprintf (&key, "%s:%s", prefix, what);
    return rc < 0 ? NULL : key;
}

int store_mark_clean (const char *url, const char *prefix)
{
    target_t target;
    if (target_parse (&target, url)) {
        return -1;
    }
    redisContext *redis = target_open (&target, 2000);
    target_clear (&target);
    if (!redis) {
        return -1;
    }
    char *key = store_key (prefix, "store");
    span_t text = script_text (SCRIPT_MARK_CLEAN);
    redisReply *reply = redisCommand (redis, "EVAL %b 1 %s", text.data, text.size, key);
    int rc = reply && reply->type == REDIS_REPLY_INTEGER ? 0 : -1;
    free (key);
    freeReplyObject (reply);
    redisFree (redis);
    return rc;
}
