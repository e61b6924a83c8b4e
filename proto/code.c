//  code - names of the wire's error codes, and faults. Owns nothing, keeps no state; any thread.

#include <stdarg.h>
#include <stdio.h>
#include "code.h"

static const char *const s_names[] = {
    [CODE_OK] = "ok",
    [CODE_BAD_REQUEST] = "bad_request",
    [CODE_UNKNOWN_OP] = "unknown_op",
    [CODE_BAD_CHANNEL] = "bad_channel",
    [CODE_TOO_LARGE] = "too_large",
    [CODE_NOT_FOUND] = "not_found",
    [CODE_UNSAFE] = "unsafe",
    [CODE_DENIED] = "denied",
    [CODE_BUSY] = "busy",
    [CODE_UNAVAILABLE] = "unavailable",
    [CODE_UNKNOWN_OUTCOME] = "unknown_outcome",
};

const char *code_name (code_t code)
{
    return s_names[code];
}

int fault_set (fault_t *self, code_t code, const char *format, ...)
{
    self->code = code;
    self->index = -1;
    self->retry_ms = 0;

    va_list arguments;
    va_start (arguments, format);
    vsnprintf (self->message, sizeof self->message, format, arguments);
    va_end (arguments);
    return -1;
}
