"""Redis comes back older than it was: no id is used twice, and replay tells each hole as jumped."""

import os
import random

import pytest
from harness import log, scripts
from harness.wait import eventually
from harness.wire import decode, encode

ROUNDS = 34 if os.environ.get("ZRBRIDGE_LONG") else 4


def _publish(client, channel, payloads):
    """Until it is confirmed: the bridge may still be on its way back to Redis. Returns the ids."""
    reply = {}

    def is_stored():
        reply.update(client.ask(op="publish", messages=[[channel, payload] for payload in payloads]))
        assert reply["ok"] or reply["code"] == "unavailable", reply
        return reply["ok"]

    eventually(is_stored, "a confirmation")
    return reply["ids"]


class Ledger:
    """All that was ever told of any id, by whomever: an id means one payload for ever."""

    def __init__(self):
        self._payloads = {}
        self.heads = {}

    def tell(self, channel, id_, payload):
        first = self._payloads.setdefault((channel, id_), payload)
        assert first == payload, f"{channel} {id_} is {first} and {payload}"
        self.heads[channel] = max(id_, self.heads.get(channel, 0))

    def is_told(self, channel, id_):
        return (channel, id_) in self._payloads


class Listener:
    """A SUB to all channels of a bridge, for as long as the bridge's endpoint is there."""

    def __init__(self, bridge, ledger):
        self.bridge, self._ledger = bridge, ledger
        self._last = {}
        self._subscriber = bridge.subscriber(b"jumps.")

    def hear(self, channel, id_):
        """Until that message has come, or one behind it."""
        while self._last.get(channel, 0) < id_:
            self._take(*self._subscriber.next())

    def _take(self, topic, envelope):
        channel, (id_, _, _, payload) = topic.decode(), decode(envelope)
        assert id_ > self._last.get(channel, 0), f"{channel} {id_} after {self._last[channel]}"
        self._last[channel] = id_
        self._ledger.tell(channel, id_, payload)

    def wait_back(self):
        """After its bridge was started anew: until what is sent comes again."""
        client = self.bridge.client()

        def is_back():
            if not client.ask(op="publish", channel="jumps.back", payload=os.urandom(8))["ok"]:
                return False
            before = self._last.get("jumps.back", 0)
            while self._subscriber.socket.poll(50):
                self._take(*self._subscriber.socket.recv_multipart())
            return self._last.get("jumps.back", 0) > before

        eventually(is_back, "the subscription")


class Rounds:
    """A Redis whose AOF loses its tail, and the bridges, listeners and ledger around it."""

    def __init__(self, lab, bridges):
        self.seed = random.randrange(1 << 32)
        print("seed", self.seed)
        self.choice = random.Random(self.seed)
        self.server = lab.redis(fsync="everysec", options=["--aof-load-truncated", "yes"])
        self.bridges = [lab.bridge(self.server) for _ in range(bridges)]
        self.ledger = Ledger()
        self.listeners = [Listener(bridge, self.ledger) for bridge in self.bridges]
        self.channels = []
        self.lost = 0
        #  Before this the store itself would be another.
        self._begin = self.server.aof.stat().st_size

    def append(self, bridge, channels=None):
        """Publishes to some channels, one of them new unless they are named; returns when all is confirmed."""
        if not channels:
            self.channels.append(f"jumps.{len(self.channels)}")
            old = self.channels[-6:-1]
            channels = [self.channels[-1], *self.choice.sample(old, min(3, len(old)))]
        client = bridge.client()
        for channel in channels:
            for count in (1, self.choice.randrange(1, 40)):
                payloads = [b"%s %d" % (channel.encode(), self.choice.getrandbits(60)) for _ in range(count)]
                for id_, payload in zip(_publish(client, channel, payloads), payloads):
                    assert not self.ledger.is_told(channel, id_), f"{channel} {id_} is used again"
                    self.ledger.tell(channel, id_, payload)
        return channels

    def lose_tail(self):
        """Kills Redis and cuts its AOF: often within the last append, at times far behind."""
        self.server.kill()
        path = self.server.aof
        size = path.stat().st_size
        most = size - self._begin
        #  While it waits for an fsync, Redis writes later than it answers: then there may be nothing to cut.
        if most > 1:
            cut = self.choice.randrange(1, most if self.choice.random() < 0.3 else min(most, 6000))
            print("cut", cut, "of", size)
            os.truncate(path, size - cut)

    def expect_told(self, bridge):
        """Replay covers 1 to head of each channel by messages and jumps, and tells nothing new of any id."""
        client = bridge.client()
        eventually(lambda: client.ask(op="ping")["ok"], "Redis")
        for channel in self.channels:
            messages, gaps = client.replay_whole(channel, limit=50)
            for id_, _, _, payload in messages:
                self.ledger.tell(channel, id_, payload)
            for first, last, why in gaps:
                assert why == "jumped", gaps
                self.lost += sum(self.ledger.is_told(channel, id_) for id_ in range(first, min(last, first + 100)))

    def hear(self, channels, listeners=None):
        """The messages that were appended last reach all listeners."""
        for listener in listeners or self.listeners:
            for channel in channels:
                listener.hear(channel, self.ledger.heads[channel])

    def finish(self):
        for bridge in self.bridges:
            self.expect_told(bridge)
        assert self.lost > 0, "no round has lost anything"


