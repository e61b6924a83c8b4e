//  pipeline - see the header.

#include "pipeline.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { MOST_ARGS = 16 };

pipeline_t pipeline_begin (const char *socket, size_t window)
{
    pipeline_t self = {.redis = redisConnectUnix (socket), .window = window};
    struct timeval limit = {PEER_PATIENCE_S, 0};
    if (!self.redis || self.redis->err || redisSetTimeout (self.redis, limit) != REDIS_OK) {
        peer_die ("no Redis at %s", socket);
    }
    return self;
}

void pipeline_end (pipeline_t *self)
{
    redisFree (self->redis);
}

redisReply *pipeline_take (pipeline_t *self)
{
    void *reply;
    if (redisGetReply (self->redis, &reply) != REDIS_OK) {
        peer_die ("Redis is gone: %s", self->redis->errstr);
    }
    if (((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
        peer_die ("Redis: %s", ((redisReply *)reply)->str);
    }
    self->open--;
    return reply;
}

void pipeline_send (pipeline_t *self, const char *command, size_t size)
{
    while (self->open >= self->window) {
        freeReplyObject (pipeline_take (self));
    }
    redisAppendFormattedCommand (self->redis, command, size);
    self->open++;
}

void pipeline_drain (pipeline_t *self)
{
    while (self->open > 0) {
        freeReplyObject (pipeline_take (self));
    }
}

redisReply *pipeline_ask (pipeline_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    redisvAppendCommand (self->redis, format, args);
    va_end (args);
    self->open++;
    return pipeline_take (self);
}

command_t command_new (size_t count, const char *const *args)
{
    uint8_t *payload = peer_payload ();
    const char *argv[MOST_ARGS];
    size_t sizes[MOST_ARGS];
    for (size_t at = 0; at < count; at++) {
        argv[at] = args[at];
        sizes[at] = strlen (args[at]);
    }
    argv[count] = (const char *)payload;
    sizes[count] = PEER_PAYLOAD_BYTES;
    command_t self;
    self.size = (size_t)redisFormatCommandArgv (&self.bytes, (int)count + 1, argv, sizes);
    free (payload);
    return self;
}

char *command_payload (const command_t *self)
{
    return self->bytes + self->size - 2 - PEER_PAYLOAD_BYTES;
}
