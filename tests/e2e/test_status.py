"""status, info, ping: numbers that equal what is in Redis."""

import time

import pytest

from harness import log
from harness.wait import eventually
from harness.wire import ROOT, decode, vectors


def _numbers(client, channel):
    return client.ok(op="status", channel=channel)["channels"][channel]


def _all(client, **request):
    """All pages of a status."""
    channels, cursor = {}, {}
    while True:
        reply = client.ok(op="status", **request, **cursor)
        assert not channels.keys() & reply["channels"].keys()
        channels.update(reply["channels"])
        if "cursor" not in reply:
            return channels
        cursor = {"cursor": reply["cursor"]}


def _expect_as_in_redis(store, numbers, channel):
    members = log.members(store, channel)
    visible = [score for score, _ in members if score >= numbers["floor"]]
    assert numbers["count"] == len(visible)
    assert numbers["bytes"] == sum(len(member) for _, member in log.raw_members(store, channel))
    assert numbers["head"] == members[-1][0]
    assert numbers["last_ms"] == decode(members[-1][1])[1]


def test_numbers_equal_what_is_in_redis(bridge, client, store):
    push = bridge.push()
    for number in range(1000):
        push.send_multipart([b"orders", b"x" * number])
    eventually(lambda: log.count(store, "orders") == 1000, "1000 messages")
    numbers = _numbers(client, "orders")
    assert (numbers["head"], numbers["floor"], numbers["count"]) == (1000, 1, 1000)
    assert (numbers["delayed"], numbers["paused"], numbers["groups"]) == (0, False, {})
    _expect_as_in_redis(store, numbers, "orders")
    client.ok(op="flush", channel="orders", before=301)
    eventually(lambda: log.count(store, "orders") == 700, "the freeing")
    numbers = _numbers(client, "orders")
    assert (numbers["head"], numbers["floor"], numbers["count"]) == (1000, 301, 700)
    _expect_as_in_redis(store, numbers, "orders")


def test_bytes_of_a_channel_flushed_whole_come_to_nothing(client):
    client.publish("orders", b"a", b"b")
    client.ok(op="flush", channel="orders", all=True)
    eventually(lambda: _numbers(client, "orders")["bytes"] == 0, "the freeing")
    numbers = _numbers(client, "orders")
    assert (numbers["head"], numbers["floor"], numbers["count"]) == (2, 3, 0)


def test_a_channel_that_does_not_exist_is_an_empty_one(client):
    assert _numbers(client, "nothing") == {"head": 0, "floor": 1, "count": 0, "bytes": 0, "last_ms": 0, "delayed": 0,
                                           "paused": False, "groups": {}}
    assert client.ok(op="status", pattern="nothing")["channels"] == {}


def test_no_channels_at_all(client):
    assert _all(client) == {}


def test_patterns_are_matched_as_the_vectors_say(client):
    chosen = [vector for vector in vectors("globs")
              if not vector["text"].startswith("$") and not set(vector["text"]) & set("*?[]{}\\")]
    names = {vector["text"] for vector in chosen}
    client.ok(op="publish", messages=[[name, b"payloads - like * and [a-z] - mean nothing"] for name in sorted(names)])
    for vector in chosen:
        found = _all(client, pattern=vector["glob"])
        assert (vector["text"] in found) == vector["match"], vector


def test_names_of_the_bridge_show_only_when_asked_for(bridge, client):
    bridge.push().send_multipart([b"a b", b"x"])
    client.publish("orders", b"x")
    eventually(lambda: _numbers(client, "$rejected")["head"] == 1, "the refusal")
    assert list(_all(client)) == ["orders"]
    assert list(_all(client, pattern="*")) == ["orders"]
    assert list(_all(client, pattern="$*")) == ["$rejected"]
    assert list(_all(client, pattern="$rejected")) == ["$rejected"]


