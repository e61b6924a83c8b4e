"""replay of several channels by name: as many single ones in one reply."""

import pytest

from harness import log
from harness.wire import raw_messages


def _messages(reply):
    return [(channel, envelope[0]) for channel, envelope in reply["messages"]]


def _fill(client, counts):
    for channel, count in counts.items():
        for first in range(1, count + 1, 1000):
            client.publish(channel, *[b"%d" % id_ for id_ in range(first, min(first + 1000, count + 1))])


def test_each_channel_comes_in_the_order_asked_for(client):
    _fill(client, {"a": 3, "b": 2, "c": 4})
    reply = client.ok(op="replay", channels={"c": 2, "a": 0, "nothing": 7, "b": 2})
    assert _messages(reply) == [("c", 3), ("c", 4), ("a", 1), ("a", 2), ("a", 3)]
    assert reply["next"] == {"c": 4, "a": 3, "nothing": 7, "b": 2}
    assert reply["head"] == {"c": 4, "a": 3, "nothing": 0, "b": 2}
    assert reply["floor"] == {"c": 1, "a": 1, "nothing": 1, "b": 1}
    assert list(reply["next"]) == ["c", "a", "nothing", "b"]
    assert (reply["more"], reply["gaps"]) == (False, [])


def test_one_channel_answers_with_maps_too(client):
    _fill(client, {"a": 3})
    reply = client.ok(op="replay", channels={"a": 1})
    assert _messages(reply) == [("a", 2), ("a", 3)]
    assert (reply["next"], reply["head"], reply["floor"]) == ({"a": 3}, {"a": 3}, {"a": 1})


@pytest.mark.parametrize("limit", range(1, 13))
def test_limit_is_for_the_whole_reply(client, limit):
    _fill(client, {"a": 5, "b": 1, "c": 5})
    every = [("a", id_) for id_ in range(1, 6)] + [("b", 1)] + [("c", id_) for id_ in range(1, 6)]
    reply = client.ok(op="replay", channels={"a": 0, "b": 0, "c": 0}, limit=limit)
    assert _messages(reply) == every[:limit]
    assert reply["more"] == (limit < 11)
    assert reply["head"] == {"a": 5, "b": 1, "c": 5}
    got = _messages(reply)
    while reply["more"]:
        reply = client.ok(op="replay", channels=reply["next"], limit=limit)
        got += _messages(reply)
    assert got == every


def test_max_bytes_is_for_the_whole_reply_but_one_message_comes(client):
    for channel in "abc":
        client.publish(channel, *[b"x" * 1000] * 4)
    size = 19 + 1 + 3 + 1000
    for max_bytes, count in [(1, 1), (size, 1), (4 * size, 4), (5 * size - 1, 4), (5 * size, 5), (12 * size, 12)]:
        reply = client.ok(op="replay", channels={"a": 0, "b": 0, "c": 0}, max_bytes=max_bytes)
        assert len(reply["messages"]) == count, max_bytes
        assert sum(reply["next"].values()) == count
        assert reply["more"] == (count < 12)


def test_a_large_message_behind_small_ones_comes_alone(client):
    client.publish("a", b"small")
    client.publish("b", b"x" * 500000)
    reply = client.ok(op="replay", channels={"a": 0, "b": 0}, max_bytes=1000)
    assert (_messages(reply), reply["more"]) == ([("a", 1)], True)
    reply = client.ok(op="replay", channels=reply["next"], max_bytes=1000)
    assert (_messages(reply), reply["more"]) == ([("b", 1)], False)


def test_channels_whose_names_alone_fill_a_reply_are_read_on(lab, server):
    bridge = lab.bridge(server, control={"max_reply_bytes": 65536}, bridge={"log_level": "info"})
    client = bridge.client()
    names = [f"{'n' * 195}-{number:04}" for number in range(110)]
    client.ok(op="publish", messages=[[name, b"x"] for name in names])
    places = {name: 0 for name in names}
    got, replies = [], 0
    while True:
        reply = client.ok(op="replay", channels=places)
        assert len(reply["messages"]) >= 1
        replies += 1
        got += _messages(reply)
        places = reply["next"]
        if not reply["more"]:
            break
    assert replies > len(names) / 2
    assert got == [(name, 1) for name in names]
    assert reply["head"] == places == {name: 1 for name in names}


def test_replies_stay_below_max_reply_bytes(lab, server):
    bridge = lab.bridge(server, control={"max_reply_bytes": 65536})
    client = bridge.client()
    names = [f"{'n' * 100}{number:03}" for number in range(100)]
    for name in names:
        client.publish(name, *[b"x" * 100] * 10)
    raw = client.raw(op="replay", channels={name: 0 for name in names})
    assert 32768 <= len(raw) <= 65536


def test_gaps_name_their_channel(client):
    _fill(client, {"a": 10, "b": 10, "c": 10})
    client.ok(op="flush", channel="a", before=4)
    client.ok(op="flush", channel="c", all=True)
    reply = client.ok(op="replay", channels={"a": 1, "b": 8, "c": 0})
    assert _messages(reply) == [("a", id_) for id_ in range(4, 11)] + [("b", 9), ("b", 10)]
    assert reply["gaps"] == [["a", 2, 3, "flushed"], ["c", 1, 10, "flushed"]]
    assert reply["floor"] == {"a": 4, "b": 1, "c": 11}
    assert reply["next"] == {"a": 10, "b": 10, "c": 10}


def test_a_channel_behind_the_limit_tells_its_gap_later(client):
    _fill(client, {"a": 5, "b": 5})
    client.ok(op="flush", channel="b", before=3)
    reply = client.ok(op="replay", channels={"a": 0, "b": 0}, limit=5)
    got, gaps = _messages(reply), reply["gaps"]
    assert reply["more"]
    reply = client.ok(op="replay", channels=reply["next"])
    got, gaps = got + _messages(reply), gaps + reply["gaps"]
    assert got == [("a", id_) for id_ in range(1, 6)] + [("b", 3), ("b", 4), ("b", 5)]
    assert gaps == [["b", 1, 2, "flushed"]]
    assert (reply["next"], reply["more"]) == ({"a": 5, "b": 5}, False)


def test_replies_hold_the_stored_bytes(client, store):
    client.publish("a", b"\x00\n", b"")
    client.publish("b", b"x" * 70000)
    expected = [(channel, member) for channel in "ba" for _, member in log.members(store, channel)]
    assert raw_messages(client.raw(op="replay", channels={"b": 0, "a": 0})) == expected


def test_without_redis_it_is_unavailable(lab, server):
    client = lab.bridge(server).client()
    client.publish("a", b"x")
    server.kill()
    reply = client.ask(op="replay", channels={f"c{number}": 0 for number in range(50)})
    assert (reply["ok"], reply["code"]) == (False, "unavailable")
    reply = client.ask(op="replay", pattern="*")
    assert (reply["ok"], reply["code"]) == (False, "unavailable")
    reply = client.ask(op="flush", pattern="*", all=True)
    assert (reply["ok"], reply["code"]) == (False, "unavailable")
