//  scan - walks msgpack from outside without allocating and without trusting its headers.
//
//  Everything that a peer sent passes scan_value before msgpack-c touches it, and either scan before a cursor does.

#ifndef SCAN_H_INCLUDED
#define SCAN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "span.h"

//  The largest max_depth that a caller may name.
enum { SCAN_DEPTH_MAX = 32 };

//  Bytes that the first value in data takes; 0 when it is cut short, uses the reserved byte 0xc1,
//  or nests deeper than max_depth (a scalar has depth 0, an array of scalars 1).
//  Constant stack, no allocation, time linear in the bytes walked.
size_t scan_value (const void *data, size_t size, unsigned max_depth);

//  As scan_value, but at any depth: what nests too deep can be told from what is cut short. What it
//  accepts is safe for a cursor, which does not recurse; not for msgpack-c.
size_t scan_any_depth (const void *data, size_t size);

//  True when data is exactly one value with nothing behind it.
bool scan_is_one_value (const void *data, size_t size, unsigned max_depth);

//  A cursor over bytes that a scan has accepted. Each reader moves past one value (or past the
//  head of an array or map) and returns true, or returns false and stays where it was when the
//  next value is of another type.
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor_t;

cursor_t cursor_of (span_t bytes);

bool cursor_array (cursor_t *self, uint32_t *count);
bool cursor_map (cursor_t *self, uint32_t *count);
bool cursor_str (cursor_t *self, span_t *text);
bool cursor_bin (cursor_t *self, span_t *bytes);
bool cursor_bytes (cursor_t *self, span_t *bytes);   //  bin or str
bool cursor_uint (cursor_t *self, uint64_t *value);  //  any encoding of an integer >= 0
bool cursor_bool (cursor_t *self, bool *value);
bool cursor_nil (cursor_t *self);
bool cursor_skip (cursor_t *self);              //  false only at the end
bool cursor_raw (cursor_t *self, span_t *raw);  //  the next value's own bytes
//  The own bytes of a nil, bool, integer, float, str or bin.
bool cursor_scalar (cursor_t *self, span_t *raw);

#endif
