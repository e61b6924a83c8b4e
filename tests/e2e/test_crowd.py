"""Many takers of one group, two of which die: each message is acked as done once, and none is left."""

import os
import statistics
import time

import pytest
import zmq
from harness import log
from harness.wait import PATIENCE_S, eventually
from harness.wire import pack, unpack

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
BATCH = 100
LEASE_MS = 3600000


def _bridge(lab, server):
    """With ZRBRIDGE_LONG=1 the release build, where there is one."""
    path = os.environ.get("ZRBRIDGE_RELEASE") if LONG else None
    return lab.bridge(server, path=path, channels=[{"match": "*", "retain": "acked"}])


def _fill(bridge, client, count):
    push = bridge.push()
    for number in range(1, count + 1):
        push.send_multipart([b"jobs", b"%d" % number])
    eventually(lambda: client.ok(op="status", channel="jobs")["channels"]["jobs"]["head"] == count, "all messages",
               patience_s=10 * PATIENCE_S)


class Taker:
    """Takes, and acks by the lease. May die at its batch number `dies_at`, with the batch in hand or on its way."""

    def __init__(self, bridge, dies_at=None, in_hand=True):
        self.socket = bridge.socket(zmq.DEALER, "router")
        self.acked = []                 #  ids
        self._dies_at, self._in_hand = dies_at, in_hand
        self._batches = 0
        self.take()

    def take(self):
        self._batches += 1
        lease_ms = 1 if self._batches == self._dies_at else LEASE_MS
        self.socket.send(pack({"op": "take", "channels": ["jobs"], "group": "crowd", "max": BATCH, "wait_ms": 500,
                               "lease_ms": lease_ms}))

    def step(self):
        """Takes the next reply; returns False when it dies."""
        reply = unpack(self.socket.recv())
        assert reply["ok"], reply
        if "messages" not in reply:
            assert not reply["already"] and not reply["stale"]
            self.acked += reply["done"]
            self.take()
            return self._in_hand or self._batches != self._dies_at
        if self._batches == self._dies_at:
            return False
        for _, (id_, _, _, payload), lease, _ in reply["messages"]:
            assert payload == b"%d" % id_ and lease == reply["messages"][0][2]
        if reply["messages"]:
            self.socket.send(pack({"op": "ack", "channel": "jobs", "group": "crowd", "lease": lease}))
        else:
            self.take()
        return True


@pytest.mark.long
def test_a_crowd_of_takers_acks_each_message_once(lab, server, store):
    count = 1000000 if LONG else 20000
    bridge = _bridge(lab, server)
    client = bridge.client()
    _fill(bridge, client, count)
    began = time.monotonic()
    takers = {taker.socket: taker for taker in (
        Taker(bridge, 10), Taker(bridge, 7, in_hand=False), *(Taker(bridge) for _ in range(6)))}
    poller = zmq.Poller()
    for socket in takers:
        poller.register(socket, zmq.POLLIN)
    while sum(len(taker.acked) for taker in takers.values()) < count:
        ready = poller.poll(PATIENCE_S * 1000)
        assert ready, "nobody gets anything"
        for socket, _ in ready:
            if not takers[socket].step():
                poller.unregister(socket)
                socket.close(0)
    print(f"{count / (time.monotonic() - began):.0f} messages a second")
    assert [len(poller.sockets), sorted(id_ for taker in takers.values() for id_ in taker.acked)] == [
        6, list(range(1, count + 1))]
    group = client.ok(op="status", channel="jobs")["channels"]["jobs"]["groups"]["crowd"]
    assert (group["waiting"], group["leased"], group["dead"]) == (0, 0, 0)
    eventually(lambda: log.count(store, "jobs") == 0, "an empty log")


@pytest.mark.long
def test_clients_that_ask_in_turn_share_the_messages(lab, server):
    count = 10000 if LONG else 1000
    bridge = _bridge(lab, server)
    _fill(bridge, bridge.client(), count)
    seen, trips_ms = [], []

    def ask(socket, **request):
        began = time.monotonic()
        socket.send(pack(request))
        assert socket.poll(PATIENCE_S * 1000)
        reply = unpack(socket.recv())
        trips_ms.append((time.monotonic() - began) * 1000)
        assert reply["ok"], reply
        return reply

    clients = [bridge.req() for _ in range(10)]
    for number in range(count):
        client = clients[number % len(clients)]
        (channel, envelope, lease, _), = ask(client, op="take", channels=["jobs"], group="crowd")["messages"]
        done = ask(client, op="ack", channel=channel, group="crowd", items=[[envelope[0], lease]])["done"]
        assert done == [envelope[0]]
        seen += done
    print(f"a round trip takes {statistics.median(trips_ms):.3f} ms")
    assert seen == list(range(1, count + 1))
