"""Two bridges whose connections to Redis are cut again and again, under load: everyone has everything once."""

import os
import random

import pytest
from harness import log
from harness.follower import Follower
from harness.wait import eventually
from harness.wire import id_of

CUTS = 50 if os.environ.get("ZRBRIDGE_LONG") else 20
CHANNELS = [f"cuts.{number}" for number in range(20)]
EACH = 60  #  messages of a producer between two cuts


class Producer:
    """PUSHes `name 1`, `name 2`, … to channels at random."""

    def __init__(self, bridge, name, choice):
        self.sent = {channel: [] for channel in CHANNELS}
        self._push, self._name, self._choice, self._number = bridge.push(), name, choice, 0

    def send(self, count):
        for _ in range(count):
            self._number += 1
            channel = self._choice.choice(CHANNELS)
            payload = b"%s %d" % (self._name, self._number)
            self.sent[channel].append(payload)
            self._push.send_multipart([channel.encode(), payload])


def _stored(store):
    return sum(log.count(store, channel) for channel in CHANNELS)


def _expect_each_once(store, producers):
    """Returns {channel: [(id, payload)]} as the log has it: ids from 1 without holes, each message sent once, those of
    one producer in their order."""
    found = {}
    for channel in CHANNELS:
        members = log.expect_sound(store, channel)
        payloads = log.payloads(store, channel)
        found[channel] = list(zip([id_of(member) for _, member in members], payloads))
        for number, producer in enumerate(producers):
            own = [payload for payload in payloads if payload.startswith(b"%d " % number)]
            assert own == producer.sent[channel], (channel, number)
        assert len(payloads) == sum(len(producer.sent[channel]) for producer in producers)
    return found


@pytest.mark.fault(5, rounds=CUTS)
def test_everyone_has_everything_once_however_connections_are_cut(lab, server, store):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    choice = random.Random(seed)
    bridges = [lab.bridge(server), lab.bridge(server)]
    followers = [Follower(bridge, *CHANNELS) for bridge in bridges for _ in range(2)]
    for follower in followers:
        follower.wait(lambda heard=follower.live: heard["$heads"], "a beat")
    producers = [Producer(bridges[number % 2], b"%d" % number, choice) for number in range(4)]
    total = 0
    for _ in range(CUTS):
        for producer in producers:
            producer.send(EACH)
        #  Somewhere in the middle of what was just sent.
        until = total + choice.randrange(len(producers) * EACH)
        eventually(lambda until=until: _stored(store) >= until, "messages to be stored")
        store.client_kill_filter(_type=choice.choice(["normal", "normal", "pubsub"]))
        total += len(producers) * EACH
    eventually(lambda: _stored(store) >= total, "all to be stored")
    expected = _expect_each_once(store, producers)
    for follower in followers:
        for channel in CHANNELS:
            follower.wait_got(channel, expected[channel])
            live = follower.live[channel]
            assert live == sorted(set(live)), f"{channel} came live out of order, or twice"
        assert follower.skipped == []
        follower.stop()
    for bridge in bridges:
        assert bridge.client().ok(op="info")["counters"]["redis_connects"] > CUTS // 4