@pytest.mark.fault(3, rounds=ROUNDS)
def test_no_id_comes_again_with_the_bridge_alive(lab):
    rounds = Rounds(lab, bridges=1)
    bridge = rounds.bridges[0]
    for _ in range(ROUNDS):
        rounds.hear(rounds.append(bridge))
        rounds.lose_tail()
        rounds.server.start()
        rounds.hear(rounds.append(bridge, rounds.channels[-4:]))
        rounds.expect_told(bridge)
    rounds.finish()
    jumps = bridge.client().ok(op="info")["counters"]["id_jumps"]
    assert jumps > 0
    assert bridge.process.log.count("event=ids_jumped") == jumps


@pytest.mark.fault(3, rounds=ROUNDS)
def test_no_id_comes_again_with_the_bridge_restarted(lab):
    rounds = Rounds(lab, bridges=1)
    bridge = rounds.bridges[0]
    for _ in range(ROUNDS):
        rounds.hear(rounds.append(bridge))
        bridge.kill()
        rounds.lose_tail()
        rounds.server.start()
        bridge.start()
        rounds.append(bridge, rounds.channels[-4:])
        rounds.listeners[0].wait_back()
        rounds.expect_told(bridge)
    rounds.finish()


@pytest.mark.fault(3, rounds=ROUNDS)
def test_no_id_comes_again_when_another_bridge_appends_first(lab):
    """The other one was not there when the lost messages were told; the first one, alive, knows of them."""
    rounds = Rounds(lab, bridges=2)
    alive, other = rounds.bridges
    for _ in range(ROUNDS):
        other.kill()
        rounds.hear(rounds.append(alive), rounds.listeners[:1])
        rounds.lose_tail()
        rounds.server.start()
        other.start()
        channels = rounds.append(other, rounds.channels[-4:])
        rounds.hear(channels, rounds.listeners[:1])
        rounds.hear(rounds.append(alive, channels), rounds.listeners[:1])
        rounds.listeners[1].wait_back()
        rounds.expect_told(other)
    rounds.finish()


def test_two_jumps_within_a_second_do_not_meet(store):
    """What the first jump led to is lost at once, and nobody who appends next knows of it."""
    script = scripts.text("append")
    keys = [log.key("orders", what) for what in ("log", "meta", "gaps", "ids")]
    last = 0
    for number in range(20):
        store.delete(*keys)
        members = [part for id_ in range(1, 11) for part in (id_, encode(id_, 0, None, b"%d" % id_))]
        result = store.eval(script, 4, *keys, f"session-{number}", 1, f"epoch-{number}", 1, 1, 0, 10, 230, 0,
                            "zrb:appended", "orders", *members)
        assert result[0] == b"jumped" and result[1] > last
        last = result[1] + 9
