//  permit - holds requests against the access rules. Part of control, in its thread.

#ifndef PERMIT_H_INCLUDED
#define PERMIT_H_INCLUDED

#include "call.h"

//  Whether the client may ask that of all channels that the request names. Returns 0, or -1 with the fault `denied`.
int permit_request (const call_t *call, fault_t *fault);

//  Whether what a request does may be done in a channel that one of its globs has brought.
bool permit_name (const call_t *call, span_t channel);

//  The rules have changed: who waits for what is no longer allowed is answered `denied`.
void permit_again (desk_t *desk);

#endif
