//  complain - one line that says what is wrong and what to do.

#include "zrb.h"
#include <stdarg.h>
#include <stdio.h>

int zrb_complain (int status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    fprintf (stderr, "zrb: %s\n", text);
    return status;
}