def test_thousands_of_channels_come_in_pages_and_in_order(client):
    names = sorted(f"channel-{number}" for number in range(3500))
    for first in range(0, 3500, 1000):
        client.ok(op="publish", messages=[[name, b"x"] for name in names[first:first + 1000]])
    found = _all(client)
    assert list(found) == names
    assert all((numbers["head"], numbers["count"]) == (1, 1) for numbers in found.values())
    assert list(_all(client, pattern="*-34*")) == [name for name in names if "-34" in name]
    assert "cursor" in client.ok(op="status")


def test_channels_with_names_of_all_kinds_are_counted(client):
    names = [bytes.fromhex(vector["hex"]).decode() for vector in vectors("names")
             if vector["valid"] and not vector["reserved"]]
    client.ok(op="publish", messages=[[name, b"x"] for name in names])
    found = _all(client)
    assert set(found) == set(names)
    for name in names:
        assert _numbers(client, name) == found[name]
        assert client.replay_all(name)[0][3] == b"x"


def test_ping_tells_the_time_of_redis(client, store):
    before = store.time()
    now_ms = client.ok(op="ping")["now_ms"]
    after = store.time()
    assert before[0] * 1000 + before[1] // 1000 <= now_ms <= after[0] * 1000 + after[1] // 1000


def test_info_tells_protocol_version_and_limits(lab, server):
    bridge = lab.bridge(server, ingest={"max_message_bytes": 5000}, control={"max_reply_bytes": 70000},
                        bridge={"name": "mine"})
    info = bridge.client().ok(op="info")
    assert info["protocol"] == 1
    assert info["name"] == "mine"
    assert info["durability"] == "memory"
    limits = info["limits"]
    assert (limits["max_message_bytes"], limits["max_reply_bytes"]) == (5000, 70000)
    text = (ROOT / "proto" / "PROTOCOL.md").read_text(encoding="utf-8")
    section = text[text.index("## Limits"):text.index("## What never changes")]
    assert [key for key in limits if f"`{key}`" not in section] == []


def test_info_tells_store_and_start(bridge, client):
    first = client.ok(op="info")
    assert client.ok(op="info")["bridge"] == first["bridge"]
    bridge.restart()
    second = bridge.client().ok(op="info")
    assert second["store"] == first["store"]
    assert second["bridge"] != first["bridge"]
    assert second["uptime_ms"] < 60000


def test_uptime_grows(client):
    first = client.ok(op="info")["uptime_ms"]
    eventually(lambda: client.ok(op="info")["uptime_ms"] > first, "a millisecond")


def test_info_counts_what_happened(bridge, client):
    push = bridge.push()
    for number in range(100):
        push.send_multipart([b"orders", b"12345"])
        push.send_multipart([b"or ders", b"12345"])
    client.publish("orders", b"a", b"b")
    counters = eventually(lambda: _counters_when_stored(client, 202), "202 stored messages")
    assert counters["pull_messages"] == 200
    assert counters["publish_messages"] == 2
    assert counters["rejected_messages"] == 100
    assert counters["received_bytes"] == 500
    assert counters["fanout_messages"] == 202
    assert counters["in_flight_messages"] == 0
    assert counters["redis_connects"] == 1
    assert counters["channels"] == 2


def _counters_when_stored(client, count):
    counters = client.ok(op="info")["counters"]
    return counters if counters["stored_messages"] == count and counters["in_flight_messages"] == 0 else None


def test_every_key_of_info_stands_in_protocol_md(client):
    info = client.ok(op="info")
    text = (ROOT / "proto" / "PROTOCOL.md").read_text(encoding="utf-8")
    section = text[text.index("### info"):text.index("### ping")]
    for keys in (info, info["redis"], info["counters"]):
        assert [key for key in keys if f"`{key}`" not in section and key not in ("seq", "ok")] == []


@pytest.mark.parametrize("op", ["ping", "info", "status"])
def test_small_questions_are_answered_in_time_under_load(bridge, client, op):
    push = bridge.push(sndhwm=10000)
    for number in range(50000):
        push.send_multipart([b"orders", b"x" * 100])
        if number % 5000 == 0:
            started = time.monotonic()
            client.ok(op=op)
            assert time.monotonic() - started < 5
