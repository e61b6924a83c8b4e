//  zadd - the other limit: a sorted set that is filled by pipelined ZADDs, with no ids to give and nobody to tell.
//
//  stream  64 members a call, 32 calls ahead
//  round   one member a call, one call at a time

#include "pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMBERS = 64,
    CALLS = 32,
    SCORE_DIGITS = 12,
    PAIR_BYTES = 5 + SCORE_DIGITS + 2 + 6 + PEER_PAYLOAD_BYTES + 2  //  $12, the score, $100, the member
};

//  Writes the number with leading zeros.
static void s_write_score (char *to, uint64_t number)
{
    for (int at = SCORE_DIGITS - 1; at >= 0; at--) {
        to[at] = (char)('0' + number % 10);
        number /= 10;
    }
}

//  ZADD bench score member …, each pair of PAIR_BYTES. Returns where the first pair is.
static char *s_format (char *command, size_t members)
{
    uint8_t *payload = peer_payload ();
    char *pairs = command + sprintf (command, "*%zu\r\n$4\r\nZADD\r\n$5\r\nbench\r\n", 2 + 2 * members);
    for (size_t at = 0; at < members; at++) {
        char *pair = pairs + at * PAIR_BYTES;
        pair += sprintf (pair, "$%d\r\n%0*d\r\n$%d\r\n", SCORE_DIGITS, SCORE_DIGITS, 0, PEER_PAYLOAD_BYTES);
        memcpy (pair, payload, PEER_PAYLOAD_BYTES);
        memcpy (pair + PEER_PAYLOAD_BYTES, "\r\n", 2);
    }
    free (payload);
    return pairs;
}

static void s_number (char *pairs, size_t members, uint64_t first)
{
    for (size_t at = 0; at < members; at++) {
        char *pair = pairs + at * PAIR_BYTES;
        s_write_score (pair + 5, first + at);
        peer_stamp (pair + PAIR_BYTES - 2 - PEER_PAYLOAD_BYTES, first + at);
    }
}

static void s_stream (peer_t *peer, pipeline_t *pipeline)
{
    static char command[64 + MEMBERS * PAIR_BYTES];
    char *pairs = s_format (command, MEMBERS);
    size_t size = (size_t)(pairs - command) + MEMBERS * PAIR_BYTES;
    peer->count += MEMBERS - 1;
    peer->count -= peer->count % MEMBERS;
    uint64_t start_ns = peer_now_ns ();
    for (uint64_t first = 0; first < peer->count; first += MEMBERS) {
        s_number (pairs, MEMBERS, first);
        pipeline_send (pipeline, command, size);
    }
    pipeline_drain (pipeline);
    peer_tell_rate (peer, start_ns);
}

static void s_round (const peer_t *peer, pipeline_t *pipeline)
{
    static char command[64 + PAIR_BYTES];
    char *pair = s_format (command, 1);
    size_t size = (size_t)(pair - command) + PAIR_BYTES;
    uint64_t *times_ns = calloc (peer->count, sizeof *times_ns);
    for (uint64_t number = 0; times_ns && number < peer->count; number++) {
        s_number (pair, 1, number);
        uint64_t sent_ns = peer_now_ns ();
        pipeline_send (pipeline, command, size);
        pipeline_drain (pipeline);
        times_ns[number] = peer_now_ns () - sent_ns;
    }
    peer_tell_times (times_ns, peer->count);
    free (times_ns);
}

int main (int argc, char *argv[])
{
    peer_t peer = peer_new (argc, argv, 1, (const char *const[]){"stream", "round", NULL});
    pipeline_t pipeline = pipeline_begin (peer.address, CALLS);
    if (peer_does (&peer, "stream")) {
        s_stream (&peer, &pipeline);
    } else {
        s_round (&peer, &pipeline);
    }
    redisReply *count = pipeline_ask (&pipeline, "ZCARD bench");
    if ((uint64_t)count->integer != peer.count) {
        peer_die ("%lld members are there", count->integer);
    }
    freeReplyObject (count);
    pipeline_end (&pipeline);
    return EXIT_SUCCESS;
}
