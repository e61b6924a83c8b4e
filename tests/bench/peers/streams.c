//  streams - Redis Streams: one connection adds, pipelined, another reads what comes.
//
//  read   XADD, XREAD
//  group  XADD, XREADGROUP of 100, XACK of these along with the next XREADGROUP
//  crowd  the same with three XREADGROUP on their way: Redis never waits for the consumer

#include "pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_COUNT = 1000, WAIT_MS = 1000, ID_BYTES = 48, CROWD = 3 };

static void *s_produce (void *argument)
{
    const peer_t *peer = argument;
    pipeline_t pipeline = pipeline_begin (peer->address, PEER_IN_FLIGHT);
    command_t command = command_new (4, (const char *const[]){"XADD", "bench", "*", "p"});
    for (uint64_t number = 0; number < peer->count; number++) {
        peer_stamp (command_payload (&command), number);
        pipeline_send (&pipeline, command.bytes, command.size);
    }
    pipeline_drain (&pipeline);
    free (command.bytes);
    pipeline_end (&pipeline);
    return NULL;
}

//  The messages of a reply; NULL when its time was over before one came.
static const redisReply *s_messages (const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY ? reply->element[0]->element[1] : NULL;
}

//  Checks that these are the next ones.
static void s_check (const redisReply *messages, uint64_t number)
{
    for (size_t at = 0; at < messages->elements; at++, number++) {
        const redisReply *payload = messages->element[at]->element[1]->element[1];
        if (payload->len != PEER_PAYLOAD_BYTES || memcmp (payload->str, &number, PEER_NUMBER_BYTES) != 0) {
            peer_die ("message %llu is missing", (unsigned long long)number);
        }
    }
}

static void s_read (const peer_t *peer, pipeline_t *pipeline)
{
    char after[ID_BYTES] = "0";
    for (uint64_t got = 0; got < peer->count;) {
        redisReply *reply =
            pipeline_ask (pipeline, "XREAD COUNT %d BLOCK %d STREAMS bench %s", READ_COUNT, WAIT_MS, after);
        const redisReply *messages = s_messages (reply);
        if (messages) {
            s_check (messages, got);
            got += messages->elements;
            snprintf (after, sizeof after, "%s", messages->element[messages->elements - 1]->element[0]->str);
        }
        freeReplyObject (reply);
    }
}

static void s_ask_group (pipeline_t *pipeline)
{
    redisAppendCommand (
        pipeline->redis, "XREADGROUP GROUP bench one COUNT %d BLOCK %d STREAMS bench >", PEER_BATCH, WAIT_MS);
    pipeline->open++;
}

static void s_ack (pipeline_t *pipeline, const redisReply *messages)
{
    const char *argv[3 + PEER_BATCH] = {"XACK", "bench", "bench"};
    size_t sizes[3 + PEER_BATCH] = {4, 5, 5};
    for (size_t at = 0; at < messages->elements; at++) {
        argv[3 + at] = messages->element[at]->element[0]->str;
        sizes[3 + at] = (size_t)messages->element[at]->element[0]->len;
    }
    redisAppendCommandArgv (pipeline->redis, (int)(3 + messages->elements), argv, sizes);
    pipeline->open++;
}

static void s_group (const peer_t *peer, pipeline_t *pipeline, uint64_t most_reads)
{
    uint64_t got = 0, acked = 0, reads = 0;
    while (acked < peer->count) {
        //  A read too many would wait for its time to end, and what is behind it too.
        while (reads == 0 ? got < peer->count : reads < most_reads && got + reads * PEER_BATCH < peer->count) {
            s_ask_group (pipeline);
            reads++;
        }
        redisReply *reply = pipeline_take (pipeline);
        if (reply->type == REDIS_REPLY_INTEGER) {
            acked += (uint64_t)reply->integer;
        } else {
            reads--;
            const redisReply *messages = s_messages (reply);
            if (messages) {
                s_check (messages, got);
                got += messages->elements;
                s_ack (pipeline, messages);
            }
        }
        freeReplyObject (reply);
    }
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 1, (const char *const[]){"read", "group", "crowd", NULL});
    pipeline_t pipeline = pipeline_begin (peer.address, 1);
    uint64_t reads = peer_does (&peer, "group") ? 1 : peer_does (&peer, "crowd") ? CROWD : 0;
    if (reads) {
        freeReplyObject (pipeline_ask (&pipeline, "XGROUP CREATE bench bench 0 MKSTREAM"));
    }
    uint64_t start_ns = peer_now_ns ();
    pthread_t producer = peer_start (s_produce, &peer);
    if (reads) {
        s_group (&peer, &pipeline, reads);
    } else {
        s_read (&peer, &pipeline);
    }
    peer_tell_rate (&peer, start_ns);
    pthread_join (producer, NULL);
    pipeline_end (&pipeline);
    return EXIT_SUCCESS;
}
