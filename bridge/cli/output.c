//  output - the terminal, text that it may show, times in words.

#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "name.h"
#include "zrb.h"

size_t output_width (void)
{
    struct winsize size;
    if (!isatty (STDOUT_FILENO)) {
        return 0;
    }
    return ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool output_has_colour (void)
{
    const char *no_colour = getenv ("NO_COLOR"), *terminal = getenv ("TERM");
    return isatty (STDOUT_FILENO) && !(no_colour && *no_colour) && !(terminal && strcmp (terminal, "dumb") == 0);
}

bool output_has_progress (void)
{
    return isatty (STDERR_FILENO);
}

int output_flush (void)
{
    if (fflush (stdout) == 0 && !ferror (stdout)) {
        return ZRB_GOOD;
    }
    return errno == EPIPE ? ZRB_BAD : zrb_complain (ZRB_BAD, "cannot write the output: %s", strerror (errno));
}

//  Bytes of the first character, which is UTF-8 and no control character; 0: it is none such.
static size_t s_printable (span_t text)
{
    uint8_t first = (uint8_t)text.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    bool is_control = first < 0x20 || first == 0x7f || (first == 0xc2 && text.size > 1 && (uint8_t)text.data[1] < 0xa0);
    return !is_control && size <= text.size && text_is_utf8 (span_of (text.data, size)) ? size : 0;
}

void print_shown (FILE *to, span_t text)
{
    while (text.size > 0) {
        size_t size = s_printable (text);
        if (size) {
            fwrite (text.data, 1, size, to);
        } else {
            fputc (text.data[0] == '\t' ? '\t' : '?', to);
            size = 1;
        }
        text = span_of (text.data + size, text.size - size);
    }
}

const char *age_text (char *to, uint64_t ms)
{
    if (ms < 1000) {
        snprintf (to, AGE_SIZE, "%" PRIu64 " ms", ms);
    } else if (ms < 60000) {
        snprintf (to, AGE_SIZE, "%.1f s", (double)ms / 1000);
    } else if (ms < 3600000) {
        snprintf (to, AGE_SIZE, "%" PRIu64 " min", ms / 60000);
    } else if (ms < 48 * UINT64_C (3600000)) {
        snprintf (to, AGE_SIZE, "%" PRIu64 " h", ms / 3600000);
    } else {
        snprintf (to, AGE_SIZE, "%" PRIu64 " d", ms / 86400000);
    }
    return to;
}

const char *time_text (char *to, uint64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    char text[TIME_SIZE - 8] = "";
    if (localtime_r (&seconds, &parts)) {
        strftime (text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    }
    snprintf (to, TIME_SIZE, "%s.%03u", text, (unsigned)(time_ms % 1000));
    return to;
}

uint64_t now_ms (void)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
