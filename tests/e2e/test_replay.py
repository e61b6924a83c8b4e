"""replay and peek: what is stored, in order, none twice, at any distance."""

import pytest

from harness import log
from harness.wait import eventually
from harness.wire import raw_messages

MANY = 250000


@pytest.fixture(scope="module")
def many(shared_lab):
    """A channel of 250,000 messages, `log` and one half flushed, `flushed`: (client, store)."""
    server = shared_lab.redis()
    bridge = shared_lab.bridge(server, bridge={"log_level": "info"})
    push, client = bridge.push(), bridge.client()
    for number in range(MANY):
        push.send_multipart([b"log", b"%d" % (number + 1)])
        if number < 1000:
            push.send_multipart([b"flushed", b"%d" % (number + 1)])
    eventually(lambda: _head(client, "log") == MANY and _head(client, "flushed") == 1000, "all messages", 120)
    assert client.ok(op="flush", channel="flushed", before=501)["flushed"] == 500
    return client, server.client()


def _head(client, channel):
    return client.ok(op="status", channel=channel)["channels"][channel]["head"]


def _ids(reply):
    return [envelope[0] for _, envelope in reply["messages"]]


@pytest.mark.parametrize("after", [0, 1, 499, 99998, 99999, 100000, 100001, 199999, 200000, MANY - 3, MANY - 1, MANY])
@pytest.mark.parametrize("limit", [1, 2, 1000, 1001])
def test_after_k_with_limit_l_come_the_next_l(many, after, limit):
    client, _ = many
    reply = client.ok(op="replay", channel="log", after=after, limit=limit)
    expected = list(range(after + 1, min(after + limit, MANY) + 1))
    assert _ids(reply) == expected
    assert [envelope[3] for _, envelope in reply["messages"]] == [b"%d" % id_ for id_ in expected]
    assert reply["next"] == after + len(expected)
    assert reply["more"] == (reply["next"] < MANY)
    assert (reply["head"], reply["floor"], reply["gaps"]) == (MANY, 1, [])


def test_a_replay_of_everything_brings_each_once(many):
    client, _ = many
    messages = client.replay_all("log", limit=33333)
    assert [message[0] for message in messages] == list(range(1, MANY + 1))


def test_a_hundred_thousand_in_one_reply(many):
    client, _ = many
    reply = client.ok(op="replay", channel="log", after=50000, limit=100000)
    assert _ids(reply) == list(range(50001, 150001))


@pytest.mark.parametrize("after, until, limit, expected", [
    (0, 1, 10, range(1, 2)),
    (5, 9, 10, range(6, 10)),
    (5, 9, 2, range(6, 8)),
    (5, 5, 10, range(0)),
    (9, 5, 10, range(0)),
    (MANY - 2, MANY + 5, 10, range(MANY - 1, MANY + 1)),
    (99990, 100010, 1000, range(99991, 100011)),
])
def test_until_is_inclusive(many, after, until, limit, expected):
    client, _ = many
    reply = client.ok(op="replay", channel="log", after=after, until=until, limit=limit)
    assert _ids(reply) == list(expected)
    assert reply["next"] == (expected[-1] if expected else after)
    assert reply["more"] == (reply["next"] < min(until, MANY))
    assert reply["head"] == MANY


def test_a_walk_with_until_ends(many):
    client, _ = many
    messages = client.replay_all("log", after=10, until=2510, limit=1000)
    assert [message[0] for message in messages] == list(range(11, 2511))


@pytest.mark.parametrize("after, ids, gaps", [
    (0, range(501, 601), [["flushed", 1, 500, "flushed"]]),
    (300, range(501, 601), [["flushed", 301, 500, "flushed"]]),
    (499, range(501, 601), [["flushed", 500, 500, "flushed"]]),
    (500, range(501, 601), []),
    (700, range(701, 801), []),
])
def test_what_was_flushed_is_told_as_a_gap(many, after, ids, gaps):
    client, _ = many
    reply = client.ok(op="replay", channel="flushed", after=after, limit=100)
    assert _ids(reply) == list(ids)
    assert reply["gaps"] == gaps
    assert (reply["head"], reply["floor"], reply["next"]) == (1000, 501, ids[-1])


def test_until_below_the_floor_is_all_gap(many):
    client, _ = many
    reply = client.ok(op="replay", channel="flushed", after=100, until=200)
    assert (_ids(reply), reply["next"], reply["more"]) == ([], 200, False)
    assert reply["gaps"] == [["flushed", 101, 200, "flushed"]]


def test_a_replay_of_a_flushed_channel_goes_to_its_end(many):
    client, _ = many
    assert [message[0] for message in client.replay_all("flushed", limit=70)] == list(range(501, 1001))


def test_replies_hold_the_stored_bytes(many):
    client, store = many
    stored = [envelope for _, envelope in log.members(store, "log")]
    raw = client.raw(op="replay", channel="log", after=1000, limit=1000)
    assert raw_messages(raw) == [("log", envelope) for envelope in stored[1000:2000]]
    raw = client.raw(op="peek", channel="log", max=3)
    assert raw_messages(raw) == [("log", envelope) for envelope in stored[:3]]


def test_a_channel_that_does_not_exist_is_an_empty_one(client):
    reply = client.ok(op="replay", channel="nothing")
    del reply["seq"]
    assert reply == {"ok": True, "messages": [], "next": 0, "more": False, "head": 0, "floor": 1, "gaps": []}
    assert client.ok(op="peek", channel="nothing")["messages"] == []


