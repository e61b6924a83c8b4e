//  takers - takes that wait, first come, first served for each channel and group. Part of control, in its thread.
//
//  A taker stands in a line for each name and glob that it takes from. What becomes takeable is told to one taker of
//  each group, the first that does not know it yet; when it got something and more is there, or when it is answered
//  before it has looked, the next one is told. So no script is called for nothing but by one taker, and nothing is
//  missed: a taker stands in line from before its first look, and looks again at what it was told meanwhile.

#ifndef TAKERS_H_INCLUDED
#define TAKERS_H_INCLUDED

#include "call.h"

takers_t *takers_new (void);
void takers_destroy (takers_t **self_p);

//  The take may wait, for request.wait_ms from now. `begin` looks for it, first and again; when its time is over, it
//  has to answer.
void takers_begin (call_t *call, void (*begin) (call_t *));

//  What the taker has to look at: NULL: everything, and it now does; else `count` channels that it was told of, in the
//  order of its request, in an array that the caller frees; the names are the taker's until they are looked at.
span_t *takers_told (call_t *call, size_t *count);

//  The taker looks at the channel: its script goes out now.
void takers_look (call_t *call, span_t channel);

//  The channel gave something to the take, which may wait or not; `more`: and something else can be taken there.
void takers_got (call_t *call, span_t channel, bool more);

//  There was nothing. Returns true when the call waits, or looks again; false when it has to be answered.
bool takers_on (call_t *call);

//  Something can be taken from the channel, in the group, or in each when its size is 0.
void takers_takeable (desk_t *desk, span_t channel, span_t group);

//  The call has waited long: if it is a take it looks at everything.
void takers_look_again (call_t *call);

//  Something may have been missed: all look at everything.
void takers_wake_all (desk_t *desk);

#endif
