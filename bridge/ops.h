//  ops - what each op asks of Redis or of the lane, and makes of the answer. Part of control, in its thread.
//
//  Each serves a call whose request was decoded; the call is answered by then or later.

#ifndef OPS_H_INCLUDED
#define OPS_H_INCLUDED

#include "call.h"

void op_publish (call_t *call);
void op_replay (call_t *call);  //  also again, when the call waits: it then begins anew
void op_replay_glob (call_t *call);
void op_flush (call_t *call);
void op_peek (call_t *call);
void op_status (call_t *call);
void op_info (call_t *call);
void op_cancel (call_t *call);
void op_ping (call_t *call);
void op_pending (call_t *call);
void op_dead (call_t *call);
void op_redrive (call_t *call);
void op_group_create (call_t *call);
void op_group_seek (call_t *call);
void op_group_delete (call_t *call);
void op_pause (call_t *call);  //  and resume
void op_take (call_t *call);
void op_settle (call_t *call);  //  ack, nack, touch, bury
void op_release (call_t *call);

//  The lane has answered the ask of a publish or an info.
void op_publish_answered (call_t *call);
void op_info_answered (call_t *call);

//  So many replicas are known to have what was published.
void op_publish_told (call_t *call, uint64_t replicas);

#endif
