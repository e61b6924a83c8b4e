//  step - sends a script that takes a channel's meta key, and makes the others from it. Part of control.

#ifndef STEP_H_INCLUDED
#define STEP_H_INCLUDED

#include "call.h"

enum { STEP_ARGS = 512 };  //  at most, of one script

//  Sends it for the call; the reply goes to fn, with the call as arg.
void step_send (call_t *call, script_t script, span_t channel, link_reply_fn *fn, size_t argc, const span_t *args);

//  True when the reply says that the group is there; else the call is answered `not_found`.
bool step_found (call_t *call, const redisReply *reply);

#endif
