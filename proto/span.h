//  span - bytes that belong to somebody else.

#ifndef SPAN_H_INCLUDED
#define SPAN_H_INCLUDED

#include <stdbool.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *data;  //  borrowed; not terminated by a zero byte
    size_t size;
} span_t;

static inline span_t span_of (const void *data, size_t size)
{
    return (span_t){(const char *)data, size};
}

static inline span_t span_text (const char *text)
{
    return span_of (text, strlen (text));
}

//  Writes value in decimal into `to`, of at least SPAN_NUMBER bytes, which the span borrows.
enum { SPAN_NUMBER = 24 };

static inline span_t span_number (char *to, uint64_t value)
{
    int size = snprintf (to, SPAN_NUMBER, "%" PRIu64, value);
    return span_of (to, (size_t)size);
}

static inline bool span_eq (span_t self, const char *text)
{
    return self.size == strlen (text) && memcmp (self.data, text, self.size) == 0;
}

//  The order of bytes: below 0, 0 or above.
static inline int span_compare (span_t self, span_t other)
{
    int order = memcmp (self.data, other.data, self.size < other.size ? self.size : other.size);
    return order ? order : (self.size > other.size) - (self.size < other.size);
}

#endif
