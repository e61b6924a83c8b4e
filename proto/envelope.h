//  envelope - a stored message: the msgpack array [id, time_ms, headers, payload].
//
//  id and time_ms are always 9-byte uint64, so the id's bytes begin at offset 2 and the time's at 11.

#ifndef ENVELOPE_H_INCLUDED
#define ENVELOPE_H_INCLUDED

#include <stdint.h>
#include "message.h"
#include "span.h"

enum { ENVELOPE_ID_AT = 2, ENVELOPE_TIME_AT = 11, ENVELOPE_HEADERS_AT = 19 };

typedef struct {
    uint64_t id;
    uint64_t time_ms;  //  milliseconds since 1970
    span_t headers;    //  encoded map; size 0: nil
    span_t payload;
} envelope_t;

//  Bytes that a message will take as an envelope.
size_t envelope_size (const message_t *message);

//  Encodes with id and time_ms 0, to be stamped. `to` holds envelope_size bytes; returns that size.
size_t envelope_encode (uint8_t *to, const message_t *message);

//  Writes id and time into an encoded envelope.
void envelope_stamp (uint8_t *self, uint64_t id, uint64_t time_ms);

uint64_t envelope_id (const void *self);
uint64_t envelope_time_ms (const void *self);

//  Decodes the first envelope of a member; a member may hold several back to back.
//  Accepts longer arrays. Borrows the bytes. Returns the bytes taken, 0 when they are no envelope.
size_t envelope_decode (envelope_t *self, const void *data, size_t size);

#endif
