//  read - asks read.lua for members of a channel, and reads its answer. Part of control, in its thread.

#ifndef READ_H_INCLUDED
#define READ_H_INCLUDED

#include "call.h"

//  What to read: the arguments of read.lua.
typedef struct {
    span_t channel;
    uint64_t after;
    uint64_t since_ms;  //  in place of after; 0: none
    uint64_t until;     //  UINT64_MAX: none
    uint64_t limit;     //  messages; the last member may bring more
    uint64_t max_bytes;
    bool newest;  //  newest first
    bool spare;   //  no member comes that is larger than max_bytes; else at least one does
} read_ask_t;

//  Sends it for the call; the reply goes to fn, with the call as arg.
void read_send (call_t *call, link_reply_fn *fn, const read_ask_t *ask);

//  The bytes of envelopes that the call's reply may hold.
uint64_t read_max_bytes (const call_t *call);

//  read.lua's reply; borrows it.
typedef struct {
    uint64_t head;
    uint64_t floor;
    uint64_t after;        //  as asked, or what since_ms came to
    uint64_t upcoming_ms;  //  time of the first member that was left out for max_bytes; 0: none was
    bool more;             //  not all was looked at
    uint64_t reached;      //  all ids up to it were, but for `newest`
    const redisReply *gaps;
    const redisReply *members;
} read_t;

read_t read_of (const redisReply *reply);

#endif
