//  fuzz - what the targets share. A target is one file: it hands any bytes to one of the readers of what strangers send
//  or users write, and asserts what must hold for them all, not only that nothing crashes.
//
//  With -DFUZZ=ON libFuzzer makes the bytes, see run; else replay.c reads them from corpus/. One thread.

#ifndef FUZZ_H_INCLUDED
#define FUZZ_H_INCLUDED

#include "message.h"

//  Each target's own. Returns 0.
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  What is left of an input.
typedef struct {
    const uint8_t *at;
    size_t size;
} input_t;

//  The next byte; 0 at the end.
uint8_t input_byte (input_t *self);

//  The next frame: a byte says its size, 254 that two more bytes do, 255 that it is all that is left. One that would go
//  beyond the end is cut there. It is copied to an allocation of exactly its size, so that AddressSanitizer sees a read
//  outside; end it by frame_free.
span_t input_frame (input_t *self);
span_t frame_copy (const void *data, size_t size);
void frame_free (span_t frame);

bool span_is_inside (span_t part, span_t whole);
bool span_equals (span_t one, span_t other);

//  One line that says something.
void check_fault (const fault_t *fault);

//  All that PROTOCOL.md promises of a message that was taken, that msgpack-c reads its headers alike, and that its
//  envelope gives it back.
void check_message (const message_t *message, size_t max_payload_bytes);

//  Exactly one value, for the scan and for msgpack-c.
void check_is_one_value (span_t bytes, unsigned max_depth);

#endif
