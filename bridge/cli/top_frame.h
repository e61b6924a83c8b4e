//  top_frame - what zrb top shows at a time: a bridge's state, its channels and their groups, and how fast they grew since
//  the frame before. Main's thread.

#ifndef TOP_FRAME_H_INCLUDED
#define TOP_FRAME_H_INCLUDED

#include "asker.h"
#include "limit.h"

//  A channel, or a group of the channel above it.
typedef struct {
    char name[LIMIT_NAME_BYTES + 1];
    bool is_group, paused;
    uint64_t head;  //  of a group its cursor
    uint64_t count, bytes, delayed;
    uint64_t waiting, leased, dead, consumers;  //  of a channel the sums of its groups
    uint64_t oldest_ms;                         //  of a channel the oldest of its groups; 0: nothing waits
    double rate;                                //  that the head or the cursor grew by in a second; -1: not known
    size_t groups;                              //  of a channel: how many follow
} row_t;

typedef struct {
    uint64_t taken_ns;  //  by clock_ns
    uint64_t time_ms;   //  by this machine's clock
    //  As info tells it
    char version[40], bridge[80], redis_version[40], trouble[200], durability[20];
    bool redis_up;
    uint64_t uptime_ms, in_flight, rejected;
    uint64_t in, stored, out;  //  counters
    double in_rate, stored_rate, out_rate;
    row_t *rows;  //  in the order of the channels' names
    size_t count, room;
} frame_t;

frame_t *frame_new (void);
void frame_destroy (frame_t **self_p);

//  Adds what an answer to info, or one page of status, tells.
void frame_add_info (frame_t *self, answer_t *answer);
void frame_add_status (frame_t *self, answer_t *answer);

//  In place of frame_add_status, where Redis does not tell: what an earlier frame had.
void frame_keep_status (frame_t *self, const frame_t *before);

//  Ends the frame; `before` is NULL for the first.
void frame_end (frame_t *self, const frame_t *before);

typedef enum { ORDER_RATE = 'r', ORDER_NAME = 'n', ORDER_WAITING = 'w' } order_t;

//  The channels in that order, each with its groups behind it in memory. The caller frees the array.
const row_t **frame_channels (const frame_t *self, order_t order, size_t *count);

#endif
