//  waits - replays and peeks with nothing to give that wait for an append, and takes (see takers.h). Part of control, in its thread.
//
//  A call stands in desk->waiting from before its first read until it is answered, so that no append between a read
//  and the wait is missed: one that comes meanwhile makes it read again.

#ifndef WAITS_H_INCLUDED
#define WAITS_H_INCLUDED

#include "call.h"

//  The call may wait, for request.wait_ms from now. `begin` reads for it, first and again.
void waits_begin (call_t *call, void (*begin) (call_t *));

//  There is nothing to give. Returns true when the call waits, or reads again; false when its time is over, or it does
//  not wait at all: it has to be answered.
bool waits_on (call_t *call);

//  Somebody has appended to the channel.
void waits_appended (desk_t *desk, span_t channel);

//  Something has become takeable in the channel's group: who peeks there reads again.
void waits_takeable (desk_t *desk, span_t channel, span_t group);

//  The call reads again: at once when it waits, else when it has nothing to give.
void waits_wake (call_t *call);

//  Appends may have been missed: all replays read again.
void waits_wake_all (desk_t *desk);

//  Ends the wait of the calls of this peer with this seq: replays are answered with what there is, takes at once, empty.
//  Returns how many.
size_t waits_cancel (desk_t *desk, const peer_t *peer, span_t seq);

//  Ends all waits.
void waits_end_all (desk_t *desk);

//  At the end: those that wait stand in desk->calls again, and nobody reads for them any more.
void waits_drop (desk_t *desk);

//  When waits_work must be called; INT64_MAX: nobody waits.
int64_t waits_deadline_ms (const desk_t *desk);

//  Ends the waits whose time is over, and reads again for those that were woken.
void waits_work (desk_t *desk);

#endif
