//  flight - how much is at Redis and unanswered, and how much may be. Part of the writer, in the lane's thread.
//
//  More at once is cheaper; less lets a publish that comes beside a flood get its turn sooner. So less is while some
//  publish and others send to PULL or SUB; but as much as the publishes themselves bring, or those who PUSH would have to
//  wait while they do. Who publishes alone waits for nobody else's.

#ifndef FLIGHT_H_INCLUDED
#define FLIGHT_H_INCLUDED

#include "batch.h"

typedef struct {
    size_t batches;
    size_t members;
    size_t bytes;
    int64_t now_ms;              //  zclock_mono of this turn
    int64_t published_until_ms;  //  until then the next publish is expected
    size_t published;            //  messages of the largest publish
    int64_t largest_until_ms;    //  that came lately
    int64_t sent_until_ms;       //  and the next message from PULL or SUB
} flight_t;

//  To be called once in each turn of the loop.
void flight_turn (flight_t *self);

//  A publish of so many messages has come; a message from PULL or SUB has.
void flight_publish (flight_t *self, size_t messages);
void flight_take (flight_t *self);

//  True when one more batch may be sent.
bool flight_has_room (const flight_t *self);

//  How many messages may gather in one batch, beside the batch's own bounds.
size_t flight_batch_messages (const flight_t *self, size_t pack);

void flight_add (flight_t *self, const batch_t *batch);
void flight_remove (flight_t *self, const batch_t *batch);

#endif
