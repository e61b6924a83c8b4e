"""replay by glob: all channels that match, by time, with a cursor that says how far each has come."""

import collections

import msgpack
import pytest

from harness import log
from harness.wait import eventually
from harness.wire import pack, raw_messages, vectors

T = 1600000000000


def _messages(reply):
    return [(channel, envelope[0]) for channel, envelope in reply["messages"]]


def _times(reply):
    return [envelope[1] for _, envelope in reply["messages"]]


def _walk(client, pattern, cursor=None, **options):
    """All messages of the pattern, by as many replays as it takes; (messages, gaps, times, cursor)."""
    since = {"since_ms": options.pop("since_ms")} if "since_ms" in options else {}
    messages, gaps, times = [], [], []
    while True:
        begin = {"cursor": cursor} if cursor is not None else since
        reply = client.ok(op="replay", pattern=pattern, **begin, **options)
        messages += _messages(reply)
        times += _times(reply)
        gaps += reply["gaps"]
        assert reply["messages"] or not reply["more"]
        cursor = reply["cursor"]
        if not reply["more"]:
            return messages, gaps, times, cursor


def _expect_all(messages, counts):
    """Each channel's ids ascend from 1 to its count, none twice."""
    ids = collections.defaultdict(list)
    for channel, id_ in messages:
        ids[channel].append(id_)
    assert dict(ids) == {channel: list(range(1, count + 1)) for channel, count in counts.items() if count}


#  Channels that end soon, that begin late, that share times, that lie far apart.
LOGS = {
    "a": [T + 10 * number for number in range(300)],
    "b": [T + 7 * number for number in range(200)],
    "c": [T + 500] * 50,
    "d": [T + 2900 + number for number in range(400)],
    "e": [T],
    "f": [T + 100000 + 1000 * number for number in range(20)],
}


@pytest.fixture(params=[1, 3, 64])
def laid(client, store, request):
    for channel, times in LOGS.items():
        log.lay(store, channel, times, request.param)
    return client


@pytest.mark.parametrize("limit", [1, 2, 7, 100, 1000, 100000])
def test_messages_come_by_time_whatever_the_limit(laid, limit):
    messages, gaps, times, _ = _walk(laid, "*", limit=limit)
    assert times == sorted(times)
    _expect_all(messages, {channel: len(times) for channel, times in LOGS.items()})
    assert gaps == []


@pytest.mark.parametrize("max_bytes", [1, 100, 5000, 10**9])
def test_messages_come_by_time_whatever_max_bytes(laid, max_bytes):
    messages, _, times, _ = _walk(laid, "*", max_bytes=max_bytes)
    assert times == sorted(times)
    _expect_all(messages, {channel: len(times) for channel, times in LOGS.items()})


def test_the_limit_is_reached_when_there_is_enough(laid):
    for limit in (1, 5, 300, 900):
        reply = laid.ok(op="replay", pattern="*", limit=limit)
        assert len(reply["messages"]) == limit
        assert reply["more"] is True
    reply = laid.ok(op="replay", pattern="[abe]", limit=501)
    assert (len(reply["messages"]), reply["more"]) == (501, False)


@pytest.mark.parametrize("limit", [3, 1000])
def test_since_leaves_out_what_is_older(laid, limit):
    for since_ms in (T, T + 1, T + 500, T + 501, T + 2900, T + 119000, T + 119001):
        messages, gaps, times, _ = _walk(laid, "*", since_ms=since_ms, limit=limit)
        expected = {(channel, id_) for channel, log_ in LOGS.items() for id_, time_ms in enumerate(log_, 1)
                    if time_ms >= since_ms}
        assert (set(messages), len(messages)) == (expected, len(expected)), since_ms - T
        assert times == sorted(times)
        assert gaps == []


