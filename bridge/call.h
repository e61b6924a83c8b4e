//  call - one request on its way to its reply. Part of control, in its thread.
//
//  A call is answered exactly once, and lives until nothing is due for it any more.

#ifndef CALL_H_INCLUDED
#define CALL_H_INCLUDED

#include "access.h"
#include "ask.h"
#include "config.h"
#include "ear.h"
#include "guesses.h"
#include "hints.h"
#include "link.h"
#include "rate.h"
#include "reply.h"
#include "request.h"
#include "returns.h"
#include "router.h"
#include "snapshot.h"

//  Calls that may wait, by what they wait for.
enum { WAITING_REPLAYS, WAITING_TAKES, WAITING_KINDS };

typedef struct call call_t;
typedef struct taker taker_t;
typedef struct takers takers_t;

//  What all calls share; owned by control.
typedef struct {
    const config_t *config;
    access_t *access;  //  NULL: without curve
    router_t *router;
    link_t *link;
    ear_t *ear;
    zsock_t *lane;  //  asks go there
    asks_t asks;    //  gathered for it
    hints_t *hints;
    zlistx_t *calls;                   //  those not yet answered and not parked, by deadline_ms
    zlistx_t *parked;                  //  those that wait for something to come instead
    zlistx_t *waiting[WAITING_KINDS];  //  calls that may wait, from before their first read until they are answered
    zlistx_t *woken;                   //  of the parked ones; their `due` counts it
    takers_t *takers;
    returns_t *returns;
    guesses_t *guesses;
    int64_t wait_deadline_ms;   //  no parked call's time is over before, nor has it to look again
    size_t member_bytes;        //  what takes must expect of a member, see ops_take.c
    zlistx_t *turns;            //  calls whose turn has not come; their `due` counts it
    size_t heavy;               //  calls that have had their turn and have not ended
    struct replicas *replicas;  //  NULL: none are asked
    counters_t counters;
    snapshots_t *snapshots;
    size_t living;  //  calls that are not answered, or for which something is still due
    call_t *spare;  //  ended ones, for those that come
    size_t spares;
    int64_t heard_ms;  //  zclock_mono: when announcements came last
    int64_t started_ms;
    rate_t denials;
    char *channels_key;
} desk_t;

struct call {
    desk_t *desk;
    call_t *next_spare;
    zmq_msg_t body;   //  what the request's spans point into
    const char *key;  //  the client's, the body's; NULL: without curve
    request_t request;
    int64_t deadline_ms;  //  zclock_mono
    void *place;          //  in desk->calls, or desk->parked; NULL: answered
    size_t due;           //  replies of Redis and of the lane that will still come
    bool changes;         //  Redis may change something for it
    bool changed;         //  it has
    bool stored;          //  a publish that Redis has: it can only end well
    reply_t reply;        //  begun, while it gathers from several of Redis's
    bool gathering;
    ask_t ask;   //  publish, info
    void *work;  //  the op's own, while it gathers
    void (*work_destroy) (void **work_p);
    void (*begin) (call_t *);  //  when its turn comes
    bool heavy;
    leases_t *leases;  //  that go back when the reply can't be delivered
    //  One that may wait; see waits.h
    int64_t wait_until_ms;
    int64_t look_at_ms;  //  when to look again in any case; INT64_MAX: never
    void *waiting;       //  in desk->waiting
    bool parked;
    bool missed;  //  something came since it began to read
    void (*begin_again) (call_t *);
    taker_t *taker;            //  see takers.h; NULL: none
    void (*leave) (call_t *);  //  when it is answered; NULL: nothing to do
    peer_t peer;               //  last, since the room for its frames is not cleared
};

//  Takes peer and body. The call stands in desk->calls.
call_t *call_new (desk_t *desk, peer_t *peer, zmq_msg_t *body);

//  Sends reply, which it takes.
void call_answer (call_t *self, reply_t *reply);

void call_fail (call_t *self, const fault_t *fault);
void call_fail_with (call_t *self, code_t code, const char *message);

//  The call waits: it gives its turn back, and has no deadline until call_resume.
void call_park (call_t *self);
void call_resume (call_t *self);

//  Lets go of what the op has gathered, so that it can begin, or begin again.
void call_drop_work (call_t *self);

//  Frees the call when it is answered and nothing is due. To be called last by whoever held it.
void call_end (call_t *self);

//  At the end: frees the spare ones.
void call_drop_spare (desk_t *desk);

//  Begins the call now (also again, when it has had its turn), or when others have ended. For what brings much from
//  Redis, which would else gather all its answers in memory while the first goes out.
void call_in_turn (call_t *self, void (*begin) (call_t *));

//  Begins the calls whose turn has come. To be called once in each turn of the loop.
void call_take_turns (desk_t *desk);

//  At the end: nobody's turn comes any more.
void call_drop_turns (desk_t *desk);

//  Sends a script for the call; its reply goes to fn, with the call as arg. Answers `unavailable` when Redis is away.
void call_script (call_t *self, script_t script, link_reply_fn *fn, int argc, const span_t *words);

//  The same, where fn needs more than the call: arg leads to it.
void call_script_for (call_t *self, script_t script, link_reply_fn *fn, void *arg, int argc, const span_t *words);

void call_command (call_t *self, link_reply_fn *fn, int argc, const span_t *words);

//  First in each fn: counts the reply, and answers for a lost connection or Redis's error. True when the reply is
//  good and still wanted. In both cases call_end comes last.
bool call_got (call_t *self, const redisReply *reply);

#endif
