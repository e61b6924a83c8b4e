//  message - what a producer sent: channel, payload, headers; checked against PROTOCOL.md.
//
//  A message borrows the frames that it was read from.

#ifndef MESSAGE_H_INCLUDED
#define MESSAGE_H_INCLUDED

#include <stdint.h>
#include "code.h"
#include "span.h"

typedef struct {
    span_t channel;
    span_t payload;
    span_t headers;  //  an encoded msgpack map; size 0: none (an empty map counts as none)
    //  What the headers tell the bridge
    span_t msg_id;     //  size 0: none
    int64_t delay_ms;  //  -1: none
    int64_t at_ms;     //  -1: none
    int64_t ttl_ms;    //  -1: none
    bool front;
} message_t;

//  Reads a message from the frames of one multipart: [channel][payload], [channel][payload][headers],
//  or one frame with a msgpack array [channel, payload] or [channel, payload, headers].
//  Headers nil or absent: none. Channels are checked as names and must not be reserved.
//  Returns 0, or -1 with the fault; message->channel is then set when it could be told and is 1-200 bytes of
//  UTF-8, else empty, and message->payload when it could be told; of more than 3 frames neither is told.
//  fault->message is the `reason` stored in $rejected: short, stable, names what was wrong.
int message_read (message_t *self, fault_t *fault, const span_t *frames, size_t count, size_t max_payload_bytes);

//  Reads a message from msgpack values that a scan has accepted: channel and payload, each str or bin, and
//  headers, size 0 for none. Returns as message_read.
int message_read_values (
    message_t *self, fault_t *fault, span_t channel, span_t payload, span_t headers, size_t max_payload_bytes);

//  Checks channel, payload size and headers of a message whose three spans are set (publish),
//  and fills in what the headers tell. Returns 0, or -1 with the fault.
int message_check (message_t *self, fault_t *fault, size_t max_payload_bytes);

#endif
