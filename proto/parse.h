//  parse - one request's decoding under way: what request.c and those who read an op's own arguments share.
//
//  Part of request; nobody else includes it. Each parse_… returns 0, or -1 with the fault.

#ifndef PARSE_H_INCLUDED
#define PARSE_H_INCLUDED

#include "request.h"
#include "scan.h"

#define PARSE_ID_MAX (UINT64_C (1) << 53)

typedef struct {
    request_t *request;
    fault_t *fault;
    size_t first_row;  //  of the op, in the table of arguments
    size_t end_row;
    span_t *values;  //  as encoded, of op and seq, then by row of the op; size 0: not given
    size_t max_payload_bytes;
} parse_t;

//  An argument of the request's op, as encoded; size 0: not given.
span_t parse_value (const parse_t *self, const char *key);
bool parse_is_given (const parse_t *self, const char *key);

int parse_no_memory (parse_t *self);

//  publish: its messages, in either form.
int parse_publish (parse_t *self);

//  replay: the arguments `channels` and `cursor`, and what all arguments together have to keep.
int parse_channels (parse_t *self, cursor_t entries);
int parse_cursor (parse_t *self, cursor_t value);
int parse_replay (parse_t *self);

//  redrive: which letters. group_create, group_seek: where the group begins.
int parse_redrive (parse_t *self);
int parse_start (parse_t *self);
//  take: its channels, names and globs.
int parse_sources (parse_t *self, cursor_t entries);

//  ack, nack, touch, bury: what is to be settled, in one of three forms.
int parse_settle (parse_t *self);

#endif
