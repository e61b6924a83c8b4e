"""Redis stands still under load: the bridge's memory stays bounded, senders wait, and then all goes on, each message
once."""

import os
import pathlib
import threading
import time

import pytest
import zmq
from harness import log
from harness.load import Load
from harness.wait import PATIENCE_S, eventually

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
STILL_S = 10 if LONG else 2
GOES_ON_S = 5 if LONG else PATIENCE_S   #  the promise is 5 s; a machine that builds something else may need more
IN_FLIGHT_BYTES = 8000000
PAYLOAD = bytes(2000)


class Eager(threading.Thread):
    """PUSHes `number payload` to channel `flood` as fast as ZeroMQ takes it, until it is stopped. `waits`: ZeroMQ takes
    no more."""

    def __init__(self, bridge):
        super().__init__(daemon=True)
        self.sent, self.waits = 0, False
        self._push = bridge.push(sndhwm=100)
        self._over = threading.Event()
        self.start()

    def run(self):
        while not self._over.is_set():
            if self._push.poll(100, zmq.POLLOUT):
                self._push.send_multipart([b"flood", b"%d " % self.sent + PAYLOAD])
                self.sent += 1
            else:
                self.waits = True

    def stop(self):
        self._over.set()
        self.join()


def _resident(bridge):
    pages = pathlib.Path(f"/proc/{bridge.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _expect_flood(client, store, count):
    eventually(lambda: client.ok(op="replay", channel="flood", limit=1)["head"] >= count, "all that was pushed")
    log.expect_sound(store, "flood")
    assert [int(payload.split()[0]) for payload in log.payloads(store, "flood")] == list(range(count))


@pytest.mark.fault(4)
def test_a_redis_that_stands_still_costs_a_bounded_memory_and_time(lab):
    server = lab.redis(fsync="everysec")
    #  Freed memory that the address sanitizer keeps is not the daemon's.
    bridge = lab.bridge(server, env={"ASAN_OPTIONS": "quarantine_size_mb=1"},
                        ingest={"max_in_flight_bytes": IN_FLIGHT_BYTES})
    load, eager = Load(bridge), Eager(bridge)
    load.wait_more(300)
    before = _resident(bridge)
    server.suspend()
    eager.waits = False
    until = time.monotonic() + STILL_S
    eventually(lambda: eager.waits and time.monotonic() >= until, "senders that are pushed back")
    more = _resident(bridge) - before
    refused = sum(len(publisher.refused) + len(publisher.unknown) for publisher in load.publishers)
    assert refused > 0 or not LONG, "publishes are answered within 5 s"
    sent, back = eager.sent, load.pusher.back
    confirmed = [len(publisher.ok) for publisher in load.publishers]
    server.resume()
    eventually(lambda: eager.sent > sent and load.pusher.back > back and all(
        len(publisher.ok) > count for publisher, count in zip(load.publishers, confirmed)), "all to go on", GOES_ON_S)
    eager.stop()
    load.stop()
    print(f"{more / 1e6:.1f} MB more while it stood still, {sent} pushed, {refused} refused")
    assert more < 4 * IN_FLIGHT_BYTES
    _expect_flood(bridge.client(), server.client(), eager.sent)
    load.expect_each_once(server.client())
