"""msg_id: what is sent again is stored once, and gets the first one's id."""

import os

import pytest
from harness import log, scripts
from harness.client import Subscriber
from harness.wait import eventually
from harness.wire import decode, pack


def _publish(client, *messages, channel="orders"):
    """messages: (payload, msg_id or None). Returns (ids, duplicates)."""
    reply = client.ok(op="publish", messages=[[channel, payload, {"msg_id": msg_id} if msg_id else None]
                                              for payload, msg_id in messages])
    return reply["ids"], reply["duplicates"]


def test_a_repeat_is_stored_once_and_gets_the_first_id(client, store):
    assert _publish(client, (b"a", "one")) == ([1], [])
    assert _publish(client, (b"again", "one")) == ([1], [0])
    assert _publish(client, (b"b", "two")) == ([2], [])
    assert log.payloads(store, "orders") == [b"a", b"b"]
    log.expect_sound(store, "orders")


def test_a_repeat_in_the_same_request_is_known_too(client, store):
    assert _publish(client, (b"a", "one"), (b"b", None), (b"a", "one"), (b"c", "two"), (b"a", "one")) == \
        ([1, 2, 1, 3, 1], [2, 4])
    assert log.payloads(store, "orders") == [b"a", b"b", b"c"]
    log.expect_sound(store, "orders")


def test_ids_of_what_is_stored_have_no_holes_for_repeats(client, store):
    _publish(client, (b"a", "one"), (b"b", "two"))
    assert _publish(client, (b"x", None), (b"a", "one"), (b"y", None), (b"b", "two"), (b"z", "three")) == \
        ([3, 1, 4, 2, 5], [1, 3])
    assert log.payloads(store, "orders") == [b"a", b"b", b"x", b"y", b"z"]
    log.expect_sound(store, "orders")
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert status["count"] == 5
    assert status["bytes"] == sum(len(member) for _, member in log.members(store, "orders"))


def test_str_and_bin_of_the_same_bytes_are_the_same_id(client, store):
    assert _publish(client, (b"a", "one")) == ([1], [])
    assert _publish(client, (b"a", b"one")) == ([1], [0])


def test_channels_know_their_own_ids_only(client):
    assert _publish(client, (b"a", "one")) == ([1], [])
    assert _publish(client, (b"a", "one"), channel="other") == ([1], [])


def test_a_repeat_is_not_fanned_out(bridge, client):
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    _publish(client, (b"a", "one"))
    _publish(client, (b"a", "one"))
    _publish(client, (b"b", None), (b"a", "one"), (b"c", None))
    assert [decode(envelope)[::3] for _, envelope in subscriber.take(3)] == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert subscriber.is_silent()


def test_pushed_repeats_are_stored_once(bridge, client, store):
    push = bridge.push()
    for number in range(3000):
        push.send_multipart([b"orders", b"%d" % number, pack({"msg_id": b"%d" % (number % 1000)})])
    eventually(lambda: client.ok(op="info")["counters"]["duplicate_messages"] == 2000, "the repeats")
    assert log.payloads(store, "orders") == [b"%d" % number for number in range(1000)]
    log.expect_sound(store, "orders")


def test_a_repeat_at_another_bridge_is_known(lab, server, client):
    other = lab.bridge(server).client()
    assert _publish(client, (b"a", "one")) == ([1], [])
    assert _publish(other, (b"a", "one"), (b"b", None)) == ([1, 2], [0])


@pytest.mark.fault(1)
def test_a_repeat_after_a_killed_bridge_is_known(lab, bridge, store):
    client = bridge.client()
    seqs = [client.send(op="publish", channel="orders", payload=b"%d" % number, headers={"msg_id": b"%d" % number})
            for number in range(500)]
    client.reply(seqs[50])
    bridge.kill()
    bridge.start()
    client = bridge.client()
    ids = [_publish(client, (b"%d" % number, b"%d" % number))[0][0] for number in range(500)]
    assert sorted(ids) == list(range(1, 501))
    found = log.expect_sound(store, "orders")
    assert [ids[int(decode(member)[3])] for _, member in found] == [score for score, _ in found]


def test_a_repeat_after_the_first_was_flushed_is_known_for_a_while(client, store):
    _publish(client, (b"a", "one"), (b"b", "two"))
    client.ok(op="flush", channel="orders", all=True)
    eventually(lambda: log.count(store, "orders") == 0, "the members to be freed")
    assert _publish(client, (b"a", "one")) == ([1], [0])


def test_msg_ids_are_forgotten_when_their_message_is_gone_and_old(client, store):
    script = scripts.text("forget")
    keys = [log.key("orders", what) for what in ("ids", "meta", "log", "marks")]
    _publish(client, *[(b"%d" % number, os.urandom(8)) for number in range(20)])

    def forget(dedupe_ms, most):
        return store.eval(script, 4, *keys, dedupe_ms, most)

    assert forget(-10000, 100) == [0, 0]
    client.ok(op="flush", channel="orders", before=11)
    assert forget(3600000, 100) == [0, 0]
    assert forget(-10000, 4) == [4, 1]
    assert forget(-10000, 100) == [6, 0]
    assert store.zcard(keys[0]) == 10
    client.ok(op="flush", channel="orders", all=True)
    assert forget(-10000, 100) == [10, 0]


def test_a_repeat_may_come_after_ids_have_jumped(lab):
    server = lab.redis()
    bridge = lab.bridge(server)
    client = bridge.client()
    assert _publish(client, (b"a", "one")) == ([1], [])
    server.client().hset("zrb:{orders}:meta", "epoch", "an older one")
    assert _publish(client, (b"a", "one")) == ([1], [0])
    (first, second), duplicates = _publish(client, (b"b", "two"), (b"c", None))
    assert first > 1 << 40 and second == first + 1 and duplicates == []
    reply = client.ok(op="replay", channel="orders")
    assert [envelope[0] for _, envelope in reply["messages"]] == [1, first, second]
    assert reply["gaps"] == [["orders", 2, first - 1, "jumped"]]


def test_a_request_of_repeats_alone_stores_nothing(client, store):
    assert _publish(client, (b"a", "one"), (b"b", "two")) == ([1, 2], [])
    assert _publish(client, (b"b", "two"), (b"a", "one")) == ([2, 1], [0, 1])
    assert _publish(client, (b"c", None)) == ([3], [])
    log.expect_sound(store, "orders")
