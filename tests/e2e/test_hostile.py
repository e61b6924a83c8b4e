"""Peers that are not kind, at every socket: random bytes, endless messages, connections that never speak, more
connections than there are descriptors. The bridge goes on, and neighbours notice nothing.

ZRBRIDGE_SEED=n sends the same bytes again; ZRBRIDGE_LONG=1 sends more of them, and makes 10,000 connections."""

import os
import pathlib
import random
import re
import resource
import socket
import stat

import pytest
import zmq
from harness.bridge import PACK
from harness.client import receive
from harness.wait import eventually
from harness.wire import pack

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
SOCKETS = ("pull", "sub", "pub", "router")
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern peers")


@pytest.fixture(scope="module")
def bridge(shared_lab):
    return shared_lab.bridge(shared_lab.redis())


@pytest.fixture(scope="module")
def choice():
    seed = int(os.environ.get("ZRBRIDGE_SEED") or random.randrange(1 << 32))
    print("seed", seed)
    return random.Random(seed)


def _resident_kib(bridge):
    status = pathlib.Path(f"/proc/{bridge.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def _descriptors(bridge):
    return len(os.listdir(f"/proc/{bridge.process.pid}/fd"))


def _dial(bridge, what):
    """A TCP connection to one of its sockets."""
    host, port = bridge.endpoint(what).removeprefix("tcp://").split(":")
    raw = socket.create_connection((host, int(port)), timeout=10)
    raw.setblocking(False)
    return raw


def _send(raw, data):
    try:
        raw.send(data)
    except (BlockingIOError, ConnectionError):
        pass  # it is full, or was cut off


class Neighbours:
    """What kind clients do, before and after."""

    def __init__(self, bridge):
        self.client, self.push = bridge.client(), bridge.push()
        self.sub = bridge.subscriber(b"kind")
        self.count = 0

    def expect_served(self):
        for _ in range(20):
            self.count += 2
            self.client.publish("kind", b"published %d" % (self.count - 1))
            self.push.send_multipart([b"kind", b"pushed %d" % self.count])
            assert self.sub.payloads(2) == [b"published %d" % (self.count - 1), b"pushed %d" % self.count]


@pytest.fixture
def neighbours(bridge):
    some = Neighbours(bridge)
    some.count = some.client.ok(op="replay", channel="kind")["head"]
    return some


def _random_bytes(choice):
    return choice.randbytes(choice.choice([1, 2, 9, 11, 64, 65, 1000, 20000]))


@pytest.mark.fault(11, rounds=20)
def test_random_bytes_on_each_port(bridge, neighbours, choice):
    """With and without the greeting of ZeroMQ and its READY before them."""
    ready = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH"
    for _ in range(2000 if LONG else 50):
        for what in SOCKETS:
            raw = _dial(bridge, what)
            begin = choice.choice([b"", GREETING[:choice.randrange(64)], GREETING, GREETING + ready])
            _send(raw, begin + _random_bytes(choice))
            if choice.randrange(2):
                _send(raw, _random_bytes(choice))
            raw.close()
    neighbours.expect_served()


@pytest.mark.fault(11, rounds=20)
def test_random_frames_from_stock_sockets(bridge, neighbours, choice):
    sockets = {zmq.PUSH: "pull", zmq.PUB: "sub", zmq.XSUB: "pub", zmq.DEALER: "router"}
    some = {kind: bridge.socket(kind, what) for kind, what in sockets.items()}
    for _ in range(20000 if LONG else 500):
        for each in some.values():
            each.send_multipart([_random_bytes(choice) for _ in range(choice.choice([1, 1, 2, 3, 5]))])
    neighbours.expect_served()
    for each in some.values():
        each.close()


def _malformed(choice):
    """Frames of which nothing comes that the bridge would keep."""
    junk = _random_bytes(choice)
    return choice.choice([[junk], [b"\xff" + junk, b"payload"], [b"kind", b"payload", b"\xc1" + junk],
                          [b"\xdd\xff\xff\xff\xff" + junk], [b"\x91" * len(junk)], [b"\x82\xa2op\xa4ping\xa3" + junk],
                          [junk] * 5])


class Hostile:
    """Stock sockets that send what is malformed, and connections that send random bytes."""

    def __init__(self, bridge, choice):
        self._bridge, self._choice = bridge, choice

    def send(self, rounds):
        """With sockets that end with it, since a subscription stays as long as its connection."""
        self._sockets = [self._bridge.socket(kind, what) for kind, what in (
            (zmq.PUSH, "pull"), (zmq.PUB, "sub"), (zmq.XSUB, "pub"), (zmq.DEALER, "router"))]
        for _ in range(rounds):
            for each in self._sockets:
                for _ in range(50):
                    each.send_multipart(_malformed(self._choice))
            for what in SOCKETS:
                raw = _dial(self._bridge, what)
                _send(raw, self._choice.choice([b"", GREETING]) + _random_bytes(self._choice))
                raw.close()
            self._hear()
        for each in self._sockets:
            each.close()

    def _hear(self):
        """All replies to what was sent, the last of which is one of its own."""
        dealer = self._sockets[-1]
        dealer.send(pack({"op": "info", "seq": "the very last"}))
        while b"the very last" not in receive(dealer)[0]:
            pass


@pytest.mark.fault(11, rounds=20)
@pytest.mark.skipif("ZRBRIDGE_RELEASE" not in os.environ, reason="$ZRBRIDGE_RELEASE names no release build")
def test_memory_stays_flat_however_long_malformed_messages_come(shared_lab, choice):
    bridge = shared_lab.bridge(shared_lab.redis(), path=os.environ["ZRBRIDGE_RELEASE"], bridge={"log_level": "info"})
    neighbours, hostile = Neighbours(bridge), Hostile(bridge, choice)
    rounds = 300 if LONG else 30
    hostile.send(rounds)
    neighbours.expect_served()
    before = _resident_kib(bridge)
    hostile.send(5 * rounds)
    neighbours.expect_served()
    after = _resident_kib(bridge)
    rejected = bridge.client().ok(op="info")["counters"]["rejected_messages"]
    print(f"{before} KiB, then {after} KiB, {rejected} rejected")
    assert rejected > 100 * rounds
    assert after - before < 2048


@pytest.mark.fault(12)
def test_an_endless_message_is_nobodys_and_goes_with_its_sender(bridge, neighbours):
    before = _descriptors(bridge)
    some = [bridge.socket(kind, what) for kind, what in ((zmq.PUSH, "pull"), (zmq.DEALER, "router"))]
    for each in some:
        for _ in range(2000):
            each.send(bytes(1000), zmq.SNDMORE)
    neighbours.expect_served()
    for each in some:
        each.close()
    eventually(lambda: _descriptors(bridge) <= before, "the end of their connections")
    neighbours.expect_served()


@pytest.mark.fault(12)
def test_an_oversized_subscription_cuts_its_sender_off(bridge, neighbours):
    limit = neighbours.client.ok(op="info")["limits"]["subscription_bytes"]
    bridge.subscriber(b"kind".ljust(limit)).socket.close()
    sender = bridge.context.socket(zmq.SUB)
    sender.linger = 0
    events = sender.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    sender.subscribe(bytes(limit + 200))
    sender.connect(bridge.endpoint("pub"))
    assert events.poll(30000), "the sender was not cut off"
    sender.disable_monitor()
    sender.close()
    neighbours.expect_served()


@pytest.mark.fault(12)
def test_a_crowd_that_never_speaks(bridge, neighbours):
    """Half of them are half open: they greet, and then no more."""
    count = 10000 if LONG else 400
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 12000), limit[1]))
    neighbours.expect_served()
    before, descriptors = _resident_kib(bridge), _descriptors(bridge)
    crowd = []
    for number in range(count):
        crowd.append(_dial(bridge, SOCKETS[number % 4]))
        if number % 8 < 4:
            _send(crowd[-1], GREETING[:11 + number % 54])
    neighbours.expect_served()
    assert _resident_kib(bridge) - before < 65536 + count * 100
    for raw in crowd:
        raw.close()
    eventually(lambda: _descriptors(bridge) <= descriptors, "the end of their connections")
    neighbours.expect_served()


@pytest.mark.fault(12)
def test_where_descriptors_end_the_bridge_goes_on_and_recovers(shared_lab, tmp_path):
    few = tmp_path / "few"
    few.write_text(f'#!/bin/sh\nulimit -n 128\nexec {os.environ.get("ZRBRIDGE") or "build/zrbridge"} "$@"\n')
    few.chmod(few.stat().st_mode | stat.S_IXUSR)
    bridge = shared_lab.bridge(shared_lab.redis(), path=few)
    neighbours = Neighbours(bridge)
    crowd = [_dial(bridge, "pull") for _ in range(150)]
    eventually(lambda: _descriptors(bridge) >= 127, "the last descriptor")
    neighbours.expect_served()
    for raw in crowd:
        raw.close()
    eventually(lambda: _descriptors(bridge) < 100, "the end of their connections")
    neighbours.expect_served()
    Neighbours(bridge).client.ok(op="ping")
