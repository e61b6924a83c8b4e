//  ask - what control hands to the lane and gets back: chains of asks, one pointer a chain over the pair between them.
//
//  Control makes an ask and owns it again once the lane has sent it back, which the lane does exactly once.
//  In between nobody but the lane touches it. Each side gathers a chain and sends it once in a turn of its loop.

#ifndef ASK_H_INCLUDED
#define ASK_H_INCLUDED

#include <czmq.h>
#include "counters.h"
#include "message.h"

typedef enum {
    ASK_PUBLISH,  //  store these messages
    ASK_COUNTERS  //  fill in the counters
} ask_kind_t;

typedef struct ask ask_t;

struct ask {
    ask_t *next;  //  in its chain
    ask_kind_t kind;
    void *request;  //  control's own
    //  ASK_PUBLISH
    const message_t *messages;  //  borrowed from the request, which outlives the ask
    size_t count;
    int64_t deadline_ms;  //  zclock_mono: answered by then, whatever Redis does
    uint64_t *ids;        //  count of them, filled by the lane; 0: it has none yet; owned by the ask
    bool *known;          //  of each, behind the ids: its msg_id was there already, under that id
    const char *durability;
    char epoch[33];  //  of the store that has them
    fault_t fault;   //  CODE_OK: stored
    //  The lane's own while it holds the ask
    size_t left;  //  messages not yet confirmed
    void *place;  //  in its list
    //  ASK_COUNTERS
    counters_t *counters;  //  filled; owned by the ask
    char bridge[33];       //  random id of the lane's start
};

//  A chain that is being gathered; all zero: empty.
typedef struct {
    ask_t *first;
    ask_t *last;
} asks_t;

static inline void asks_add (asks_t *self, ask_t *ask)
{
    ask->next = NULL;
    if (self->last) {
        self->last->next = ask;
    } else {
        self->first = ask;
    }
    self->last = ask;
}

//  Hands the chain over, when there is one and the other end takes it; else it stays, for the next turn.
static inline void asks_send (asks_t *self, zsock_t *pair)
{
    if (self->first &&
        zmq_send (zsock_resolve (pair), &self->first, sizeof self->first, ZMQ_DONTWAIT) == sizeof self->first) {
        *self = (asks_t){NULL, NULL};
    }
}

//  The first ask of the next chain, or NULL when none waits. Read `next` before the ask is handed on.
static inline ask_t *asks_recv (zsock_t *pair)
{
    ask_t *ask = NULL;
    int rc = zmq_recv (zsock_resolve (pair), &ask, sizeof ask, ZMQ_DONTWAIT);
    return rc == (int)sizeof ask ? ask : NULL;
}

#endif
