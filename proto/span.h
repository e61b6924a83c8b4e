//  span - bytes that belong to somebody else.

#ifndef SPAN_H_INCLUDED
#define SPAN_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *data;  //  borrowed; not terminated by a zero byte
    size_t size;
} span_t;

static inline span_t span_of (const void *data, size_t size)
{
    return (span_t){(const char *)data, size};
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
