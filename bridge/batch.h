//  batch - messages of one channel on their way to Redis, encoded once, in the command that will carry them.
//
//  The members lie in the command's own bytes; after Redis's reply they are fanned out from there.
//  Owned by one channel, in the lane's thread. Others read the fields and do not write them.

#ifndef BATCH_H_INCLUDED
#define BATCH_H_INCLUDED

#include "ask.h"
#include "message.h"

enum {
    BATCH_MESSAGES = 256,          //  beyond these a batch takes no more, unless it was empty
    BATCH_PACKED_MESSAGES = 1024,  //  the same where messages share members
    BATCH_BYTES = 262144,
    //  Beyond these a member takes no more, unless it was empty. With what Redis adds to a string they fill 64 KiB;
    //  for one more its allocator would take 80.
    BATCH_MEMBER_BYTES = 65520
};

//  A run of messages that a publish waits for.
typedef struct {
    ask_t *ask;       //  NULL once it was answered
    uint32_t at;      //  first index in the batch
    uint32_t ask_at;  //  first index in the ask
    uint32_t count;
} waiter_t;

//  What a message asks for: a header that means something to append.lua.
typedef struct {
    uint32_t index;      //  of the message
    const char *header;  //  its name
    uint32_t at;         //  where a msg_id lies in the envelope
    uint32_t size;       //  its size; 0: the header is a number
    uint64_t number;
} wish_t;

//  A member of the log's sorted set: envelopes back to back.
typedef struct {
    uint32_t at;      //  in data: where its score's place begins
    uint32_t begins;  //  and where its first envelope does
    uint32_t size;    //  of the envelopes
    uint32_t count;   //  of them
} member_t;

typedef struct batch batch_t;

struct batch {
    struct channel *channel;  //  whose queue it stands in
    batch_t *next;            //  in its channel's queue
    uint32_t pack;            //  messages that may share a member
    uint32_t count;           //  messages
    size_t bytes;             //  of their envelopes
    bool closed;              //  takes no more messages
    bool maybe_stored;        //  sent, and no reply has said that nothing was stored
    bool in_doubt;            //  was in flight on a connection that was lost: Redis may yet take it from there
    uint64_t first;           //  the first id, as stamped
    uint64_t time_ms;         //  as stamped
    int64_t sent_us;          //  zclock_usecs: when it was first sent; 0: not yet
    waiter_t *waiters;
    size_t waiter_count;
    size_t waiter_room;
    //  The command: head, then for each member score and envelopes
    char *data;
    size_t size;
    size_t room;
    size_t start;         //  where the head begins, once it is written
    uint32_t *envelopes;  //  offset in data of each message's envelope
    uint32_t *sizes;      //  its size
    size_t envelope_room;
    member_t *members;
    size_t member_count;
    size_t member_room;
    wish_t *wishes;  //  in the order of their messages
    size_t wish_count;
    size_t wish_room;
};

//  What the head of the append command says; see append.lua.
typedef struct {
    const char *digest;
    const char *keys[4];  //  log, meta, gaps, ids
    char session[48];
    uint64_t seq;
    const char *epoch;
    uint64_t known;
    uint64_t max_messages;
    const char *announce;
    span_t channel;
} append_t;

batch_t *batch_new (void);

void batch_destroy (batch_t **self_p);

//  Empties a batch for its next use; keeps its memory. Up to `pack` messages will share a member.
void batch_reset (batch_t *self, uint32_t pack);

//  True when `count` messages of `bytes` envelope bytes may still join.
bool batch_has_room (const batch_t *self, size_t count, size_t bytes);

//  Copies the message in; ask is NULL or waits for it as its message ask_at.
void batch_add (batch_t *self, const message_t *message, ask_t *ask, size_t ask_at);

//  Stamps the envelopes, writes the scores and the head. The result is borrowed until the batch is changed.
span_t batch_command (batch_t *self, const append_t *append, uint64_t first, uint64_t time_ms);

//  Stamps the envelopes with what Redis gave them, when that differs from what they have.
void batch_stamp (batch_t *self, uint64_t first, uint64_t time_ms);

//  Message index's envelope, borrowed.
span_t batch_envelope (const batch_t *self, size_t index);

//  True when the ask waits for some of its messages.
bool batch_waits (const batch_t *self, const ask_t *ask);

//  Forgets that the ask waits; its messages stay.
void batch_forget (batch_t *self, const ask_t *ask);

//  Removes the messages for which `out` is true; out has one item for each message. Waiters of the others stay.
void batch_leave_out (batch_t *self, const bool *out);

//  Removes the messages of an ask from a batch that Redis has not stored. Returns how many bytes of
//  envelopes went, and adds the number of messages to *removed.
size_t batch_withdraw (batch_t *self, const ask_t *ask, size_t *removed);

#endif
