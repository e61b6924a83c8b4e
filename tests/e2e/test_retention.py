"""Retention: each limit keeps just what it says, whoever wrote it, by any number of bridges at once."""

import os
import threading
import time

import pytest

from harness import log, scripts
from harness.wait import eventually
from harness.wire import encode


def _status(client, channel="orders"):
    return client.ok(op="status", channel=channel)["channels"].get(channel, {})


def _count(client, channel="orders"):
    return _status(client, channel).get("count", 0)


def _now_ms(client):
    return client.ok(op="ping")["now_ms"]


def _retained(store, channel="orders"):
    """[(score, member)] at or above the floor."""
    floor = int(store.hget(log.key(channel, "meta"), "floor") or 1)
    return [(score, member) for score, member in log.members(store, channel) if score >= floor]


def _suffix(sizes, max_bytes):
    """How many of the last sizes fit."""
    fit = 0
    for size in reversed(sizes):
        max_bytes -= size
        if max_bytes < 0:
            break
        fit += 1
    return fit


#  By number

def test_no_more_than_max_messages_are_retained(lab, server):
    client = lab.bridge(server, channels=[{"match": "orders", "max_messages": 10}]).client()
    for first in range(1, 60, 7):
        client.publish("orders", *[b"%d" % id_ for id_ in range(first, first + 7)])
        head = first + 6
        status = _status(client)
        assert (status["head"], status["floor"], status["count"]) == (head, max(1, head - 9), min(10, head))
    reply = client.ok(op="replay", channel="orders")
    assert [envelope[0] for _, envelope in reply["messages"]] == list(range(54, 64))
    assert reply["gaps"] == [["orders", 1, 53, "flushed"]]
    eventually(lambda: log.count(server.client(), "orders") == 10, "the members to be freed")


def test_pushed_messages_are_under_the_limit_too(lab, server):
    bridge = lab.bridge(server, channels=[{"max_messages": 100}])
    client, push = bridge.client(), bridge.push()
    for number in range(5000):
        push.send_multipart([b"orders", b"%d" % number])
    eventually(lambda: _status(client).get("head") == 5000, "all to be stored")
    assert _count(client) == 100
    newest = [b"%d" % number for number in range(4900, 5000)]
    eventually(lambda: log.payloads(server.client(), "orders") == newest, "the others to be freed")


def test_ids_that_were_jumped_do_not_count(lab, server):
    client = lab.bridge(server, channels=[{"max_messages": 6}]).client()
    client.publish("orders", *[b"%d" % number for number in range(5)])
    server.client().hset(log.key("orders", "meta"), "epoch", "an older one")
    client.publish("orders", b"5", b"6", b"7")
    eventually(lambda: _count(client) == 6, "the limit")
    assert [payload for _, _, _, payload in client.replay_all("orders")] == [b"2", b"3", b"4", b"5", b"6", b"7"]
    client.publish("orders", *[b"%d" % number for number in range(8, 20)])
    eventually(lambda: _count(client) == 6, "the limit")
    assert [payload for _, _, _, payload in client.replay_all("orders")] == [b"%d" % n for n in range(14, 20)]
    eventually(lambda: server.client().zcard(log.key("orders", "gaps")) == 0, "the row below the floor to be removed")


def test_a_limit_that_is_new_holds_for_what_is_there(lab, server):
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("orders", *[b"%d" % number for number in range(50)])
    client.publish("other", *[b"%d" % number for number in range(50)])
    bridge.sections["channels"] = [{"match": "ord*", "max_messages": 7}, {"match": "*", "max_messages": 1}]
    bridge.restart()
    client = bridge.client()
    eventually(lambda: _count(client) == 7 and _count(client, "other") == 1, "the limits")


def test_the_first_match_counts(lab, server):
    client = lab.bridge(server, channels=[{"match": "a.*", "max_messages": 3}, {"match": "a.b", "max_messages": 1},
                                          {"match": "*", "max_messages": 2}]).client()
    for channel in ("a.b", "other"):
        client.publish(channel, *[b"%d" % number for number in range(9)])
    assert _count(client, "a.b") == 3
    assert _count(client, "other") == 2


#  By age

