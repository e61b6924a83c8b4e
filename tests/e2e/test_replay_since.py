"""replay from a point in time on: exactly what is not older, however the log lies in Redis."""

import pytest

from harness import log
from harness.wire import encode, pack

T = 1600000000000
#  Ten ids: some share a time, some times are skipped.
TIMES = [T, T, T + 1, T + 1, T + 1, T + 5, T + 6, T + 6, T + 9, T + 9]


def _ids(reply):
    return [envelope[0] for _, envelope in reply["messages"]]


def _since(times, since_ms):
    return [id_ for id_, time_ms in enumerate(times, 1) if time_ms >= since_ms]


@pytest.mark.parametrize("per_member", [1, 2, 3, 4, 10])
def test_what_is_not_older_comes_and_nothing_else(client, store, per_member):
    log.lay(store, "orders", TIMES, per_member)
    for since_ms in [1, *range(T - 1, T + 11), 2**53]:
        expected = _since(TIMES, since_ms)
        reply = client.ok(op="replay", channel="orders", since_ms=since_ms)
        assert _ids(reply) == expected, since_ms
        assert (reply["head"], reply["floor"], reply["next"]) == (10, 1, 10)
        assert (reply["more"], reply["gaps"]) == (False, [])


@pytest.mark.parametrize("per_member", [1, 3, 64])
@pytest.mark.parametrize("limit, max_bytes", [(1, None), (2, None), (5, None), (100, 1), (100, 60)])
def test_limits_hold_and_next_leads_on(client, store, per_member, limit, max_bytes):
    log.lay(store, "orders", TIMES, per_member)
    bound = {"limit": limit, **({"max_bytes": max_bytes} if max_bytes else {})}
    for since_ms in range(T - 1, T + 11):
        reply = client.ok(op="replay", channel="orders", since_ms=since_ms, **bound)
        expected = _since(TIMES, since_ms)
        got = _ids(reply)
        assert bool(got) == bool(expected)
        while reply["more"]:
            reply = client.ok(op="replay", channel="orders", after=reply["next"], **bound)
            assert _ids(reply)
            got += _ids(reply)
        assert got == expected, since_ms
        assert reply["next"] == 10


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 1000, 1023, 1025])
def test_the_search_finds_every_boundary(client, store, size):
    log.lay(store, "orders", [T + 2 * id_ for id_ in range(1, size + 1)])
    for id_ in {1, 2, 3, size // 2, size // 2 + 1, size - 1, size} & set(range(1, size + 1)):
        for since_ms, first in ((T + 2 * id_ - 1, id_), (T + 2 * id_, id_), (T + 2 * id_ + 1, id_ + 1)):
            reply = client.ok(op="replay", channel="orders", since_ms=since_ms, limit=1)
            assert _ids(reply) == ([first] if first <= size else []), (since_ms - T, first)


@pytest.mark.parametrize("per_member", [1, 3, 10])
@pytest.mark.parametrize("before", [2, 4, 5, 9, 11])
def test_what_is_flushed_stays_hidden_and_is_told(client, store, per_member, before):
    """The keeper may or may not have freed it."""
    log.lay(store, "orders", TIMES, per_member)
    assert client.ok(op="flush", channel="orders", before=before)["flushed"] == before - 1
    for since_ms in range(T - 1, T + 11):
        reply = client.ok(op="replay", channel="orders", since_ms=since_ms)
        assert _ids(reply) == [id_ for id_ in _since(TIMES, since_ms) if id_ >= before], since_ms
        #  With nothing older at hand, what was flushed may have been from that time on.
        older = [id_ for id_ in range(before, 11) if TIMES[id_ - 1] < since_ms]
        told = not older and since_ms <= TIMES[-1]
        assert reply["gaps"] == ([["orders", 1, before - 1, "flushed"]] if told else []), since_ms


def test_a_jump_between_two_times_is_told(lab):
    server = lab.redis(fsync="always")
    client = lab.bridge(server).client()
    client.publish("orders", b"a", b"b")
    server.restart()
    third = _publish_when_back(client, "orders")
    assert third > 3
    first_ms, third_ms = (envelope[1] for envelope in client.replay_all("orders")[::2])
    assert third_ms > first_ms
    jump = [["orders", 3, third - 1, "jumped"]]
    reply = client.ok(op="replay", channel="orders", since_ms=first_ms)
    assert (_ids(reply), reply["gaps"]) == ([1, 2, third], jump)
    reply = client.ok(op="replay", channel="orders", since_ms=third_ms)
    assert (_ids(reply), reply["gaps"]) == ([third], jump)
    reply = client.ok(op="replay", channel="orders", since_ms=third_ms + 1)
    assert (_ids(reply), reply["gaps"], reply["next"]) == ([], [], third)


def _publish_when_back(client, channel):
    """Publishes until it is taken; the id."""
    while True:
        reply = client.ask(op="publish", channel=channel, payload=b"x")
        if reply["ok"]:
            return reply["ids"][0]
        assert reply["code"] == "unavailable", reply


def test_all_kinds_of_headers_and_payloads_are_passed_over(client, store):
    """Within a member of several, each must be measured to find the next."""
    maps = [None, b"\x80", pack({"a": 1, "b": -1, "c": -500, "d": 2**40, "e": 1.5, "f": None, "g": [True, False]}),
            pack({"x": {"y": [1, [2, {"z": "s" * 300}]]}, "n": ["i"] * 20, "m": {f"{i}": i for i in range(20)}}),
            pack({"s": "s" * 40, "t": "t" * 70000, "b": b"b" * 10, "c": b"c" * 300, "d": b"d" * 70000}),
            b"\x86" + b"".join(b"\xa1" + bytes([97 + i]) + ext for i, ext in enumerate([
                b"\xd4\x01x", b"\xd6\xff" + bytes(4), b"\xd8\x01" + bytes(16), b"\xc7\x03\x01abc",
                b"\xc8\x01\x00\x02" + bytes(256), b"\xca" + bytes(4)])),
            b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01k\xdd\x00\x00\x00\x02\xd3" + bytes(8) + b"\xd2" + bytes(4)]
    envelopes = []
    for id_, (headers, size) in enumerate(((headers, size) for headers in maps for size in (0, 5, 300, 70000)), 1):
        #  A payload that looks like the next envelope.
        payload = (encode(id_ + 1, T, None, b"") * (size // 20 + 1))[:size]
        envelopes.append(encode(id_, T + id_, headers, payload))
    count = len(envelopes)
    store.zadd(log.key("orders", "log"), {b"".join(envelopes): count})
    store.hset(log.key("orders", "meta"), mapping={"head": count, "time": T + count, "bytes": 1})
    store.zadd("zrb:channels", {"orders": 0})
    for id_ in range(1, count + 1):
        reply = client.ok(op="replay", channel="orders", since_ms=T + id_, limit=1)
        assert _ids(reply) == [id_]
    for id_ in range(2, count + 1):
        assert client.ok(op="flush", channel="orders", before_ms=T + id_, dry_run=True)["flushed"] == id_ - 1


def test_a_channel_that_does_not_exist_has_nothing_from_any_time(client):
    for since_ms in (0, 1, T, 2**53):
        reply = client.ok(op="replay", channel="nothing", since_ms=since_ms)
        assert (reply["messages"], reply["next"], reply["more"], reply["gaps"]) == ([], 0, False, [])


def test_live_times_are_found(client):
    client.publish("orders", *[b"%d" % number for number in range(100)])
    messages = client.replay_all("orders")
    for time_ms in {message[1] for message in messages}:
        expected = [message[0] for message in messages if message[1] >= time_ms]
        assert _ids(client.ok(op="replay", channel="orders", since_ms=time_ms)) == expected
