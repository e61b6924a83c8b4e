//  read - asks read.lua for members of a channel, and reads its answer. In control's thread.

#include "read.h"
#include "store.h"

void read_send (call_t *call, link_reply_fn *fn, const read_ask_t *ask)
{
    const char *prefix = call->desk->config->prefix;
    char *log = store_channel_key (prefix, ask->channel, "log");
    char *meta = store_channel_key (prefix, ask->channel, "meta");
    char *gaps = store_channel_key (prefix, ask->channel, "gaps");
    char numbers[5][SPAN_NUMBER];
    span_t words[] = {span_text ("3"), span_text (log), span_text (meta), span_text (gaps),
        span_number (numbers[0], ask->after),
        ask->until == UINT64_MAX ? span_text ("+inf") : span_number (numbers[1], ask->until),
        span_number (numbers[2], ask->limit), span_number (numbers[3], ask->max_bytes),
        span_text (ask->newest ? "1" : "0"), span_number (numbers[4], ask->since_ms),
        span_text (ask->spare ? "0" : "1")};
    call_script (call, SCRIPT_READ, fn, sizeof words / sizeof *words, words);
    free (log);
    free (meta);
    free (gaps);
}

read_t read_of (const redisReply *reply)
{
    enum { HEAD, FLOOR, MORE, GAPS, MEMBERS, AFTER, UPCOMING, REACHED };
    return (read_t){
        .head = (uint64_t)reply->element[HEAD]->integer,
        .floor = (uint64_t)reply->element[FLOOR]->integer,
        .after = (uint64_t)reply->element[AFTER]->integer,
        .upcoming_ms = (uint64_t)reply->element[UPCOMING]->integer,
        .reached = (uint64_t)reply->element[REACHED]->integer,
        .more = reply->element[MORE]->integer != 0,
        .gaps = reply->element[GAPS],
        .members = reply->element[MEMBERS],
    };
}

uint64_t read_max_bytes (const call_t *call)
{
    uint64_t most = (uint64_t)call->desk->config->max_reply_bytes;
    uint64_t asked = call->request.max_bytes;
    return asked && asked < most ? asked : most;
}
