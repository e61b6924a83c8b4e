"""Redis clients append through the script; what they append is a message like any other."""

import subprocess
import sys

import msgpack
import pytest
import redis
from harness.wait import eventually
from harness.wire import ROOT

REDIS = ROOT / "proto" / "examples" / "redis"
sys.path.insert(0, str(REDIS))
from order import SCRIPT, append  # noqa: E402  pylint: disable=wrong-import-position

KEYS = ["zrb:{orders}:meta", "zrb:store", "zrb:channels"]


def _append(store, payload, headers=None, channel="orders"):
    with store.pipeline() as pipeline:
        append(pipeline, channel, payload, headers)
        return pipeline.execute()[0]


def test_it_reaches_subscribers_and_the_log_as_it_was_given(bridge, store, client):
    sub = bridge.subscriber("orders")
    payloads = [b"", b"\0\n\xff", bytes(256), bytes(70000)]
    assert [_append(store, payload)[:2] for payload in payloads] == [[b"stored", number] for number in (1, 2, 3, 4)]
    assert sub.payloads(4) == payloads
    _append(store, b"with headers", {"customer": "c", "ttl_ms": 100000})
    id_, time_ms, headers, payload = client.replay_all("orders")[-1]
    assert (id_, headers, payload) == (5, {"customer": "c", "ttl_ms": 100000}, b"with headers")
    assert abs(time_ms - client.ok(op="ping")["now_ms"]) < 60000
    assert list(client.ok(op="status", pattern="orders")["channels"]) == ["orders"]


def test_a_channels_bytes_and_session_stay_in_order(store, bridge, client):
    for number in range(40):
        _append(store, b"%d" % number)
    log = store.zrange("zrb:{orders}:log", 0, -1)
    assert int(store.hget(KEYS[0], "bytes")) == sum(map(len, log))
    sessions = [field for field in store.hkeys(KEYS[0]) if field.startswith(b"s:")]
    assert len(sessions) == 17, "an application leaves one session a channel"


def test_mixed_with_two_bridges_they_come_in_order_at_every_sub(lab, server, store):
    bridges = [lab.bridge(server) for _ in range(2)]
    subs = [bridge.subscriber("orders") for bridge in bridges]
    pushes = [bridge.push() for bridge in bridges]
    for number in range(300):
        for who, push in enumerate(pushes):
            push.send_multipart([b"orders", b"%d %d" % (who, number)])
        _append(store, b"2 %d" % number)
    expected = list(range(1, 901))
    for sub in subs:
        got = [msgpack.unpackb(envelope) for _, envelope in sub.take(900)]
        assert [envelope[0] for envelope in got] == expected
        for who in range(3):
            mine = [envelope[3] for envelope in got if envelope[3].startswith(b"%d " % who)]
            assert mine == [b"%d %d" % (who, number) for number in range(300)]


def test_headers_mean_what_they_mean_elsewhere(bridge, store, client):
    assert _append(store, b"a", {"msg_id": "1"})[1] == 1
    assert _append(store, b"a", {"msg_id": "1"})[3] == [b"1", b"1"], "a duplicate tells the id of the first"
    assert client.ok(op="publish", channel="orders", payload=b"a", headers={"msg_id": "1"})["duplicates"] == [0]
    assert _append(store, b"late", {"delay_ms": 50})[3] == [b"1", b"delayed"]
    eventually(lambda: [payload for *_, payload in client.replay_all("orders")] == [b"a", b"late"], "the delayed one")


@pytest.mark.parametrize("headers", [b"\xc0", b"\x80\x80", b"\x93\x01\x02\x03", msgpack.packb({"msg_id": 1}),
                                     msgpack.packb({"ttl_ms": 0}), msgpack.packb({"delay_ms": 1, "at_ms": 1}),
                                     msgpack.packb({"front": 1}), msgpack.packb({"delay_ms": 1.5})])
def test_headers_that_break_a_rule_change_nothing(bridge, store, headers):
    before = sorted(store.keys())
    with pytest.raises(redis.ResponseError):
        store.eval(SCRIPT, 3, *KEYS, b"x", headers)
    assert sorted(store.keys()) == before


@pytest.mark.parametrize("key", ["zrb:{$rejected}:meta", "zrb:{a b}:meta", "zrb:{a*}:meta", "zrb:{}:meta", "orders",
                                 "zrb:{" + "x" * 201 + "}:meta"])
def test_names_that_break_a_rule_change_nothing(bridge, store, key):
    before = sorted(store.keys())
    with pytest.raises(redis.ResponseError):
        store.eval(SCRIPT, 3, key, *KEYS[1:], b"x")
    assert sorted(store.keys()) == before


def test_without_a_bridge_ids_jump_when_redis_may_have_lost_some(lab):
    """Redis is killed, and an application is there before any bridge is."""
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    assert bridge.client().publish("orders", b"a") == [1]
    bridge.kill()
    server.restart()
    first = _append(server.client(), b"b")[1]
    assert first > 1 << 40
    assert _append(server.client(), b"c")[1] == first + 1
    bridge.start()
    assert bridge.client().publish("orders", b"d") == [first + 2]
    assert [payload for *_, payload in bridge.client().replay_all("orders")] == [b"a", b"b", b"c", b"d"]


def test_a_new_store_begins_at_1_and_is_the_bridges_too(lab):
    server = lab.redis()
    assert _append(server.client(), b"a")[1] == 1
    bridge = lab.bridge(server)
    assert bridge.client().publish("orders", b"b") == [2]
    assert _append(server.client(), b"c")[1] == 3


def test_the_examples_append(bridge, server, store, client):
    socket = store.connection_pool.connection_kwargs["path"]
    order = subprocess.run([sys.executable, str(REDIS / "order.py"), f"unix://{socket}"], capture_output=True,
                           input=b"ann tea\nbob milk\nann ink\n", timeout=60, check=True)
    assert order.stdout == b"1 1\n2 1\n3 2\n"
    assert store.hgetall("booked") == {b"ann": b"2", b"bob": b"1"}
    shell = subprocess.run([str(REDIS / "append.sh"), "orders", "with spaces", "-s", socket],
                           capture_output=True, timeout=60, check=True)
    assert shell.stdout == b"4\n"
    assert [payload for *_, payload in client.replay_all("orders")] == [b"tea", b"milk", b"ink", b"with spaces"]
