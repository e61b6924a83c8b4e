//  ask - what control hands to the lane and gets back: one pointer over the pair between them.
//
//  Control makes an ask and owns it again once the lane has sent it back, which the lane does exactly once.
//  In between nobody but the lane touches it.

#ifndef ASK_H_INCLUDED
#define ASK_H_INCLUDED

#include <czmq.h>
#include "counters.h"
#include "message.h"

typedef enum {
    ASK_PUBLISH,  //  store these messages
    ASK_COUNTERS  //  fill in the counters
} ask_kind_t;

typedef struct {
    ask_kind_t kind;
    void *request;  //  control's own
    //  ASK_PUBLISH
    const message_t *messages;  //  borrowed from the request, which outlives the ask
    size_t count;
    int64_t deadline_ms;  //  zclock_mono: answered by then, whatever Redis does
    uint64_t *ids;        //  count of them, filled by the lane; owned by the ask
    bool *known;          //  of each, likewise: its msg_id was there already, under that id
    const char *durability;
    char epoch[33];  //  of the store that has them
    fault_t fault;   //  CODE_OK: stored
    //  The lane's own while it holds the ask
    size_t left;  //  messages not yet confirmed
    void *place;  //  in its list
    //  ASK_COUNTERS
    counters_t counters;
    char bridge[33];  //  random id of the lane\'s start
} ask_t;

//  Hands the ask over. Returns 0, or -1 when the other end is gone; the ask is then still the caller's.
static inline int ask_send (zsock_t *pair, ask_t *ask)
{
    return zmq_send (zsock_resolve (pair), &ask, sizeof ask, ZMQ_DONTWAIT) == sizeof ask ? 0 : -1;
}

//  The next ask, or NULL when none waits.
static inline ask_t *ask_recv (zsock_t *pair)
{
    ask_t *ask = NULL;
    int rc = zmq_recv (zsock_resolve (pair), &ask, sizeof ask, ZMQ_DONTWAIT);
    return rc == (int)sizeof ask ? ask : NULL;
}

#endif