def test_what_is_too_old_goes_and_no_more(lab, server):
    store = server.client()
    seconds, micros = store.time()
    now_ms = seconds * 1000 + micros // 1000
    times = [now_ms - age_s * 1000 for age_s in (9000, 8000, 7300, 7100, 60, 1)]
    log.lay(store, "orders", times)
    client = lab.bridge(server, channels=[{"match": "orders", "max_age_s": 7200}]).client()
    eventually(lambda: _count(client) == 3, "old messages to go")
    assert [envelope[0] for envelope in client.replay_all("orders")] == [4, 5, 6]


def test_a_message_goes_once_it_is_too_old(lab, server):
    client = lab.bridge(server, channels=[{"max_age_s": 1}]).client()
    client.publish("orders", b"a", b"b")
    stored_ms = _status(client)["last_ms"]
    eventually(lambda: _count(client) == 0, "it to become too old")
    assert _now_ms(client) > stored_ms + 1000
    assert client.publish("orders", b"c") == [3]
    eventually(lambda: _status(client)["floor"] == 4, "the next one to become too old")


def test_of_packed_messages_those_go_that_are_too_old(lab, server):
    store = server.client()
    seconds, micros = store.time()
    now_ms = seconds * 1000 + micros // 1000
    log.lay(store, "orders", [now_ms - 8000000] * 12 + [now_ms - 1000] * 9, per_member=7)
    client = lab.bridge(server, channels=[{"max_age_s": 7200}]).client()
    eventually(lambda: _count(client) == 9, "old messages to go")
    assert [envelope[0] for envelope in client.replay_all("orders")] == list(range(13, 22))
    eventually(lambda: [score for score, _ in log.raw_members(store, "orders")] == [14, 21],
               "the first member to be freed")


#  By bytes

def test_as_much_is_retained_as_max_bytes_allow(lab, server):
    client = lab.bridge(server, channels=[{"max_bytes": 20000, "pack": 1}]).client()
    store, sizes = server.client(), []
    for length in (10, 3000, 700, 19000, 1, 5000):
        payloads = [os.urandom(length + number) for number in range(40)]
        client.publish("orders", *payloads)
        sizes += [len(encode(1, 1, None, payload)) for payload in payloads]
        fit = _suffix(sizes, 20000)
        eventually(lambda: _count(client) == fit, f"{fit} messages to be left")
        eventually(lambda: _status(client)["bytes"] == sum(sizes[-fit:]), "the others to be freed")
        assert [len(member) for _, member in log.members(store, "orders")] == sizes[-fit:]


def test_a_message_beyond_max_bytes_is_not_retained(lab, server):
    client = lab.bridge(server, channels=[{"max_bytes": 1000}]).client()
    assert client.publish("orders", bytes(2000)) == [1]
    eventually(lambda: _count(client) == 0, "it to go")
    assert client.publish("orders", bytes(100)) == [2]
    eventually(lambda: _status(client)["bytes"] == len(encode(1, 1, None, bytes(100))), "the first to be freed")
    assert _count(client) == 1


def test_members_of_packed_messages_go_whole_for_max_bytes(lab, server):
    store = server.client()
    log.lay(store, "orders", [1000] * 700, per_member=7)
    sizes = [len(member) for _, member in log.raw_members(store, "orders")]
    client = lab.bridge(server, channels=[{"max_bytes": 5000}]).client()
    fit = _suffix(sizes, 5000)
    eventually(lambda: _count(client) == 7 * fit, f"{fit} members to be left")
    assert sum(len(member) for _, member in _retained(store)) <= 5000


def test_many_messages_go_in_small_steps(lab, server):
    store = server.client()
    log.lay(store, "orders", [1000] * 60000)
    sizes = [len(member) for _, member in log.members(store, "orders")]
    bridge = lab.bridge(server, channels=[{"max_bytes": 100000}])
    client = bridge.client()
    fit = _suffix(sizes, 100000)
    eventually(lambda: _count(client) == fit, f"{fit} messages to be left")
    eventually(lambda: log.count(store, "orders") == fit, "the others to be freed")
    assert store.info("commandstats")["cmdstat_evalsha"]["calls"] > (60000 - fit) // 500


#  Several limits, several bridges

@pytest.mark.parametrize("limits", [{"max_messages": 500}, {"max_bytes": 30000},
                                    {"max_messages": 700, "max_bytes": 30000}])
