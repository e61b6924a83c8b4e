"""Conformance: the clients of proto/examples, each held against the same bridge at the same time. What they print is
told in their first lines. $ZRBRIDGE_CLIENT names a directory with programs of yours, $ZRBRIDGE another bridge."""

import os
import time
import types

import msgpack
import pytest
import zmq
from harness.bridge import PACK
from harness.examples import Program, commands
from harness.proxy import Proxy
from harness.wait import PATIENCE_S, eventually

pytestmark = pytest.mark.skipif(PACK > 1, reason="clients see no difference")
BINARY = [b"", b"\0", b"\n", b"1 2 3\n\0", bytes(range(256)), b"\xff" * 70000]


@pytest.fixture(scope="module")
def languages(tmp_path_factory):
    return commands(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def programs(languages, tmp_path):
    """Makes one program of a kind for each language; all end with the test."""
    made = []

    def make(kind, argv_of, numbers=1):
        some = [Program(f"{kind}.{language}", [*argv[kind], *argv_of(language)], tmp_path, numbers)
                for language, argv in languages.items()]
        made.extend(some)
        return some

    yield make
    for program in made:
        program.kill()


@pytest.fixture
def subscribers(programs, bridge):
    """One for each language, all that have met the bridge."""
    return _subscribed(programs, bridge)


def _subscribed(programs, bridge):
    some = programs("subscriber", lambda _: [bridge.endpoint("pub"), bridge.endpoint("router"), "orders"])
    for one in some:
        one.start()
    for one in some:
        one.wait(len, "its store")
        assert [record[0] for record in one.records] == ["store"]
    return some


def _expect(some, expected):
    """Each has these messages, [(id, payload)], once and in this order."""
    for one in some:
        one.wait(lambda records: len(one.messages) >= len(expected), f"{len(expected)} messages")
        got = one.messages
        assert got == expected, f"{one.name}: {len(got)}, {sorted(set(expected) - set(got))[:3]} missing"


def _holes(one):
    return [record for record in one.records if record[0] == "hole"]


def test_bytes_come_as_they_were_sent(bridge, subscribers):
    expected = list(zip(bridge.client().publish("orders", *BINARY), BINARY))
    bridge.client().publish("orders2", b"has the same prefix")
    expected += list(zip(bridge.client().publish("orders", b"the last"), [b"the last"]))
    _expect(subscribers, expected)


def test_what_was_flushed_is_told_as_a_hole(bridge, programs):
    bridge.client().publish("orders", b"a", b"b", b"c")
    bridge.client().ok(op="flush", channel="orders", before=3)
    some = programs("subscriber", lambda _: [bridge.endpoint("pub"), bridge.endpoint("router"), "orders"])
    for one in some:
        one.start()
    _expect(some, [(3, b"c")])
    assert [_holes(one) for one in some] == [[("hole", "1", "2", "flushed")]] * len(some)


def test_ids_beyond_32_bits_and_a_jump(lab, programs):
    """Redis is killed and comes back: it may have lost something, so ids jump ahead."""
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    some = _subscribed(programs, bridge)
    expected = list(zip(bridge.client().publish("orders", b"a", b"b"), [b"a", b"b"]))
    _expect(some, expected)
    server.restart()
    for payload in (b"c", b"d"):
        expected += zip(bridge.client().publish("orders", payload), [payload])
    assert expected[2][0] > 1 << 40
    _expect(some, expected)
    assert [_holes(one) for one in some] == [[("hole", "3", str(expected[2][0] - 1), "jumped")]] * len(some)


def test_another_store_is_begun_from_its_start(lab, programs):
    server = lab.redis()
    bridge = lab.bridge(server)
    some = _subscribed(programs, bridge)
    bridge.client().publish("orders", b"a", b"b")
    _expect(some, [(1, b"a"), (2, b"b")])
    bridge.kill()
    server.restart()
    bridge.start()
    bridge.client().publish("orders", b"c")
    _expect(some, [(1, b"a"), (2, b"b"), (1, b"c")])
    assert [[record[0] for record in one.records].count("store") for one in some] == [2] * len(some)


def test_what_another_bridge_stored_while_theirs_was_gone_comes_with_its_new_start(lab, server, programs):
    """Their own never sends it, and its beats do not tell of it."""
    bridge, second = lab.bridge(server), lab.bridge(server)
    some = _subscribed(programs, bridge)
    bridge.client().publish("orders", b"a")
    _expect(some, [(1, b"a")])
    bridge.kill()
    second.client().publish("orders", b"b")
    bridge.start()
    _expect(some, [(1, b"a"), (2, b"b")])


def test_what_a_slow_subscriber_lost_to_the_high_water_mark_is_filled_in(lab, server, programs):
    bridge = lab.bridge(server, fanout={"hwm": 1})
    some = _subscribed(programs, bridge)
    for one in some:
        one.pause()
    payloads = [b"%d" % number + bytes(100000) for number in range(200)]
    expected = []
    for at in range(0, 200, 10):
        expected += zip(bridge.client().publish("orders", *payloads[at:at + 10]), payloads[at:at + 10])
    for one in some:
        one.resume()
    _expect(some, expected)


def test_connections_that_have_died_without_a_word_are_made_anew(lab, programs, tmp_path):
    ways = {what: tmp_path / what for what in ("pub", "router")}
    bridge = lab.bridge(lab.redis(), fanout={"pub": [f"ipc://{ways['pub']}"]},
                        control={"router": [f"ipc://{ways['router']}"]})
    proxies = [Proxy(tmp_path / f"proxy-{what}", types.SimpleNamespace(path=way)) for what, way in ways.items()]
    pub, router = (f"ipc://{proxy.path}" for proxy in proxies)
    subscribers = programs("subscriber", lambda _: [pub, router, "orders"])
    workers = programs("worker", lambda language: [router, language, "worker-1"], numbers=2)
    channels = ["orders", *(one.argv[-2] for one in workers)]

    def expect(payload):
        for one in subscribers + workers:
            one.wait(lambda records: records and records[-1][-1] == payload, payload)

    try:
        bridge.client().ok(op="publish", messages=[[channel, b"a"] for channel in channels])
        for one in subscribers + workers:
            one.start()
        expect(b"a")
        before = [proxy.connections for proxy in proxies]
        for proxy in proxies:
            proxy.forget_all()
        bridge.client().publish("orders", b"b")
        #  What the bridge gives to a dead connection is not delivered again before its lease has run out.
        for proxy, count in zip(proxies, before):
            eventually(lambda: proxy.connections >= count, "new connections", 60)
        bridge.client().ok(op="publish", messages=[[channel, b"c"] for channel in channels])
        expect(b"c")
        assert all([payload for _, payload in one.messages] == [b"a", b"b", b"c"] for one in subscribers)
    finally:
        for proxy in proxies:
            proxy.close()


class _Publisher:
    """Publishes `1`, `2`, … in batches; each has a msg_id, so that it may be sent again."""

    def __init__(self, bridge):
        self.bridge, self.count, self.ids = bridge, 0, []

    def _request(self):
        payloads = [b"%d" % number for number in range(self.count + 1, self.count + 1001)]
        return {"op": "publish", "messages": [["orders", payload, {"msg_id": payload}] for payload in payloads]}

    def publish(self, count):
        client = self.bridge.client()
        for _ in range(count // 1000):
            self.ids += client.ok(**self._request())["ids"]
            self.count += 1000

    def publish_into_a_kill(self):
        """The next batch is under way as the bridge is killed; it is sent again when it is back."""
        self.bridge.client().send(**self._request())
        self.bridge.kill()
        self.bridge.start()
        self.publish(1000)

    @property
    def messages(self):
        return list(zip(self.ids, (b"%d" % number for number in range(1, self.count + 1))))


def test_durable_subscribers_have_all_of_100000_through_kills_of_the_bridge_and_of_their_own(lab, server, programs):
    """The bridge is killed five times, each subscriber twice."""
    bridge = lab.bridge(server, path=os.environ.get("ZRBRIDGE_RELEASE"), bridge={"log_level": "info"})
    some = _subscribed(programs, bridge)
    publisher = _Publisher(bridge)
    for part in range(6):
        publisher.publish(8000)
        if part in (1, 4):
            for one in some:
                one.kill()
        publisher.publish(8000 if part < 5 else 7000)
        if part < 5:
            publisher.publish_into_a_kill()
        for one in some if part in (1, 4) else []:
            one.go_on()
    assert publisher.count == 100000
    _expect(some, publisher.messages)
    assert all(not _holes(one) for one in some)


def test_producers_push(bridge, programs):
    lines = [b"%d\t\0\xff" % number for number in range(1000)]
    some = programs("producer", lambda language: ["push", bridge.endpoint("pull"), language])
    for one in some:
        one.start(stdin=b"\n".join(lines) + b"\n")
    for one in some:
        assert one.child.wait(60) == 0, one.name
    deadline = time.monotonic() + PATIENCE_S
    for one in some:
        channel, client = one.argv[-1], bridge.client()
        eventually(lambda: _numbers(bridge, channel)["head"] >= 1000 or time.monotonic() > deadline, one.name)
        got = [payload for _, _, _, payload in client.replay_all(channel)]
        assert got == lines, f"{one.name}: {len(got)} from {got[:1]} to {got[-1:]}"


class _Between:
    """Stands between clients and a bridge's ROUTER: loses the first reply to each client.

    `on_reply (client, reply)` tells what the client gets, None where that is nothing."""

    def __init__(self, bridge):
        self.front, self.back = bridge.context.socket(zmq.ROUTER), bridge.context.socket(zmq.DEALER)
        self.router = f"tcp://127.0.0.1:{self.front.bind_to_random_port('tcp://127.0.0.1')}"
        self.back.connect(bridge.endpoint("router"))
        self.known = set()
        self.passers = {self.front: self._ask, self.back: self._answer}

    def _ask(self):
        client, request = self.front.recv_multipart()
        self.back.send_multipart([client, b"", request])  # what stands before the empty frame comes back

    def _answer(self):
        client, _, reply = self.back.recv_multipart()
        reply = self.on_reply(client, reply)
        if reply:
            self.front.send_multipart([client, reply])

    def on_reply(self, client, reply):
        is_known = client in self.known
        self.known.add(client)
        return reply if is_known else None

    def run_until(self, is_done):
        """Passes on what comes, until it is done."""
        poller = zmq.Poller()
        for socket in self.passers:
            poller.register(socket, zmq.POLLIN)
        deadline = time.monotonic() + 60
        while not is_done() and time.monotonic() < deadline:
            for socket, _ in poller.poll(50):
                self.passers[socket]()

    def close(self):
        for socket in self.passers:
            socket.close(0)


class _Later(_Between):
    """Makes it a bridge of a later version: its envelopes have more items, and its replies more keys."""

    def __init__(self, bridge):
        super().__init__(bridge)
        self.xpub, self.sub = bridge.context.socket(zmq.PUB), bridge.context.socket(zmq.SUB)
        self.pub = f"tcp://127.0.0.1:{self.xpub.bind_to_random_port('tcp://127.0.0.1')}"
        self.sub.subscribe(b"")
        self.sub.connect(bridge.endpoint("pub"))
        self.passers[self.sub] = self._fan_out

    def _fan_out(self):
        channel, envelope = self.sub.recv_multipart()
        self.xpub.send_multipart([channel, self.grown(envelope)])

    @staticmethod
    def grown(envelope):
        """The same bytes, but for the head and two items more."""
        return b"\x96" + envelope[1:] + msgpack.packb("later") + msgpack.packb({"later": [1, None]})

    def on_reply(self, client, reply):
        reply = msgpack.unpackb(reply)
        for message in reply.get("messages", []):
            message[1] = msgpack.unpackb(self.grown(msgpack.packb(message[1])))
        return msgpack.packb({"later": {"a": [None, 1.5]}, **reply})


def test_clients_go_on_with_a_bridge_of_a_later_version(bridge, programs):
    """PROTOCOL.md, What never changes: they leave aside what they do not know."""
    later = _Later(bridge)
    subscribers = programs("subscriber", lambda _: [later.pub, later.router, "orders"])
    workers = programs("worker", lambda language: [later.router, language, "worker-1"], numbers=2)
    producers = programs("producer", lambda _: ["publish", later.router, "orders"])
    bridge.client().publish("orders", b"before")
    for one in workers:
        bridge.client().publish(one.argv[-2], b"work")
    for one in producers:
        one.start(stdin=b"a\nb\n")
    for one in subscribers + workers:
        one.start()
    expected = 1 + 2 * len(producers)

    def are_done():
        for one in subscribers + workers:
            one.read()
        return all(len(one.messages) >= expected for one in subscribers) and all(one.records for one in workers) and \
            all(_is_settled(bridge, one.argv[-2]) for one in workers)

    later.run_until(are_done)
    later.close()
    assert [one.child.poll() for one in producers] == [0] * len(producers)
    stored = [(id_, payload) for id_, _, _, payload in bridge.client().replay_all("orders")]
    for one in subscribers:
        assert (one.child.poll(), one.messages) == (None, stored), one.name
    for one in workers:
        assert (one.child.poll(), one.records) == (None, [(1, 1, b"work")]), one.name


def test_producers_publish_each_once_though_replies_are_lost_and_the_bridge_is_killed(lab, server, programs):
    """Half of them lose the first reply, the others the bridge."""
    bridge = lab.bridge(server)
    between = _Between(bridge)
    lines = [b"%d\t\0\xff" % number for number in range(1000)]
    deaf = programs("producer", lambda language: ["publish", between.router, f"{language}-deaf"])
    some = programs("producer", lambda language: ["publish", bridge.endpoint("router"), language])
    for one in deaf:
        one.start(stdin=b"a\nb\n")
    for one in some:
        one.start(stdin=b"\n".join(lines))
    store = server.client()
    between.run_until(lambda: store.zcard(f"zrb:{{{some[0].argv[-1]}}}:log") > 20 and len(between.known) == len(deaf))
    bridge.kill()
    bridge.start()
    between.run_until(lambda: all(one.child.poll() is not None for one in deaf + some))
    between.close()
    for one, payloads in [(one, [b"a", b"b"]) for one in deaf] + [(one, lines) for one in some]:
        assert one.child.poll() == 0, one.argv
        messages = bridge.client().replay_all(one.argv[-1])
        assert [payload for _, _, _, payload in messages] == payloads, one.argv
        printed = (one.directory / f"{one.name}-{id(one)}-1").read_text(encoding="ascii").split()
        assert [int(word) for word in printed] == list(range(1, len(payloads) + 1)), one.argv


def _numbers(bridge, channel):
    return bridge.client().ok(op="status", channel=channel)["channels"][channel]


def _is_settled(bridge, channel):
    numbers = _numbers(bridge, channel)["groups"].get("default")
    return numbers and (numbers["waiting"], numbers["leased"], numbers["dead"]) == (0, 0, 0)


def test_workers_ack_what_they_did_and_nack_what_failed(bridge, programs):
    some = programs("worker", lambda language: [bridge.endpoint("router"), language, "worker-1"], numbers=2)
    for one in some:
        bridge.client().publish(one.argv[-2], *BINARY, b"fail twice")
        one.start()
    last = len(BINARY) + 1
    for one in some:
        one.wait(lambda records: len(records) >= last + 2, "all its work")
        eventually(lambda: _is_settled(bridge, one.argv[-2]), f"{one.name}'s acks")
        expected = [(number + 1, 1, payload) for number, payload in enumerate(BINARY)]
        assert one.records == expected + [(last, attempt, b"fail twice") for attempt in (1, 2, 3)], one.name


def test_a_killed_worker_goes_on_when_it_is_back(bridge, programs):
    """Killed while it holds some: nothing is lost, nothing is done again that was acked, no lease has to run out."""
    some = programs("worker", lambda language: [bridge.endpoint("router"), language, "worker-1"], numbers=2)
    payloads = [b"%d" % number for number in range(2000)]
    for one in some:
        for at in range(0, 2000, 1000):
            bridge.client().publish(one.argv[-2], *payloads[at:at + 1000])
        one.start()
        one.wait(len, "its first work")
        one.kill()
        one.start()
    for one in some:
        eventually(lambda: _is_settled(bridge, one.argv[-2]), f"{one.name}'s acks", 60)
        done = [record[2] for record in one.read()]
        assert set(done) == set(payloads), one.name
        assert {record[1] for record in one.records} == {1}, f"{one.name} had to wait until leases ran out"
        assert len(done) <= 2000 + 1, f"{one.name} did more again than it was about to ack"