def test_beyond_the_head_comes_nothing(client):
    client.publish("orders", b"a", b"b")
    for after in (2, 3, 1000, 2**53):
        reply = client.ok(op="replay", channel="orders", after=after)
        assert (reply["messages"], reply["more"], reply["gaps"]) == ([], False, [])
        assert reply["next"] == after


def test_a_channel_flushed_whole_is_one_gap(client):
    client.publish("orders", b"a", b"b", b"c")
    client.ok(op="flush", channel="orders", all=True)
    reply = client.ok(op="replay", channel="orders", after=1)
    assert (reply["messages"], reply["next"], reply["more"]) == ([], 3, False)
    assert (reply["head"], reply["floor"]) == (3, 4)
    assert reply["gaps"] == [["orders", 2, 3, "flushed"]]


def test_max_bytes_bounds_a_reply_but_one_message_always_comes(client):
    client.publish("orders", *[b"x" * 1000] * 50)
    size = 19 + 1 + 3 + 1000
    for max_bytes, count in [(1, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (10 * size, 10), (10**9, 50)]:
        reply = client.ok(op="replay", channel="orders", max_bytes=max_bytes)
        assert _ids(reply) == list(range(1, count + 1)), max_bytes
        assert (reply["next"], reply["more"]) == (count, count < 50)
    assert [message[0] for message in client.replay_all("orders", max_bytes=3 * size)] == list(range(1, 51))


def test_replies_stay_below_max_reply_bytes(lab, server):
    bridge = lab.bridge(server, control={"max_reply_bytes": 65536})
    client = bridge.client()
    client.publish("orders", *[b"x" * 1000] * 500)
    raw = client.raw(op="replay", channel="orders", limit=500)
    assert 32768 <= len(raw) <= 65536
    raw = client.raw(op="peek", channel="orders", max=500)
    assert 32768 <= len(raw) <= 65536
    assert len(client.replay_all("orders", limit=500, max_bytes=10**9)) == 500
    client.publish("large", b"x" * 200000)
    assert client.replay_all("large")[0][3] == b"x" * 200000


def test_messages_of_a_mebibyte_are_replayed(client):
    for number in range(20):
        client.publish("orders", bytes([number]) * 1048576)
    messages = client.replay_all("orders")
    assert [message[3] for message in messages] == [bytes([number]) * 1048576 for number in range(20)]


def test_peek_shows_the_same_again_and_again(client):
    client.publish("orders", *[b"%d" % number for number in range(10)])
    for _ in range(3):
        assert _ids(client.ok(op="peek", channel="orders")) == [1]
        assert _ids(client.ok(op="peek", channel="orders", max=3)) == [1, 2, 3]
        assert _ids(client.ok(op="peek", channel="orders", end="tail")) == [10]
        assert _ids(client.ok(op="peek", channel="orders", end="tail", max=3)) == [10, 9, 8]
        assert _ids(client.ok(op="peek", channel="orders", max=100)) == list(range(1, 11))


def test_peek_sees_no_flushed_message(client):
    client.publish("orders", *[b"%d" % number for number in range(10)])
    client.ok(op="flush", channel="orders", before=8)
    assert _ids(client.ok(op="peek", channel="orders")) == [8]
    assert _ids(client.ok(op="peek", channel="orders", end="tail", max=100)) == [10, 9, 8]


def test_replays_go_on_while_messages_come(bridge, client):
    push = bridge.push()
    last = 0
    for number in range(20000):
        push.send_multipart([b"orders", b"%d" % number])
        if number % 100 == 0:
            reply = client.ok(op="replay", channel="orders", after=last, limit=1000)
            assert _ids(reply) == list(range(last + 1, reply["next"] + 1))
            assert reply["head"] >= reply["next"]
            last = reply["next"]
    eventually(lambda: _head(client, "orders") == 20000, "all messages")
    assert len(client.replay_all("orders", after=last)) == 20000 - last


@pytest.mark.parametrize("per_member", [3, 64])
def test_members_of_several_envelopes_are_read_as_their_messages(client, store, per_member):
    """Logs may hold packed members: every reader takes both."""
    client.publish("orders", *[b"%d" % number for number in range(1, 11)])
    key = log.key("orders", "log")
    singles = log.members(store, "orders")
    store.delete(key)
    for first in range(0, 10, per_member):
        group = singles[first:first + per_member]
        store.zadd(key, {b"".join(member for _, member in group): group[-1][0]})
    for after in range(11):
        for limit in (1, 2, 5, 100):
            reply = client.ok(op="replay", channel="orders", after=after, limit=limit)
            assert _ids(reply) == list(range(after + 1, min(after + limit, 10) + 1)), (after, limit)
            assert reply["next"] == min(after + limit, 10)
    assert _ids(client.ok(op="replay", channel="orders", until=5)) == [1, 2, 3, 4, 5]
    assert _ids(client.ok(op="peek", channel="orders", max=4)) == [1, 2, 3, 4]
    assert _ids(client.ok(op="peek", channel="orders", end="tail", max=4)) == [10, 9, 8, 7]
    client.ok(op="flush", channel="orders", before=5)
    assert [message[0] for message in client.replay_all("orders", limit=2)] == [5, 6, 7, 8, 9, 10]