def test_two_bridges_hold_a_channel_to_its_limits_at_once(lab, server, limits):
    #  To the byte and the message: members that are shared go whole.
    bridges = [lab.bridge(server, channels=[{**limits, "pack": 1}]) for _ in range(2)]
    store = server.client()

    def send(bridge):
        client = bridge.client()
        for number in range(150):
            client.publish("orders", *[os.urandom(number % 90) for _ in range(20)])

    threads = [threading.Thread(target=send, args=[bridge]) for bridge in bridges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = bridges[0].client()
    assert _status(client)["head"] == 6000
    eventually(lambda: len(_retained(store)) == log.count(store, "orders"), "all to be freed")

    def fits():
        sizes = [len(member) for _, member in log.members(store, "orders")]
        return len(sizes) <= limits.get("max_messages", 6000) and sum(sizes) <= limits.get("max_bytes", 1 << 30)

    eventually(fits, "the limits")
    if "max_bytes" in limits:
        #  The next older one would not have fitted: it was at most 89 bytes and its frame.
        assert _status(client)["bytes"] > 30000 - len(encode(1, 1, None, bytes(89)))
    else:
        assert _count(client) == 500
    assert [id_ for id_, _ in log.members(store, "orders")] == list(range(6001 - _count(client), 6001))
    for bridge in bridges:
        assert "step_refused" not in bridge.process.log


#  msg_ids

def test_a_msg_id_is_forgotten_while_messages_go_on_and_few_are_retained(lab, server):
    client = lab.bridge(server, channels=[{"max_messages": 3, "dedupe_s": 1}]).client()
    store, ids = server.client(), log.key("orders", "ids")

    def publish(msg_id):
        return client.ok(op="publish", channel="orders", payload=b"", headers={"msg_id": msg_id})

    assert publish(b"first")["ids"] == [1]
    assert publish(b"first")["duplicates"] == [0]
    numbers = iter(range(1000000))
    eventually(lambda: publish(b"%d" % next(numbers)) and store.zscore(ids, b"first") is None, "it to be forgotten")
    assert publish(b"first")["duplicates"] == []
    eventually(lambda: publish(b"%d" % next(numbers)) and store.zcard(log.key("orders", "marks")) > 0, "a mark")
    assert store.zcard(log.key("orders", "marks")) < 20


def test_the_msg_id_of_a_message_that_waits_is_not_forgotten(lab, server):
    client = lab.bridge(server, channels=[{"max_messages": 1, "dedupe_s": 0}]).client()
    ids = log.key("orders", "ids")
    message = {"op": "publish", "channel": "orders", "payload": b"", "headers": {"msg_id": "one", "delay_ms": 3600000}}
    assert client.ok(**message)["ids"] == [None]
    for number in range(3):
        client.ok(op="publish", channel="orders", payload=b"", headers={"msg_id": b"%d" % number})
    eventually(lambda: server.client().zcard(ids) == 2, "what was flushed to be forgotten")
    assert client.ok(**message)["duplicates"] == [0]


def test_a_msg_id_of_what_retention_took_is_known_for_dedupe_s(lab, server):
    client = lab.bridge(server, channels=[{"max_messages": 3}]).client()
    message = {"op": "publish", "channel": "orders", "payload": b"", "headers": {"msg_id": "one"}}
    assert client.ok(**message)["ids"] == [1]
    client.publish("orders", *[b"x"] * 20)
    eventually(lambda: log.count(server.client(), "orders") == 3, "the others to be freed")
    assert client.ok(**message)["duplicates"] == [0]


def test_what_was_given_before_a_mark_is_forgotten_when_the_mark_is_old(server):
    store = server.client()
    keys = [log.key("orders", what) for what in ("ids", "meta", "log", "marks")]
    now_ms = int(time.time() * 1000)
    log.lay(store, "orders", [now_ms] * 30)
    store.zadd(keys[0], {b"id %d" % id_: id_ for id_ in range(1, 31)})
    store.hset(keys[1], "floor", 29)

    def forget(dedupe_ms, most=100):
        return store.eval(scripts.text("forget"), 4, *keys, dedupe_ms, most)

    store.zadd(keys[3], {b"5": now_ms - 90000, b"10": now_ms - 70000, b"20": now_ms - 1000})
    assert forget(100000) == [0, 0]
    assert forget(60000, 4) == [4, 1]
    assert forget(60000) == [6, 0]
    assert store.zrange(keys[0], 0, 0) == [b"id 11"]
    assert store.zrange(keys[3], 0, -1)[:2] == [b"10", b"20"]
    assert forget(60000) == [0, 0]
