//  channel - what the lane knows of one channel: its batches in order, its head, its session.
//
//  Owned by the lane, in its thread. Others read the fields and do not write them.

#ifndef CHANNEL_H_INCLUDED
#define CHANNEL_H_INCLUDED

#include <czmq.h>
#include "batch.h"
#include "config.h"

enum {
    CHANNEL_IN_FLIGHT = 16  //  batches sent and unanswered at most: append.lua records as many results
};

typedef struct channel channel_t;

struct channel {
    char *name;
    size_t name_size;
    char *keys[4];    //  log, meta, gaps, ids
    zmq_msg_t topic;  //  the name, as frame 0 of what is fanned out
    limits_t limits;
    uint32_t pack;     //  messages that may share a member
    uint64_t head;     //  highest id that this bridge has seen given; 0: none
    uint64_t time_ms;  //  of the newest confirmed message
    bool listed;       //  in zrb:channels, on this connection

    //  Fan-out: what subscribers have had, and what waits until the ids before it have been sent
    uint64_t cursor;      //  highest id fanned out, or passed over because the log no longer had it
    bool met;             //  the cursor stands
    uint64_t seen_head;   //  highest id that anybody's append has told of
    batch_t *held_first;  //  confirmed batches, ids ascending, all above the cursor
    batch_t *held_last;
    bool refilling;   //  a read of the log is under way
    uint64_t told;    //  the cursor, when heads told of it last
    int64_t grew_ms;  //  zclock_mono: when the cursor last moved
    void *grown;      //  its place in heads' list; NULL: none

    unsigned session_no;  //  a new session begins when the store no longer knows the old one
    uint64_t seq;         //  of the newest confirmed batch in the session

    //  The queue: `sent` batches that wait for replies, then those that wait to be sent
    batch_t *first;
    batch_t *last;
    size_t queued;
    size_t sent;
    uint64_t sent_messages;  //  in those
    size_t refused;          //  of those; not 0: the replies still due are for nothing, then all is sent again
    char *refusal;           //  what Redis said, while it holds the channel up; NULL otherwise
    int64_t hold_until_ms;   //  sends nothing before; 0: no wait

    bool ready;  //  stands in the lane's list of channels to send
    channel_t *next_ready;
    const ask_t *asked;  //  the publish that is being added to it; NULL otherwise
};

//  Channels with something to send, each once, first come first served.
typedef struct {
    channel_t *first;
    channel_t *last;
} ready_t;

void channel_add_ready (ready_t *ready, channel_t *self);

//  NULL: none is ready.
channel_t *channel_take_ready (ready_t *ready);

channel_t *channel_new (const config_t *config, span_t name);

void channel_destroy (channel_t **self_p);

//  The batch that takes the next messages; a new one from `spare` (or NULL) when the last has no room, or would come to
//  hold more than `most` messages.
batch_t *channel_batch (channel_t *self, size_t count, size_t bytes, size_t most, batch_t **spare);

//  The next batch to send, or NULL: none waits, or as many are in flight as may be.
batch_t *channel_next (channel_t *self);

//  The first id that the next batch to send will get, unless another writer comes between.
uint64_t channel_expects (const channel_t *self);

//  The batch was sent, in the place that channel_next said.
void channel_mark_sent (channel_t *self, batch_t *batch);

//  Takes the oldest batch, which Redis has confirmed, out of the queue. The caller owns it.
batch_t *channel_confirm (channel_t *self);

//  Takes the oldest batch out of the queue of a channel that has nothing in flight, to be sent no more; NULL: none is left.
//  The caller owns it, and renews the session.
batch_t *channel_drop (channel_t *self);

//  A confirmed batch has given ids up to head.
void channel_grew (channel_t *self, uint64_t head, uint64_t time_ms);

//  Holds a confirmed batch until the ids before it have been fanned out; channel_unhold gives the first one back.
void channel_hold (channel_t *self, batch_t *batch);
batch_t *channel_unhold (channel_t *self);

//  The reply to a batch said that it was not stored. Returns true when no other is due: all can be sent again.
bool channel_refused (channel_t *self);

//  The refusal is over, or will be told anew.
void channel_end_hold (channel_t *self);

//  Lets go of a publish: removes its messages when Redis is known not to have them, and adds what went to
//  *messages and *bytes (of envelopes); else they stay, and nobody waits for them.
void channel_withdraw (channel_t *self, const ask_t *ask, size_t *messages, size_t *bytes);

//  The connection was lost: nothing is in flight any more.
void channel_lost (channel_t *self);

//  Begins a new session, when the store does not know the old one.
void channel_renew_session (channel_t *self);

#endif
