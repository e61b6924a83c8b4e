//  session - what a subcommand runs on: one bridge, asked until it answers, and the signals that end the program.
//
//  Main's thread. A request is sent again when the connection is lost, when no reply comes in 5 s beyond what it may
//  wait, and after retry_ms where the bridge says so: so ask only for what may be asked twice (a publish with msg_id).
//  Each connection has a socket of its own, so that a reply to an earlier try never comes late; replies that the bridge
//  could not deliver it takes back. SIGINT and SIGTERM are blocked, and told by session_stop.

#ifndef SESSION_H_INCLUDED
#define SESSION_H_INCLUDED

#include "args.h"
#include "asker.h"

typedef struct session_s session_t;

//  For up to `window` open requests. NULL: a line on stderr has told why, and the exit status is ZRB_USAGE. The caller
//  destroys it; sockets of its context are to be closed before.
session_t *session_new (const args_t *args, size_t window);
void session_destroy (session_t **self_p);

void *session_context (const session_t *self);
const char *session_endpoint (const session_t *self);

//  A socket of the session's context with linger 0, a DEALER without high-water marks, connected to that endpoint, with the keys
//  of CURVE where they are given. NULL: a line on stderr has told why. The caller closes it.
void *session_connect (session_t *self, int type, const char *endpoint);

//  From the first answer on it waits for the bridge as long as it takes, not as long as --wait says.
void session_be_patient (session_t *self);

//  Gives faults that asking again might mend to the caller at once.
void session_take_faults (session_t *self);

//  Begins {op, seq, …}: pack `keys` more keys, each with its value, then call session_send or session_ask.
msgpack_packer *session_begin (session_t *self, const char *op, size_t keys);

//  Sends it; wait_ms is what the op itself may wait. Returns the request's ticket, which its answer has as `slot`.
//  Tickets are never used twice.
size_t session_send (session_t *self, uint64_t wait_ms);

//  Sends it and waits. Returns 0 when it was answered with ok; else the exit status: a line on stderr has told why,
//  unless a signal ended it. The answer is to be cleared after 0 alone.
int session_ask (session_t *self, uint64_t wait_ms, answer_t *answer);

//  As session_ask, where the caller tells the fault: returns 0 for any answer, also one that is not ok.
int session_ask_any (session_t *self, uint64_t wait_ms, answer_t *answer);

//  Takes an answer that is there, as asker_take does; one with a fault is one that asking again doesn't mend.
bool session_take (session_t *self, answer_t *answer);

//  Waits until an answer is there, one of the caller's items has an event, a signal came of which
//  session_stop has not told yet, or that time of clock_ns.
//  Returns 0, or ZRB_ABSENT when no bridge has answered for too long, which was told on stderr.
int session_wait (session_t *self, zmq_pollitem_t *items, size_t count, uint64_t until_ns);

//  Open requests, and whether one more may be sent.
size_t session_open (const session_t *self);
bool session_has_room (const session_t *self);

//  0, or what the exit status is when a signal ends the program: 128 and its number.
int session_stop (session_t *self);
//  How many signals came.
unsigned session_stops (session_t *self);

//  True while the bridge does not answer.
bool session_is_away (const session_t *self);

#endif
