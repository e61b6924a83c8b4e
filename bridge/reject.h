//  reject - makes of a message that can't be stored in its channel one for $rejected (PROTOCOL.md, What is refused).
//
//  Part of the lane, in its thread.

#ifndef REJECT_H_INCLUDED
#define REJECT_H_INCLUDED

#include "batch.h"
#include "writer.h"

//  `channel`: as sent, size 0: not known; `peer`: the sender's address, "": not known.
void reject (writer_t *writer, span_t channel, span_t payload, const char *reason, const char *peer);

//  The same for each message of a batch that will not be stored.
void reject_batch (writer_t *writer, span_t channel, const batch_t *batch, const char *reason);

#endif
