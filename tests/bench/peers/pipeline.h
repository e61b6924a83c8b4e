//  pipeline - a connection to Redis on which commands go ahead of their replies, up to a window.
//
//  Commands are formatted once, and before each sending only their numbers and payloads are written over, so that the
//  client costs as little as it can.

#ifndef PIPELINE_H_INCLUDED
#define PIPELINE_H_INCLUDED

#include <hiredis/hiredis.h>
#include "peer.h"

typedef struct {
    redisContext *redis;
    size_t window, open;
} pipeline_t;

//  By a unix socket; dies when none answers. The caller ends it by pipeline_end.
pipeline_t pipeline_begin (const char *socket, size_t window);
void pipeline_end (pipeline_t *self);

//  Sends a formatted command, once less than a window is open; the replies that it takes are checked and dropped.
void pipeline_send (pipeline_t *self, const char *command, size_t size);

//  Takes the next reply, which the caller frees; dies when it is an error.
redisReply *pipeline_take (pipeline_t *self);

//  Takes all open replies.
void pipeline_drain (pipeline_t *self);

//  Sends a command and waits for it; the caller frees the reply. Nothing else is open.
redisReply *pipeline_ask (pipeline_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

typedef struct {
    char *bytes;  //  as Redis gets them
    size_t size;
} command_t;

//  Formats a command of these arguments, each a str but the last, which is a payload. The caller frees the bytes.
command_t command_new (size_t count, const char *const *args);

//  Where the payload is in such a command.
char *command_payload (const command_t *self);

#endif