def test_channels_that_do_not_match_stay_out(client):
    names = ["orders.a", "orders.b", "orders", "orders-a", "order", "invoices.a", "größe"]
    for name in names:
        client.publish(name, b"orders.*", b"orders.a")
    for pattern, expected in [("orders.*", {"orders.a", "orders.b"}), ("orders?a", {"orders.a", "orders-a"}),
                              ("orders[-.]a", {"orders.a", "orders-a"}), ("orders", {"orders"}),
                              ("*.a", {"orders.a", "invoices.a"}), ("gr*", {"größe"}), ("orders.[a-b]", {
                                  "orders.a", "orders.b"}), ("\\orders", {"orders"}), ("x*", set())]:
        messages, _, _, _ = _walk(client, pattern)
        assert {channel for channel, _ in messages} == expected, pattern
        assert len(messages) == 2 * len(expected)


def test_globs_match_as_the_vectors_say_here_and_in_flush(lab, server):
    """Names that can be channels: each as the vectors have it, in replay, flush and status alike."""
    client = lab.bridge(server, bridge={"log_level": "info"}).client()
    cases = collections.defaultdict(dict)
    for vector in vectors("globs"):
        name, glob = vector["text"], vector["glob"]
        if name and not name.startswith("$") and not set(name) & set(" *?[]{}\\") and len(name.encode()) <= 200 \
                and name.isprintable() and len(glob.encode()) <= 200:
            cases[glob][name] = vector["match"]
    names = sorted({name for matches in cases.values() for name in matches})
    assert len(cases) > 20 and len(names) > 20
    client.ok(op="publish", messages=[[name, b"*-[a-z]?"] for name in names])
    for glob, matches in cases.items():
        reply = client.ask(op="replay", pattern=glob)
        if not reply["ok"]:
            assert reply["code"] == "bad_channel", reply
            continue
        replayed = {channel for channel, _ in _messages(reply)}
        flushed = set(client.ok(op="flush", pattern=glob, all=True, dry_run=True)["channels"])
        status = set(client.ok(op="status", pattern=glob)["channels"])
        assert replayed == flushed == status, glob
        assert {name: name in replayed for name in matches} == matches, glob


def test_the_bridges_own_channels_come_only_when_named(bridge, client):
    bridge.push().send_multipart([b"a b", b"x"])
    client.publish("orders", b"x")
    eventually(lambda: client.ok(op="peek", channel="$rejected")["messages"], "the rejected one")
    assert _messages(client.ok(op="replay", pattern="*")) == [("orders", 1)]
    assert _messages(client.ok(op="replay", pattern="$*")) == [("$rejected", 1)]


def test_a_cursor_goes_on_where_the_reply_ended(client):
    client.publish("a", b"1", b"2")
    client.publish("b", b"1")
    reply = client.ok(op="replay", pattern="*")
    assert isinstance(reply["cursor"], bytes)
    again = client.ok(op="replay", pattern="*", cursor=reply["cursor"])
    assert (again["messages"], again["more"], again["gaps"]) == ([], False, [])
    client.publish("b", b"2")
    client.publish("a", b"3")
    assert sorted(_messages(client.ok(op="replay", pattern="*", cursor=again["cursor"]))) == [("a", 3), ("b", 2)]
    assert sorted(_messages(client.ok(op="replay", pattern="*", cursor=reply["cursor"]))) == [("a", 3), ("b", 2)]


@pytest.mark.parametrize("since", [{}, {"since_ms": T}])
def test_channels_that_appear_are_in_it_when_the_cursor_comes_back(client, since):
    client.publish("b", b"1")
    cursor = client.ok(op="replay", pattern="*", **since)["cursor"]
    for channel in ("a", "c", "b"):
        client.publish(channel, b"x", b"y")
    messages, gaps, _, _ = _walk(client, "*", cursor, limit=2)
    assert sorted(messages) == [("a", 1), ("a", 2), ("b", 2), ("b", 3), ("c", 1), ("c", 2)]
    assert gaps == []


