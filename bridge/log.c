//  log - formats one line and writes it to stderr.
//
//  Called by every thread; owns nothing but the level, and the format, which main sets before any other thread runs.
//  Must never block on a lock, allocate, or change errno.

#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "json.h"

enum { LINE_MAX_BYTES = 2048 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

static _Atomic log_level_t threshold = LEVEL_INFO;
static bool as_json = false;

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

int log_set_format (const char *name)
{
    bool known = strcmp (name, "text") == 0 || strcmp (name, "json") == 0;
    as_json = known ? strcmp (name, "json") == 0 : as_json;
    return known ? 0 : -1;
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

//  As JSON

//  The size of the key and its '=' that stand there; 0: none does.
static size_t s_key (const char *text)
{
    size_t size = strspn (text, "abcdefghijklmnopqrstuvwxyz_");
    return size > 0 && text[size] == '=' ? size + 1 : 0;
}

//  The size of the value there: up to the next key, or the end.
static size_t s_value (const char *text)
{
    bool quoted = text[0] == '"';
    size_t size = 0;
    while (text[size]) {
        bool ends = !quoted || (size > 1 && text[size - 1] == '"');
        if (text[size] == ' ' && ends && s_key (text + size + 1) > 0) {
            break;
        }
        size++;
    }
    return size;
}

static bool s_is_number (span_t value)
{
    size_t digits = 0;
    while (digits < value.size && isdigit ((unsigned char)value.data[digits])) {
        digits++;
    }
    return digits > 0 && digits == value.size && digits < 16 && (value.data[0] != '0' || digits == 1);
}

//  LIMIT: a quoted value that holds a quote, a blank, a word and '=' in a row is cut there, and the rest taken for a pair.
static size_t s_to_json (char *to, const char *line)
{
    size_t used = 0, key;
    while ((key = s_key (line)) > 0) {
        size_t size = s_value (line + key);
        span_t value = span_of (line + key, size);
        used += (size_t)sprintf (to + used, "%s\"%.*s\": ", used ? ", " : "{", (int)key - 1, line);
        bool quoted = size > 1 && value.data[0] == '"' && value.data[size - 1] == '"';
        if (s_is_number (value)) {
            memcpy (to + used, value.data, size);
            used += size;
        } else {
            used += json_string (to + used, quoted ? span_of (value.data + 1, size - 2) : value);
        }
        line += key + size + (line[key + size] == ' ');
    }
    to[used++] = '}';
    return used;
}

static void s_write (char *line, size_t size)
{
    line[size++] = '\n';
    //  A log that cannot be written must not stop the bridge, so the result is of no use.
    ssize_t written = write (STDERR_FILENO, line, size);
    (void)written;
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
    if (as_json) {
        //  A pair takes at least three bytes, and of what JSON adds no more than six.
        char object[4 * LINE_MAX_BYTES];
        line[used] = 0;
        s_write (object, s_to_json (object, line));
    } else {
        s_write (line, used);
    }
    errno = saved_errno;
}
