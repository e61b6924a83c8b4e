//  splice - puts stored envelopes into a reply as [channel, envelope], within the reply's limits.

#ifndef SPLICE_H_INCLUDED
#define SPLICE_H_INCLUDED

#include "read.h"

//  One for each reply; the reply is borrowed.
typedef struct {
    reply_t *reply;
    counters_t *counters;    //  borrowed
    size_t limit;            //  messages
    size_t max_bytes;        //  of envelopes; the first message goes in whatever its size
    size_t max_reply_bytes;  //  of the reply so far
    size_t count;            //  what went in
    size_t bytes;
    bool full;  //  no more goes in
} splice_t;

//  The bytes are one envelope. Returns false when it is one too many; the splice is full then.
bool splice_envelope (splice_t *self, span_t channel, span_t envelope);

//  The same as [channel, envelope, lease, attempt].
bool splice_taken (splice_t *self, span_t channel, span_t envelope, uint64_t lease, uint64_t attempt);

//  Puts in the envelopes that were read, in their order, whose ids lie above *after and up to until and have a message;
//  *after becomes the last one's id. Returns true when all went in.
bool splice_members (splice_t *self, span_t channel, const read_t *read, uint64_t *after, uint64_t until);

//  The same for members that stand newest first, down to the floor.
void splice_newest (splice_t *self, span_t channel, const read_t *read);

#endif
