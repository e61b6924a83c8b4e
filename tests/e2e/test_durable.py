"""A subscriber that follows PROTOCOL.md's rule (durable.py, a page of Python) has everything, once and in order."""

import random

import pytest
import zmq
from harness.follower import Follower
from harness.wait import eventually


@pytest.fixture
def follow():
    followers = []

    def start(bridge, *channels):
        followers.append(Follower(bridge, *channels))
        return followers[-1]

    yield start
    for follower in followers:
        follower.stop()


def _publish(bridge, count, channel="orders", since=0):
    """Publishes so many, one at a time, and returns [(id, payload)]."""
    client = bridge.client()
    payloads = [b"%d" % number for number in range(since + 1, since + count + 1)]
    return [(_publish_one(client, channel, payload), payload) for payload in payloads]


def _publish_one(client, channel, payload):
    """Until it is confirmed: Redis may be away for a moment."""
    reply = {}

    def is_stored():
        reply.update(client.ask(op="publish", channel=channel, payload=payload))
        assert reply["ok"] or reply["code"] == "unavailable", reply
        return reply["ok"]

    eventually(is_stored, "a confirmation")
    return reply["ids"][0]


def _follow_some(follow, bridge):
    """A follower that has joined and worked ten messages; returns it and those."""
    follower = follow(bridge, "orders")
    expected = _publish(bridge, 10)
    follower.wait_got("orders", expected)
    follower.wait(lambda: follower.live["$heads"], "a beat")
    return follower, expected


def test_it_joins_in_the_middle_without_a_gap_or_a_double(bridge, follow):
    push = bridge.push()
    for number in range(1, 5001):
        push.send_multipart([b"orders", b"%d" % number])
        push.send_multipart([b"orders2", b"has the same prefix"])
        if number == 2500:
            follower = follow(bridge, "orders")
    follower.wait_got("orders", [(number, b"%d" % number) for number in range(1, 5001)])
    assert follower.live["orders"], "all was there already"
    assert follower.skipped == []


def test_lost_live_messages_are_filled_in(bridge, follow):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    choice = random.Random(seed)
    follower, expected = _follow_some(follow, bridge)
    follower.loses = lambda topic, id_: topic == "orders" and choice.random() < 0.3
    expected += _publish(bridge, 300, since=10)
    follower.wait_got("orders", expected)
    assert follower.lost["orders"] > 30


def test_what_the_high_water_mark_dropped_is_filled_in(lab, server, follow):
    """The subscriber does not read while more is sent than the bridge and the sockets keep for it."""
    bridge = lab.bridge(server, fanout={"hwm": 1})
    slow = bridge.socket(zmq.SUB, "pub", rcvhwm=1, rcvbuf=4096)
    slow.subscribe("orders")
    follower = follow(bridge, "orders")
    payloads = [b"%d" % number + bytes(100000) for number in range(200)]
    client = bridge.client()
    expected = []
    for at in range(0, 200, 10):
        expected += zip(client.publish("orders", *payloads[at:at + 10]), payloads[at:at + 10])
    follower.wait_got("orders", expected)
    assert len(follower.live["orders"]) < 200, "nothing was dropped"


def test_a_lost_last_message_comes_with_the_next_beat(bridge, follow):
    follower, expected = _follow_some(follow, bridge)
    follower.lose("orders")
    expected += _publish(bridge, 1, since=10)
    follower.wait_got("orders", expected)
    assert follower.live["orders"][-1] == 10, "the beat has told it"


def test_after_lost_beats_it_asks_again(bridge, follow):
    """The beats that told the lost message are lost too; the ones that come tell nothing of a quiet channel."""
    follower, expected = _follow_some(follow, bridge)
    follower.lose()
    beats = follower.lost["$heads"]
    expected += _publish(bridge, 3, since=10)
    follower.wait_lost(3, "orders")
    follower.wait_lost(beats + 12, "$heads")
    assert follower.got["orders"] == expected[:10]
    follower.hear()
    follower.wait_got("orders", expected)


@pytest.fixture
def second(lab, server, bridge):
    return lab.bridge(server)


def test_a_killed_bridge_has_it_ask_again(bridge, second, follow):
    """What another bridge stored meanwhile is never sent by the new start."""
    follower, expected = _follow_some(follow, bridge)
    bridge.kill()
    expected += _publish(second, 10, since=10)
    bridge.start()
    follower.wait_got("orders", expected)
    assert follower.live["orders"] == list(range(1, 11))
    expected += _publish(bridge, 10, since=20)
    follower.wait_got("orders", expected)


def test_what_was_flushed_before_it_came_is_told(bridge, follow):
    follower, expected = _follow_some(follow, bridge)
    follower.lose()
    expected += _publish(bridge, 20, since=10)
    follower.wait_lost(20, "orders")
    bridge.client().ok(op="flush", channel="orders", before=26)
    follower.hear()
    expected += _publish(bridge, 5, since=30)
    follower.wait_got("orders", expected[:10] + expected[25:])
    assert follower.skipped == [["orders", 11, 25, "flushed"]]


@pytest.mark.parametrize("is_deaf", [False, True], ids=["hearing", "deaf"])
def test_a_jump_is_told(lab, follow, is_deaf):
    """Redis is killed and comes back; nothing is lost, but something might have been."""
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    follower, expected = _follow_some(follow, bridge)
    if is_deaf:
        follower.lose()
    expected += _publish(bridge, 10, since=10)
    server.restart()
    expected += _publish(bridge, 10, since=20)
    first = expected[20][0]
    if is_deaf:
        follower.wait_lost(20, "orders")
        follower.hear()
    follower.wait_got("orders", expected)
    assert first > 1 << 40
    assert follower.skipped == [["orders", 21, first - 1, "jumped"]]


def test_another_store_is_begun_from_its_start(lab, follow):
    """Redis comes back with nothing, and with a bridge that knows nothing: ids begin at 1 once more."""
    server = lab.redis()
    bridge = lab.bridge(server)
    follower, expected = _follow_some(follow, bridge)
    bridge.kill()
    server.restart()
    bridge.start()
    anew = _publish(bridge, 5, since=10)
    assert [id_ for id_, _ in anew] == [1, 2, 3, 4, 5]
    follower.wait_got("orders", expected + anew)
