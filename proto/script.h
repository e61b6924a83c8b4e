//  script - the Lua files of proto/lua, built in.

#ifndef SCRIPT_H_INCLUDED
#define SCRIPT_H_INCLUDED

#include "span.h"

typedef enum {
    SCRIPT_HELLO,
    SCRIPT_APPEND,
    SCRIPT_READ,
    SCRIPT_FLUSH,
    SCRIPT_STATUS,
    SCRIPT_RETAIN,
    SCRIPT_SHRINK,
    SCRIPT_FREE,
    SCRIPT_FORGET,
    SCRIPT_DUE,
    SCRIPT_EXPIRE,
    SCRIPT_TAKE,
    SCRIPT_ACK,
    SCRIPT_NACK,
    SCRIPT_TOUCH,
    SCRIPT_BURY,
    SCRIPT_RELEASE,
    SCRIPT_LAPSE,
    SCRIPT_MARK_CLEAN,
    SCRIPT_ACKED,
    SCRIPT_DEAD,
    SCRIPT_GROUP,
    SCRIPT_PAUSE,
    SCRIPT_PEEK_GROUP,
    SCRIPT_PENDING,
    SCRIPT_REDRIVE,
    SCRIPT_COUNT
} script_t;

span_t script_text (script_t script);

#endif
