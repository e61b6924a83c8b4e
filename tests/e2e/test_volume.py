"""A limit of number under full load: what is retained stays within it, and others don't wait for the freeing."""

import os
import pathlib
import sys
import time

import pytest
from harness import log
from harness.bridge import daemon
from harness.process import Process
from harness.wait import eventually

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
COUNT = 10000000 if LONG else 100000
RETAINED = COUNT // 10
BOUND_MS = 5  #  of 99 publishes in 100


def _percentile(samples, part):
    return sorted(samples)[int(len(samples) * part)]


@pytest.mark.alone
def test_retention_under_full_load(lab):
    """The whole one, with $ZRBRIDGE_LONG, also holds bounds: 1 % of members above the limit, and a publish within
    BOUND_MS; unless the machine has something else to do, so that Redis itself needs that long for a PING. The keeper
    frees a step a round trip, and falls behind there."""
    server = lab.redis()
    path = os.environ["ZRBRIDGE_RELEASE"] if LONG else daemon()
    bridge = lab.bridge(server, path=path, bridge={"log_level": "info"},
                        channels=[{"match": "flood", "max_messages": RETAINED, "pack": 1}])
    client, watcher, store = bridge.client(), bridge.client(), server.client()
    producer = Process([sys.executable, "-m", "harness.flood", bridge.endpoint("pull"), COUNT],
                       cwd=pathlib.Path(__file__).parent)
    latencies, pings, members, number = [], [], [], 0
    while True:
        began = time.monotonic()
        assert client.publish("orders", b"%d" % number) == [number + 1]
        latencies.append(time.monotonic() - began)
        began = time.monotonic()
        store.ping()
        pings.append(time.monotonic() - began)
        number += 1
        if number % 100 == 0:
            status = watcher.ok(op="status", channel="flood")["channels"].get("flood", {"count": 0, "head": 0})
            assert status["count"] == min(status["head"], RETAINED)
            members.append(store.zcard(log.key("flood", "log")))
            if status["head"] == COUNT:
                break
    assert producer.wait() == 0
    eventually(lambda: store.zcard(log.key("flood", "log")) == RETAINED, "the others to be freed")
    messages = client.replay_all("flood", after=COUNT - 1000)
    assert [payload for _, _, _, payload in messages] == [b"%0100d" % n for n in range(COUNT - 1000, COUNT)]
    p99_ms, ping_ms = 1000 * _percentile(latencies, 0.99), 1000 * _percentile(pings, 0.99)
    print(f"{number} publishes, p50 {1000 * _percentile(latencies, 0.5):.2f} ms, p99 {p99_ms:.2f} ms, "
          f"PING of Redis p99 {ping_ms:.2f} ms, at most {max(members)} members in Redis for {RETAINED} messages")
    if LONG and ping_ms > BOUND_MS:
        pytest.skip(f"bounds not checked: the machine is busy, a PING takes {ping_ms:.0f} ms")
    if LONG:
        assert max(members) <= 1.01 * RETAINED
        assert p99_ms <= BOUND_MS
