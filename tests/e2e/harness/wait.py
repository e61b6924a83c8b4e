"""Waiting for what must happen, never for a time that may be enough."""

import os
import time

#  Generous: the daemon may run under sanitizers on a busy machine. Reached only by a failure.
PATIENCE_S = int(os.environ.get("ZRBRIDGE_PATIENCE_S") or 30)


def eventually(condition, what="it", patience_s=PATIENCE_S):
    """Asks again and again until `condition` returns something true, and returns that."""
    deadline = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s in vain for {what}")
        time.sleep(0.005)
