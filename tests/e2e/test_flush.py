"""flush: exact counts, at once, ids never again from 1."""

import pytest

from harness import log
from harness.wait import eventually


def _fill(client, channel, count):
    for first in range(1, count + 1, 1000):
        client.publish(channel, *[b"%d" % id_ for id_ in range(first, min(first + 1000, count + 1))])


def _ids(client, channel):
    return [message[0] for message in client.replay_all(channel)]


@pytest.mark.parametrize("before, flushed", [(1, 0), (2, 1), (50, 49), (100, 99), (101, 100), (102, 100), (10**9, 100),
                                             (2**53, 100)])
def test_all_ids_below_go_and_none_at_or_above(client, store, before, flushed):
    _fill(client, "orders", 100)
    reply = client.ok(op="flush", channel="orders", before=before)
    assert reply["flushed"] == flushed
    assert reply["channels"] == ({"orders": flushed} if flushed else {})
    assert _ids(client, "orders") == list(range(flushed + 1, 101))
    eventually(lambda: log.count(store, "orders") == 100 - flushed, "the freeing")
    assert [score for score, _ in log.members(store, "orders")] == list(range(flushed + 1, 101))


def test_all_drops_everything_and_ids_go_on(client, store):
    _fill(client, "orders", 100)
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 100
    assert _ids(client, "orders") == []
    eventually(lambda: log.count(store, "orders") == 0, "the freeing")
    assert client.publish("orders", b"x") == [101]
    assert _ids(client, "orders") == [101]


def test_the_same_flush_again_drops_nothing(client):
    _fill(client, "orders", 100)
    assert client.ok(op="flush", channel="orders", before=51)["flushed"] == 50
    for again in ({"before": 51}, {"before": 20}):
        reply = client.ok(op="flush", channel="orders", **again)
        assert (reply["flushed"], reply["channels"]) == (0, {})
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 50
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 0


def test_a_flush_above_the_head_does_not_reach_what_comes_later(client):
    _fill(client, "orders", 10)
    assert client.ok(op="flush", channel="orders", before=1000)["flushed"] == 10
    assert client.publish("orders", b"x") == [11]
    assert _ids(client, "orders") == [11]


def test_a_channel_that_does_not_exist_has_nothing_to_flush(client, store):
    for what in ({"all": True}, {"before": 5}):
        reply = client.ok(op="flush", channel="nothing", **what)
        assert (reply["flushed"], reply["channels"]) == (0, {})
    assert client.publish("nothing", b"x") == [1]


def test_other_channels_keep_what_they_have(client):
    for channel in ("orders", "orders2", "order"):
        _fill(client, channel, 10)
    client.ok(op="flush", channel="orders", all=True)
    assert [len(_ids(client, channel)) for channel in ("orders", "orders2", "order")] == [0, 10, 10]


def test_a_flush_of_a_hundred_thousand_is_seen_at_once_and_freed_soon(client, bridge, store):
    push = bridge.push()
    for id_ in range(1, 100001):
        push.send_multipart([b"orders", b"%d" % id_])
    eventually(lambda: log.count(store, "orders") == 100000, "all messages", 120)
    assert client.ok(op="flush", channel="orders", before=99001)["flushed"] == 99000
    assert client.ok(op="peek", channel="orders")["messages"][0][1][0] == 99001
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert (status["count"], status["floor"], status["head"]) == (1000, 99001, 100000)
    assert len(client.replay_all("orders")) == 1000
    eventually(lambda: log.count(store, "orders") == 1000, "the freeing", 60)
    log.expect_sound(store, "orders", first=99001)


def test_ids_go_on_after_a_flush_and_a_restart(lab):
    bridge = lab.bridge(lab.redis(fsync="everysec"))
    client = bridge.client()
    _fill(client, "orders", 10)
    client.ok(op="flush", channel="orders", all=True)
    bridge.restart()
    client = bridge.client()
    assert client.publish("orders", b"x") == [11]


def test_a_flush_is_not_fanned_out_and_later_messages_are(bridge, client):
    sub = bridge.subscriber(b"orders")
    _fill(client, "orders", 10)
    assert sub.ids(10) == list(range(1, 11))
    client.ok(op="flush", channel="orders", all=True)
    client.publish("orders", b"x")
    assert sub.ids(1) == [11]


@pytest.mark.fault(16)
def test_flushes_while_messages_come_count_each_once(bridge, client):
    push = bridge.push()
    flushed = 0
    for number in range(20000):
        push.send_multipart([b"orders", b"%d" % number])
        if number % 500 == 0:
            flushed += client.ok(op="flush", channel="orders", all=True)["flushed"]
    eventually(lambda: client.ok(op="status", channel="orders")["channels"]["orders"]["head"] == 20000, "all")
    assert flushed + client.ok(op="flush", channel="orders", all=True)["flushed"] == 20000
    assert _ids(client, "orders") == []
