//  script - a log as it is often made of Redis: a Lua script a message that does INCR, ZADD and PUBLISH, pipelined, and a
//  subscriber to a pattern.
//
//  stream  script, pattern subscriber

#include "pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const text = "local id = redis.call('INCR', KEYS[2]) "
                                "redis.call('ZADD', KEYS[1], id, id .. ' ' .. ARGV[1]) "
                                "redis.call('PUBLISH', KEYS[1], id .. ' ' .. ARGV[1]) "
                                "return id";

static void *s_produce (void *argument)
{
    const peer_t *peer = argument;
    pipeline_t pipeline = pipeline_begin (peer->address, PEER_IN_FLIGHT);
    redisReply *sha = pipeline_ask (&pipeline, "SCRIPT LOAD %s", text);
    command_t command = command_new (5, (const char *const[]){"EVALSHA", sha->str, "2", "bench", "bench.id"});
    for (uint64_t number = 0; number < peer->count; number++) {
        peer_stamp (command_payload (&command), number);
        pipeline_send (&pipeline, command.bytes, command.size);
    }
    pipeline_drain (&pipeline);
    free (command.bytes);
    freeReplyObject (sha);
    pipeline_end (&pipeline);
    return NULL;
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 1, (const char *const[]){"stream", NULL});
    pipeline_t pipeline = pipeline_begin (peer.address, 1);
    //  A subscriber that is behind is not to be cut off.
    freeReplyObject (pipeline_ask (&pipeline, "CONFIG SET client-output-buffer-limit %s", "pubsub 0 0 0"));
    freeReplyObject (pipeline_ask (&pipeline, "PSUBSCRIBE ben*"));
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, &peer);
    for (uint64_t number = 0; number < peer.count; number++) {
        redisReply *reply = pipeline_take (&pipeline);
        const redisReply *message = reply->element[3];  //  "<id> <payload>"
        if (strtoull (message->str, NULL, 10) != number + 1 ||
            memcmp (strchr (message->str, ' ') + 1, &number, PEER_NUMBER_BYTES) != 0) {
            peer_die ("message %llu is missing", (unsigned long long)number);
        }
        freeReplyObject (reply);
    }
    peer_tell_rate (&peer, start_ns);
    pthread_join (producer, NULL);
    pipeline_end (&pipeline);
    return EXIT_SUCCESS;
}
