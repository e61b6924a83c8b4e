//  scan - walks msgpack from outside without allocating and without trusting its headers.
//
//  Everything that a peer sent passes scan_value before msgpack-c or a cursor touches it.

#ifndef SCAN_H_INCLUDED
#define SCAN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "span.h"

//  Bytes that the first value in data takes; 0 when it is cut short, uses the reserved byte 0xc1,
//  or nests deeper than max_depth (a scalar has depth 0, an array of scalars 1).
//  Constant stack, no allocation, time linear in the bytes walked.
size_t scan_value (const void *data, size_t size, unsigned max_depth);

//  True when data is exactly one value with nothing behind it.
bool scan_is_one_value (const void *data, size_t size, unsigned max_depth);

//  A cursor over bytes that scan_value has accepted. Each reader moves past one value (or past the
//  head of an array or map) and returns true, or returns false and stays where it was when the
//  next value is of another type.
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor_t;

bool cursor_array (cursor_t *self, uint32_t *count);
bool cursor_map (cursor_t *self, uint32_t *count);
bool cursor_str (cursor_t *self, span_t *text);
bool cursor_bytes (cursor_t *self, span_t *bytes);   //  bin or str
bool cursor_uint (cursor_t *self, uint64_t *value);  //  any encoding of an integer >= 0
bool cursor_bool (cursor_t *self, bool *value);
bool cursor_nil (cursor_t *self);
bool cursor_skip (cursor_t *self);              //  false only at the end
bool cursor_raw (cursor_t *self, span_t *raw);  //  the next value's own bytes

#endif
