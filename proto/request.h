//  request - one request of a client on the ROUTER, decoded and checked against PROTOCOL.md.
//
//  Ops and their arguments stand in one table (request.c). A request borrows the frame.

#ifndef REQUEST_H_INCLUDED
#define REQUEST_H_INCLUDED

#include "limit.h"
#include "message.h"

typedef enum {
    OP_PUBLISH,
    OP_REPLAY,
    OP_FLUSH,
    OP_PEEK,
    OP_STATUS,
    OP_INFO,
    OP_CANCEL,
    OP_PING,
    OP_TAKE,
    OP_ACK,
    OP_NACK,
    OP_TOUCH,
    OP_BURY,
    OP_RELEASE,
    OP_PENDING,
    OP_DEAD,
    OP_REDRIVE,
    OP_GROUP_CREATE,
    OP_GROUP_SEEK,
    OP_GROUP_DELETE,
    OP_PAUSE,
    OP_RESUME,
    OP_COUNT
} op_t;

//  A channel, and the id above which it is read.
typedef struct {
    span_t name;
    uint64_t after;
} place_t;

//  Where a group begins.
typedef enum { START_NONE, START_FIRST, START_LAST, START_ID, START_SINCE } start_kind_t;

typedef struct {
    start_kind_t kind;
    uint64_t value;  //  the id, or since_ms
} start_t;

//  A message that was taken.
typedef struct {
    span_t channel;
    uint64_t id;
    uint64_t lease;
} item_t;

typedef struct {
    op_t op;     //  OP_COUNT: not known
    span_t seq;  //  the encoded scalar, to be echoed; size 0: none was sent, or none that can be
    //  Arguments, with their defaults filled in
    span_t channel;
    span_t pattern;       //  size 0: none
    span_t cursor;        //  status; size 0: none
    message_t *messages;  //  publish; owned by the request, its spans borrow the frame
    size_t message_count;
    place_t *places;     //  replay: `channels` as given, or what the cursor holds, in the order of the names' bytes;
    size_t place_count;  //  owned by the request, its spans borrow the frame
    uint64_t after;      //  replay
    uint64_t since_ms;   //  replay, given or from the cursor; 0: none
    uint64_t until;      //  replay, inclusive; UINT64_MAX: none
    uint64_t limit;      //  replay; `max` of peek, take, pending, dead
    uint64_t max_bytes;  //  replay; 0: as the bridge allows
    uint64_t before;     //  flush; 0: not given
    uint64_t before_ms;  //  flush; 0: not given
    bool all;            //  flush, redrive
    bool dry_run;        //  flush
    bool force;          //  flush, group_delete
    bool tail;           //  peek: end = "tail"
    uint64_t wait_ms;    //  replay, peek, take
    span_t waiting;      //  cancel: the seq of the one to end, as encoded
    //  Ops on groups
    span_t group;     //  peek, pause, resume: size 0: none
    span_t consumer;  //  size 0: none
    span_t *sources;  //  take: names and globs, in the order given; owned by the request, the spans borrow the frame
    size_t source_count;
    item_t *items;      //  those to settle, sorted by channel, in the order given within each; owned, spans borrow
    size_t item_count;  //  0: all of `lease`
    uint64_t lease;     //  0: not given
    uint64_t lease_ms;
    uint64_t delay_ms;        //  nack
    span_t reason;            //  nack, bury; size 0: none
    bool ack_none;            //  take: done on delivery
    bool create;              //  take
    uint64_t min_elapsed_ms;  //  pending
    start_t start;            //  group_create, group_seek
    uint64_t *ids;            //  redrive; owned by the request
    size_t id_count;
} request_t;

//  Decodes a request. Returns 0, or -1 with the fault; op and seq are then set as far as they were
//  readable, so that the error can be answered with the seq. Clear it in both cases.
//  Of several faults it tells the first of: form, keys, op, unknown keys, seq, then the arguments in the
//  table's order, whatever order the map has.
int request_decode (request_t *self, fault_t *fault, span_t frame, size_t max_payload_bytes);

//  Frees what request_decode allocated, not the request itself.
void request_clear (request_t *self);

//  "unknown" for OP_COUNT.
const char *op_name (op_t op);

#endif
