//  lines - what a descriptor brings, line by line, without waiting.

#ifndef LINES_H_INCLUDED
#define LINES_H_INCLUDED

#include "span.h"

typedef struct lines_s lines_t;

//  `whole`: all of it is one line, at the end.
lines_t *lines_new (int fd, bool whole);
void lines_destroy (lines_t **self_p);

//  Reads what is there, and drops the lines that were given before. A line that gets longer than `most` bytes is cut
//  there, and is the last. Returns 1, 0 at the end, or -1 with errno.
int lines_read (lines_t *self, size_t most);

//  The next whole line, without its newline; the last one needs none. It stays until lines_read. False: none is there.
bool lines_next (lines_t *self, span_t *line);

#endif
