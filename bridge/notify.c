//  notify - see sd_notify(3) and sd_watchdog_enabled(3). Keeps the time of the last sign of life; main's own.

#include "notify.h"

#include <czmq.h>
#include <systemd/sd-daemon.h>

enum { STOP_EXTRA_MS = 20000 };  //  behind the grace period: Redis is shut down and written to disk

void notify_ready (const char *status)
{
    sd_notifyf (0, "READY=1\nSTATUS=%s", status);
}

void notify_stopping (int64_t grace_ms)
{
    sd_notifyf (0, "STOPPING=1\nSTATUS=stores and sends what has arrived\nEXTEND_TIMEOUT_USEC=%" PRId64,
        (grace_ms + STOP_EXTRA_MS) * 1000);
}

long notify_alive (void)
{
    static int64_t told_ms;
    uint64_t watchdog_us;
    if (sd_watchdog_enabled (0, &watchdog_us) <= 0) {
        return -1;
    }
    //  Twice in each period, as sd_watchdog_enabled (3) asks.
    int64_t every_ms = (int64_t)(watchdog_us / 2000), now_ms = zclock_mono ();
    if (told_ms == 0 || now_ms >= told_ms + every_ms) {
        sd_notify (0, "WATCHDOG=1");
        told_ms = now_ms;
    }
    return (long)(told_ms + every_ms - now_ms);
}
