//  log - formats one line and writes it to stderr.
//
//  Called by every thread; owns nothing but the level, which main sets once, before any other thread runs.
//  Must never block on a lock, allocate, or change errno.

#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

static log_level_t threshold = LEVEL_INFO;

int log_set_level (const char *name)
{
    for (int level = 0; level < LEVEL_COUNT; level++) {
        if (strcmp (name, level_names[level]) == 0) {
            threshold = (log_level_t)level;
            return 0;
        }
    }
    return -1;
}

//  Adds text at *used; what does not fit is cut.
static void s_append (char *line, size_t *used, const char *format, va_list args)
{
    size_t room = LINE_MAX_BYTES - *used;
    int wanted = vsnprintf (line + *used, room, format, args);
    if (wanted > 0) {
        *used += (size_t)wanted < room ? (size_t)wanted : room - 1;
    }
}

__attribute__ ((format (printf, 3, 4))) static void s_appendf (char *line, size_t *used, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    s_append (line, used, format, args);
    va_end (args);
}

static void s_append_time (char *line, size_t *used)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r (&now.tv_sec, &utc);
    *used += strftime (line + *used, LINE_MAX_BYTES - *used, "time=%Y-%m-%dT%H:%M:%S", &utc);
    s_appendf (line, used, ".%03ldZ", now.tv_nsec / 1000000);
}

//  The C1 control characters (U+0080 to U+009F) count too: some terminals obey them.
static void s_disarm (char *line, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < 0x20 || c == 0x7f) {
            line[i] = '?';
        } else if (c == 0xc2 && i + 1 < size && ((unsigned char)line[i + 1] & 0xe0) == 0x80) {
            line[i] = '?';
            line[i + 1] = '?';
        }
    }
}

void log_write (log_level_t level, const char *actor, const char *event, const char *format, ...)
{
    if (level > threshold) {
        return;
    }
    int saved_errno = errno;
    char line[LINE_MAX_BYTES + 1];  //  and the newline
    size_t used = 0;
    s_append_time (line, &used);
    s_appendf (line, &used, " level=%s actor=%s event=%s", level_names[level], actor, event);
    if (*format) {
        s_appendf (line, &used, " ");
        va_list args;
        va_start (args, format);
        s_append (line, &used, format, args);
        va_end (args);
    }
    s_disarm (line, used);
    line[used++] = '\n';
    //  A log that cannot be written must not stop the bridge, so the result is of no use.
    ssize_t written = write (STDERR_FILENO, line, used);
    (void)written;
    errno = saved_errno;
}