def test_nothing_matched_yet_gives_a_cursor_too(client):
    reply = client.ok(op="replay", pattern="orders.*")
    assert (reply["messages"], reply["more"], reply["gaps"]) == ([], False, [])
    client.publish("orders.a", b"x")
    assert _messages(client.ok(op="replay", pattern="orders.*", cursor=reply["cursor"])) == [("orders.a", 1)]


def test_since_a_time_to_come_holds_when_the_cursor_comes_back(client, store):
    log.lay(store, "a", [T, T + 1])
    cursor = client.ok(op="replay", pattern="*", since_ms=T + 10)["cursor"]
    log.lay(store, "a", [T, T + 1, T + 9, T + 10, T + 11])
    log.lay(store, "b", [T + 8, T + 12])
    reply = client.ok(op="replay", pattern="*", cursor=cursor)
    assert _messages(reply) == [("a", 4), ("a", 5), ("b", 2)]
    log.lay(store, "b", [T + 8, T + 12, T + 12])
    assert _messages(client.ok(op="replay", pattern="*", cursor=reply["cursor"])) == [("b", 3)]


def test_a_cursor_of_another_pattern_or_none_at_all_is_refused(client):
    client.publish("orders.a", b"x")
    cursor = client.ok(op="replay", pattern="orders.*")["cursor"]
    for bad in (cursor[:-1], cursor + b"\x00", b"", b"hello", bytes([cursor[0] ^ 1]) + cursor[1:],
                pack({"orders.a": 1})):
        reply = client.ask(op="replay", pattern="orders.*", cursor=bad)
        assert (reply.get("code"), reply.get("message")) == ("bad_request", "cursor: not one that replay gave"), bad
    reply = client.ask(op="replay", pattern="invoices.*", cursor=cursor)
    assert (reply["code"], reply["message"]) == ("bad_request", "cursor: not one that replay gave")
    assert client.ok(op="replay", pattern="orders.*", cursor=cursor)["messages"] == []


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_gaps_of_each_channel_are_told_once(client, limit):
    for channel in "abc":
        client.publish(channel, *[b"%d" % number for number in range(10)])
    client.ok(op="flush", channel="a", before=4)
    client.ok(op="flush", channel="b", all=True)
    messages, gaps, times, cursor = _walk(client, "*", limit=limit)
    assert sorted(messages) == [("a", id_) for id_ in range(4, 11)] + [("c", id_) for id_ in range(1, 11)]
    assert times == sorted(times)
    assert sorted(gaps) == [["a", 1, 3, "flushed"], ["b", 1, 10, "flushed"]]
    assert client.ok(op="replay", pattern="*", cursor=cursor)["gaps"] == []
    client.ok(op="flush", channel="c", before=6)
    assert client.ok(op="replay", pattern="*", cursor=cursor)["gaps"] == []


def test_a_jump_is_told_in_its_place(lab):
    server = lab.redis(fsync="always")
    client = lab.bridge(server).client()
    for channel in "ab":
        client.publish(channel, b"1", b"2")
    server.restart()
    eventually(lambda: client.ask(op="publish", channel="a", payload=b"3")["ok"], "the way back")
    third = client.replay_all("a")[2][0]
    assert third > 3
    for limit in (1, 2, 1000):
        messages, gaps, _, _ = _walk(client, "*", limit=limit)
        assert sorted(messages) == [("a", 1), ("a", 2), ("a", third), ("b", 1), ("b", 2)]
        assert gaps == [["a", 3, third - 1, "jumped"]]


