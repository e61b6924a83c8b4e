//  script - the Lua files of proto/lua, built in. Constant data, read by every thread.
//
//  Some files are parts of the scripts that need them, and none by themselves.

#include "script.h"

static const char s_hello[] = {
#include "greet.inc"
#include "hello.inc"
};
static const char s_append[] = {
#include "skip.inc"
#include "timers.inc"
#include "lost.inc"
#include "join.inc"
#include "batch.inc"
#include "delay.inc"
#include "append.inc"
};
static const char s_read[] = {
#include "skip.inc"
#include "seek.inc"
#include "hide.inc"
#include "read.inc"
};
static const char s_flush[] = {
#include "skip.inc"
#include "seek.inc"
#include "channel.inc"
#include "undelivered.inc"
#include "waiting.inc"
#include "void.inc"
#include "void_below.inc"
#include "flush.inc"
};
static const char s_status[] = {
#include "skip.inc"
#include "seek.inc"
#include "channel.inc"
#include "undelivered.inc"
#include "waiting.inc"
#include "lowest.inc"
#include "status.inc"
};
static const char s_retain[] = {
#include "skip.inc"
#include "seek.inc"
#include "retain.inc"
};
static const char s_shrink[] = {
#include "shrink.inc"
};
static const char s_free[] = {
#include "free.inc"
};
static const char s_forget[] = {
#include "forget.inc"
};
static const char s_due[] = {
#include "timers.inc"
#include "lost.inc"
#include "join.inc"
#include "delay.inc"
#include "due.inc"
};
static const char s_expire[] = {
#include "timers.inc"
#include "lost.inc"
#include "expire.inc"
};
static const char s_take[] = {
#include "channel.inc"
#include "timers.inc"
#include "state.inc"
#include "take_run.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "letter.inc"
#include "given.inc"
#include "from_ready.inc"
#include "from_log.inc"
#include "take.inc"
};
static const char s_ack[] = {
#include "channel.inc"
#include "state.inc"
#include "ack_lease.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "judge.inc"
#include "settle.inc"
#include "ack.inc"
};
static const char s_nack[] = {
#include "channel.inc"
#include "timers.inc"
#include "skip.inc"
#include "state.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "letter.inc"
#include "death.inc"
#include "give_back.inc"
#include "judge.inc"
#include "settle.inc"
#include "nack.inc"
};
static const char s_touch[] = {
#include "channel.inc"
#include "timers.inc"
#include "state.inc"
#include "writes.inc"
#include "leases.inc"
#include "runs.inc"
#include "present.inc"
#include "judge.inc"
#include "settle.inc"
#include "touch.inc"
};
static const char s_bury[] = {
#include "channel.inc"
#include "skip.inc"
#include "state.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "letter.inc"
#include "death.inc"
#include "judge.inc"
#include "settle.inc"
#include "bury.inc"
};
static const char s_release[] = {
#include "channel.inc"
#include "timers.inc"
#include "skip.inc"
#include "state.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "letter.inc"
#include "death.inc"
#include "give_back.inc"
#include "judge.inc"
#include "settle.inc"
#include "release.inc"
};
static const char s_lapse[] = {
#include "channel.inc"
#include "timers.inc"
#include "skip.inc"
#include "state.inc"
#include "writes.inc"
#include "leases.inc"
#include "keep.inc"
#include "runs.inc"
#include "present.inc"
#include "letter.inc"
#include "death.inc"
#include "give_back.inc"
#include "lapse.inc"
};
static const char s_mark_clean[] = {
#include "mark_clean.inc"
};
static const char s_acked[] = {
#include "channel.inc"
#include "undelivered.inc"
#include "lowest.inc"
#include "acked.inc"
};
static const char s_dead[] = {
#include "channel.inc"
#include "letter.inc"
#include "dead.inc"
};
static const char s_group[] = {
#include "skip.inc"
#include "seek.inc"
#include "channel.inc"
#include "undelivered.inc"
#include "waiting.inc"
#include "void.inc"
#include "group.inc"
};
static const char s_pause[] = {
#include "channel.inc"
#include "pause.inc"
};
static const char s_peek_group[] = {
#include "channel.inc"
#include "letter.inc"
#include "undelivered.inc"
#include "peek_group.inc"
};
static const char s_pending[] = {
#include "channel.inc"
#include "pending.inc"
};
static const char s_redrive[] = {
#include "channel.inc"
#include "redrive.inc"
};

static const span_t s_texts[SCRIPT_COUNT] = {
    [SCRIPT_HELLO] = {s_hello, sizeof s_hello},
    [SCRIPT_APPEND] = {s_append, sizeof s_append},
    [SCRIPT_READ] = {s_read, sizeof s_read},
    [SCRIPT_FLUSH] = {s_flush, sizeof s_flush},
    [SCRIPT_STATUS] = {s_status, sizeof s_status},
    [SCRIPT_RETAIN] = {s_retain, sizeof s_retain},
    [SCRIPT_SHRINK] = {s_shrink, sizeof s_shrink},
    [SCRIPT_FREE] = {s_free, sizeof s_free},
    [SCRIPT_FORGET] = {s_forget, sizeof s_forget},
    [SCRIPT_DUE] = {s_due, sizeof s_due},
    [SCRIPT_EXPIRE] = {s_expire, sizeof s_expire},
    [SCRIPT_TAKE] = {s_take, sizeof s_take},
    [SCRIPT_ACK] = {s_ack, sizeof s_ack},
    [SCRIPT_NACK] = {s_nack, sizeof s_nack},
    [SCRIPT_TOUCH] = {s_touch, sizeof s_touch},
    [SCRIPT_BURY] = {s_bury, sizeof s_bury},
    [SCRIPT_RELEASE] = {s_release, sizeof s_release},
    [SCRIPT_LAPSE] = {s_lapse, sizeof s_lapse},
    [SCRIPT_MARK_CLEAN] = {s_mark_clean, sizeof s_mark_clean},
    [SCRIPT_ACKED] = {s_acked, sizeof s_acked},
    [SCRIPT_DEAD] = {s_dead, sizeof s_dead},
    [SCRIPT_GROUP] = {s_group, sizeof s_group},
    [SCRIPT_PAUSE] = {s_pause, sizeof s_pause},
    [SCRIPT_PEEK_GROUP] = {s_peek_group, sizeof s_peek_group},
    [SCRIPT_PENDING] = {s_pending, sizeof s_pending},
    [SCRIPT_REDRIVE] = {s_redrive, sizeof s_redrive},
};

span_t script_text (script_t script)
{
    return s_texts[script];
}
