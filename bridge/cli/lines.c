//  lines - see lines.h. Owns a buffer; the descriptor is the caller's.

#include "lines.h"
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK = 65536 };

struct lines_s {
    int fd;
    bool whole, has_ended;
    char *buffer;
    size_t size, room;
    size_t at;       //  where the next line begins
    size_t scanned;  //  no newline lies before, from `at` on
};

lines_t *lines_new (int fd, bool whole)
{
    lines_t *self = calloc (1, sizeof *self);
    assert (self);
    self->fd = fd;
    self->whole = whole;
    return self;
}

void lines_destroy (lines_t **self_p)
{
    lines_t *self = *self_p;
    if (self) {
        free (self->buffer);
        free (self);
        *self_p = NULL;
    }
}

int lines_read (lines_t *self, size_t most)
{
    if (self->at) {
        memmove (self->buffer, self->buffer + self->at, self->size - self->at);
        self->size -= self->at;
        self->scanned -= self->at;
        self->at = 0;
    }
    if (self->size >= most) {
        self->has_ended = true;
        return 0;
    }
    if (self->room < self->size + CHUNK) {
        self->room = 2 * self->room > self->size + CHUNK ? 2 * self->room : self->size + CHUNK;
        self->buffer = realloc (self->buffer, self->room);
        assert (self->buffer);
    }
    ssize_t got = read (self->fd, self->buffer + self->size, CHUNK);
    if (got > 0) {
        self->size += (size_t)got;
        return 1;
    }
    self->has_ended = true;
    return got < 0 ? -1 : 0;
}

bool lines_next (lines_t *self, span_t *line)
{
    char *end = NULL;
    if (!self->whole && self->size > self->scanned) {
        end = memchr (self->buffer + self->scanned, '\n', self->size - self->scanned);
    }
    if (end) {
        *line = span_of (self->buffer + self->at, (size_t)(end - self->buffer) - self->at);
        self->at = self->scanned = (size_t)(end - self->buffer) + 1;
        return true;
    }
    self->scanned = self->size;
    if (!self->has_ended || self->at == self->size) {
        return false;
    }
    *line = span_of (self->buffer + self->at, self->size - self->at);
    self->at = self->size;
    return true;
}