def test_a_thousand_channels_and_not_one_more(lab, server):
    client = lab.bridge(server, bridge={"log_level": "info"}).client()
    names = [f"c.{number:03}" for number in range(1000)]
    for payload in (b"x", b"y", b"z"):
        client.ok(op="publish", messages=[[name, payload] for name in names])
    counts = {name: 3 for name in names}
    for limit in (700, 2500, 100000):
        messages, _, times, cursor = _walk(client, "c.*", limit=limit)
        _expect_all(messages, counts)
        assert times == sorted(times)
    assert len(msgpack.unpackb(cursor)[1]) == 1000
    client.publish("c.more", b"x")
    for begin in ({}, {"cursor": cursor}, {"since_ms": 1}):
        reply = client.ask(op="replay", pattern="c.*", **begin)
        assert (reply["code"], reply["message"]) == ("bad_request", "pattern: matches more than 1000 channels")
    assert len(client.ok(op="replay", pattern="c.[0-9]*", cursor=cursor)["messages"]) == 0


def test_matching_channels_are_found_among_thousands(lab, server):
    client = lab.bridge(server, bridge={"log_level": "info"}).client()
    for first in range(0, 4000, 1000):
        client.ok(op="publish", messages=[[f"n{number}", b"x"] for number in range(first, first + 1000)])
    client.publish("zebra.last", b"x")
    client.publish("aardvark.last", b"x")
    assert sorted(_messages(client.ok(op="replay", pattern="*.last"))) == [("aardvark.last", 1), ("zebra.last", 1)]
    assert len(client.ok(op="replay", pattern="n399?")["messages"]) == 10
    assert len(client.ok(op="replay", pattern="n39[0-9][0-9]")["messages"]) == 100


@pytest.mark.parametrize("size", [3000, 200000])
def test_large_messages_stay_below_max_reply_bytes(lab, server, size):
    client = lab.bridge(server, control={"max_reply_bytes": 65536}).client()
    for number in range(20):
        client.publish(f"c{number:02}", *[bytes([number]) * size] * 2)
    messages, times, begin = [], [], {}
    while True:
        raw = client.raw(op="replay", pattern="c*", **begin)
        assert len(raw) <= 65536 or len(raw_messages(raw)) == 1
        reply = msgpack.unpackb(raw)
        messages += _messages(reply)
        times += _times(reply)
        assert all(payload == bytes([int(channel[1:])]) * size for channel, (*_, payload) in reply["messages"])
        if not reply["more"]:
            break
        begin = {"cursor": reply["cursor"]}
    _expect_all(messages, {f"c{number:02}": 2 for number in range(20)})
    assert times == sorted(times)


def test_replies_hold_the_stored_bytes(client, store):
    client.publish("a", b"\x00\n", b"", b"x" * 70000)
    expected = [("a", member) for _, member in log.members(store, "a")]
    assert raw_messages(client.raw(op="replay", pattern="a*")) == expected


def test_a_walk_while_messages_come_has_each_once(bridge, client):
    push = bridge.push()
    sent = collections.Counter()
    messages, cursor = [], {}
    for number in range(6000):
        channel = f"c{number % 7}" if number % 50 else f"new{number}"
        sent[channel] += 1
        push.send_multipart([channel.encode(), b"%d" % number])
        if number % 200 == 0:
            reply = client.ok(op="replay", pattern="*", limit=150, **cursor)
            messages += _messages(reply)
            cursor = {"cursor": reply["cursor"]}
    eventually(lambda: sum(numbers["head"] for numbers in client.ok(op="status")["channels"].values()) == 6000, "all")
    messages += _walk(client, "*", cursor["cursor"], limit=150)[0]
    _expect_all(messages, sent)


def test_what_redis_cannot_read_is_never_left_out_silently(client, store):
    for channel in "abc":
        client.publish(channel, b"x")
    store.rename(log.key("b", "log"), "aside")
    store.set(log.key("b", "log"), "not a sorted set")
    assert client.ask(op="replay", pattern="*")["code"] == "unavailable"
    assert client.ask(op="replay", channels={"a": 0, "b": 0, "c": 0})["code"] == "unavailable"
    assert _messages(client.ok(op="replay", pattern="[ac]")) == [("a", 1), ("c", 1)]
    store.rename("aside", log.key("b", "log"))
    assert len(client.ok(op="replay", pattern="*")["messages"]) == 3
