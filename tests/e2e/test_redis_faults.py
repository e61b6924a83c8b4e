"""Redis killed, stopped, forgetful, or refusing: nothing confirmed is lost, and all goes on by itself."""

import os
import random
import signal
import threading
import time

import pytest
import redis
import zmq

from harness import log
from harness.wait import eventually
from harness.wire import decode, id_of, pack

CODES = {"busy", "unavailable", "unknown_outcome"}


class Publisher:
    """Publishes to one channel, `window` requests at a time, and records how each ended."""

    def __init__(self, bridge, channel="orders", window=20):
        self.bridge, self.channel, self.window = bridge, channel, window
        self.ok, self.failed, self.unknown = {}, [], []   # payload -> id; payloads
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        client = self.bridge.client()
        number, waiting = 0, {}
        while not self._stop.is_set() or waiting:
            while len(waiting) < self.window and not self._stop.is_set():
                number += 1
                payload = b"%d" % number
                waiting[client.send(op="publish", channel=self.channel, payload=payload)] = payload
            seq = next(iter(waiting), None)
            if seq is not None:
                self._record(client.reply(seq), waiting.pop(seq))

    def _record(self, reply, payload):
        if reply["ok"]:
            self.ok[payload] = reply["ids"][0]
        else:
            assert reply["code"] in CODES and reply["retry_ms"] > 0, reply
            (self.unknown if reply["code"] == "unknown_outcome" else self.failed).append(payload)

    def stop(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def _expect_kept(publisher, messages):
    """What was confirmed is there under its id, once; what was refused is not; nothing else is."""
    found = {}
    for id_, _, _, payload in messages:
        assert payload not in found, f"{payload} twice"
        found[payload] = id_
    for payload, id_ in publisher.ok.items():
        assert found.get(payload) == id_
    for payload in publisher.failed:
        assert payload not in found
    assert found.keys() <= publisher.ok.keys() | set(publisher.unknown)


def _up(client):
    return client.ask(op="ping")["ok"]


def _expect_ascending(envelopes):
    ids = [id_of(envelope) for envelope in envelopes]
    assert all(first < second for first, second in zip(ids, ids[1:]))
    return ids


def _push_around(push, sub, channel, break_it, first, count=4000):
    """Pushes `count` messages, breaks Redis in the middle, and returns what SUB got until the last came."""
    for number in range(first, first + count):
        push.send_multipart([channel, b"%d" % number])
        if number == first + count // 2:
            break_it()
    received = []
    while not received or decode(received[-1])[3] != b"%d" % (first + count - 1):
        received.append(sub.next()[1])
    return received


@pytest.mark.fault(2, rounds=3)
def test_a_redis_killed_mid_stream_is_found_again(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    sub, push = bridge.subscriber(b"orders"), bridge.push()
    received = []
    for turn in range(3):
        received += _push_around(push, sub, b"orders", server.restart, 4000 * turn)
    _expect_ascending(received)
    payloads = [int(decode(envelope)[3]) for envelope in received]
    assert payloads == list(range(12000))
    stored = log.members(server.client(), "orders")
    assert [member for _, member in stored] == received
    assert [message[0] for message in bridge.client().replay_all("orders")] == [score for score, _ in stored]


@pytest.mark.fault(2, 17, rounds=3)
def test_an_embedded_redis_killed_mid_stream_is_started_again(lab):
    bridge = lab.bridge(redis={"mode": "embedded", "fsync": "always"})
    sub, push = bridge.subscriber(b"orders"), bridge.push()
    received = []
    for turn in range(3):
        received += _push_around(push, sub, b"orders", lambda: os.kill(bridge.embedded_pid(), signal.SIGKILL),
                                 4000 * turn)
    _expect_ascending(received)
    assert [int(decode(envelope)[3]) for envelope in received] == list(range(12000))
    assert [member for _, member in log.members(bridge.embedded(), "orders")] == received


@pytest.mark.fault(2, rounds=5)
def test_what_publish_confirmed_survives_a_killed_redis(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client = bridge.client()
    publishers = [Publisher(bridge, f"orders-{number}") for number in range(3)]
    choice = random.Random(7)
    for turn in range(5):
        wanted = len(publishers[0].ok) + choice.randrange(100, 500)
        eventually(lambda wanted=wanted: len(publishers[0].ok) >= wanted, "more confirmed messages")
        server.kill()
        eventually(lambda: not _up(client), "the bridge's noticing")
        server.start()
        eventually(lambda: _up(client), "the bridge's return")
    for publisher in publishers:
        publisher.stop()
    for publisher in publishers:
        assert publisher.ok
        _expect_kept(publisher, client.replay_all(publisher.channel))


@pytest.mark.fault(2, 17, rounds=5)
def test_what_publish_confirmed_survives_a_killed_embedded_redis(lab):
    bridge = lab.bridge(redis={"mode": "embedded", "fsync": "always"})
    client = bridge.client()
    publisher = Publisher(bridge)
    for turn in range(5):
        wanted = len(publisher.ok) + 200
        eventually(lambda wanted=wanted: len(publisher.ok) >= wanted, "more confirmed messages")
        pid = bridge.embedded_pid()
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: bridge.embedded_pid() not in (None, pid), "another redis-server")
    publisher.stop()
    eventually(lambda: _up(client), "the bridge's return")
    _expect_kept(publisher, client.replay_all("orders"))


@pytest.mark.fault(1, 17, rounds=5)
def test_a_killed_bridge_loses_nothing_that_it_confirmed(lab):
    bridge = lab.bridge(redis={"mode": "embedded", "fsync": "everysec"})
    client = bridge.client()
    confirmed = {}
    for turn in range(5):
        seqs = {client.send(op="publish", channel="orders", payload=b"%d %d" % (turn, number)): number
                for number in range(500)}
        for seq, number in list(seqs.items())[:100]:
            confirmed[b"%d %d" % (turn, number)] = client.reply(seq)["ids"][0]
        pid = bridge.embedded_pid()
        bridge.kill()
        bridge.start()
        assert bridge.embedded_pid() == pid, "the redis-server that was left is taken over"
        client = bridge.client()
        found = {payload: id_ for id_, _, _, payload in client.replay_all("orders")}
        assert len(found) == len(client.replay_all("orders"))
        assert {payload: found.get(payload) for payload in confirmed} == confirmed


def test_while_redis_is_away_requests_say_so_and_then_work_again(lab, server, bridge, client):
    client.publish("orders", b"a")
    server.kill()
    eventually(lambda: not _up(client), "the bridge's noticing")
    for request in ({"op": "publish", "channel": "orders", "payload": b"b"}, {"op": "replay", "channel": "orders"},
                    {"op": "flush", "channel": "orders", "all": True}, {"op": "peek", "channel": "orders"},
                    {"op": "status"}, {"op": "status", "channel": "orders"}, {"op": "ping"}):
        reply = client.ask(**request)
        assert (reply["ok"], reply["code"]) == (False, "unavailable"), reply
        assert reply["retry_ms"] > 0
        assert "\n" not in reply["message"]
    info = client.ok(op="info")
    assert info["redis"]["up"] is False
    assert info["redis"]["trouble"]
    assert client.ask(op="nothing")["code"] == "unknown_op"
    server.start()
    eventually(lambda: _up(client), "the bridge's return")
    assert client.ok(op="info")["redis"]["up"] is True
    #  This Redis keeps nothing on disk and came back empty: ids go on behind those that it gave before.
    assert client.publish("orders", b"c")[0] > 1


def test_messages_pushed_while_redis_is_away_are_stored_when_it_is_back(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client, sub, push = bridge.client(), bridge.subscriber(b"orders"), bridge.push()
    client.publish("orders", b"before")
    server.kill()
    eventually(lambda: not _up(client), "the bridge's noticing")
    for number in range(1000):
        push.send_multipart([b"orders", b"%d" % number])
    eventually(lambda: client.ok(op="info")["counters"]["pull_messages"] == 1000, "the reading")
    server.start()
    received = [envelope for _, envelope in sub.take(1001)]
    assert [decode(envelope)[3] for envelope in received] == [b"before"] + [b"%d" % n for n in range(1000)]
    _expect_ascending(received)
    assert [member for _, member in log.members(server.client(), "orders")] == received


def test_a_bridge_starts_while_redis_is_away_and_serves_when_it_comes(lab):
    server = lab.redis()
    server.kill()
    bridge = lab.bridge(server, redis_is_up=False)
    client, push = bridge.client(), bridge.push()
    assert client.ask(op="ping")["code"] == "unavailable"
    push.send_multipart([b"orders", b"x"])
    server.start()
    eventually(lambda: _up(client), "the bridge's return")
    eventually(lambda: log.count(server.client(), "orders") == 1, "the message")


def _push_until_full(push, frames):
    """Sends until ZeroMQ makes it wait for half a second; returns how many went."""
    sent = 0
    while push.poll(500, zmq.POLLOUT):
        push.send_multipart([frames[0], b"%08d" % sent + frames[1]], zmq.DONTWAIT)
        sent += 1
        assert sent < 200000, "nothing pushes back"
    return sent


def test_a_stopped_redis_pushes_senders_back_and_memory_stays_bounded(lab):
    server = lab.redis(fsync="everysec")
    bridge = lab.bridge(server, ingest={"max_in_flight": 500})
    client, sub = bridge.client(), bridge.subscriber(b"orders")
    push = bridge.push(sndhwm=100)
    server.suspend()
    sent = _push_until_full(push, [b"orders", bytes(10000)])
    counters = client.ok(op="info")["counters"]
    assert counters["in_flight_messages"] <= 500 + 256
    #  100 here, 500 in flight, 1000 in the bridge's queue, and what the kernel's buffers hold of 10 KB each.
    assert sent < 10000
    server.resume()
    payloads = [payload[:8] for payload in sub.payloads(sent)]
    assert payloads == [b"%08d" % number for number in range(sent)]
    push.send_multipart([b"orders", b"more"])
    assert sub.ids(1) == [sent + 1]


def test_max_in_flight_bytes_pushes_back_too(lab):
    server = lab.redis()
    bridge = lab.bridge(server, ingest={"max_in_flight_bytes": 1000000})
    client, sub = bridge.client(), bridge.subscriber(b"orders")
    server.suspend()
    sent = _push_until_full(bridge.push(sndhwm=10), [b"orders", bytes(100000)])
    assert client.ok(op="info")["counters"]["in_flight_bytes"] <= 1000000 + 200000
    assert sent < 2000
    server.resume()
    assert sub.ids(sent) == list(range(1, sent + 1))


def test_publishes_to_a_stopped_redis_are_answered_in_time(lab, server):
    bridge = lab.bridge(server, ingest={"max_in_flight": 50})
    client = bridge.client()
    server.suspend()
    payloads = [b"%d" % number for number in range(300)]
    seqs = [client.send(op="publish", channel="orders", payload=payload) for payload in payloads]
    asked = time.monotonic()
    replies = [client.reply(seq) for seq in seqs]
    assert time.monotonic() - asked < 6  # the promise is 5 s for each, and all were asked at once
    assert all(not reply["ok"] and reply["code"] in CODES and reply["retry_ms"] > 0 for reply in replies)
    assert "busy" in {reply["code"] for reply in replies}
    server.resume()
    eventually(lambda: _up(client), "the bridge's return")
    #  Busy as long as what it had sent has no answer.
    eventually(lambda: client.ask(op="publish", channel="orders", payload=b"end")["ok"], "the end of the pile")
    found = [message[3] for message in client.replay_all("orders")]
    assert len(found) == len(set(found))
    refused = {payload for payload, reply in zip(payloads, replies) if reply["code"] != "unknown_outcome"}
    assert refused
    assert not refused & set(found)


def test_a_flushed_script_cache_is_not_noticed(bridge, client, store):
    sub, push = bridge.subscriber(b"orders"), bridge.push()
    seqs = []
    for number in range(10000):
        push.send_multipart([b"orders", b"%d" % number])
        if number % 500 == 0:
            store.script_flush()
            seqs += [client.send(op="publish", channel="other", payload=b"x"),
                     client.send(op="replay", channel="other"), client.send(op="status")]
    assert all(client.reply(seq)["ok"] for seq in seqs)
    received = [envelope for _, envelope in sub.take(10000)]
    assert [decode(envelope)[3] for envelope in received] == [b"%d" % number for number in range(10000)]
    assert [member for _, member in log.expect_sound(store, "orders")] == received


def test_lost_connections_are_not_noticed_by_those_who_push(bridge, client, store):
    sub, push = bridge.subscriber(b"orders"), bridge.push()
    for number in range(20000):
        push.send_multipart([b"orders", b"%d" % number])
        if number % 2000 == 1999:
            for connection in store.client_list():
                if int(connection["id"]) != store.client_id():
                    store.client_kill_filter(_id=connection["id"])
    received = [envelope for _, envelope in sub.take(20000)]
    assert [decode(envelope)[3] for envelope in received] == [b"%d" % number for number in range(20000)]
    assert [member for _, member in log.expect_sound(store, "orders")] == received
    assert client.ok(op="info")["counters"]["redis_connects"] > 1


def test_a_redis_that_is_full_is_told_and_recovered_from(bridge, client, store):
    store.config_set("maxmemory-policy", "noeviction")
    client.publish("orders", b"before")
    store.config_set("maxmemory", 1)
    reply = client.ask(op="publish", channel="orders", payload=b"refused")
    assert not reply["ok"] and reply["code"] in ("busy", "unavailable") and reply["retry_ms"] > 0
    bridge.push().send_multipart([b"orders", b"waits"])
    eventually(lambda: client.ok(op="info")["counters"]["pull_messages"] == 1, "the reading")
    assert client.ok(op="replay", channel="orders")["head"] == 1
    store.config_set("maxmemory", 0)
    eventually(lambda: log.count(store, "orders") == 2, "the message that waited")
    assert client.publish("orders", b"after") == [3]
    assert log.payloads(store, "orders") == [b"before", b"waits", b"after"]


def test_a_busy_redis_is_waited_for(bridge, client, store, server):
    """A script that runs for too long makes Redis answer BUSY to everybody."""
    sub, push = bridge.subscriber(b"orders"), bridge.push()
    store.config_set("lua-time-limit", 50)
    endless = threading.Thread(target=_run_endless_script, args=(server,))
    endless.start()
    eventually(lambda: _is_busy(server), "a busy Redis")
    for number in range(1000):
        push.send_multipart([b"orders", b"%d" % number])
    reply = client.ask(op="publish", channel="orders", payload=b"asked")
    assert not reply["ok"] and reply["code"] in CODES
    store.script_kill()
    endless.join()
    payloads = sub.payloads(1000)
    assert [payload for payload in payloads if payload != b"asked"][:999] == [b"%d" % n for n in range(999)]
    eventually(lambda: _up(client), "the bridge's return")
    log.expect_sound(store, "orders")


def _run_endless_script(server):
    with pytest.raises(redis.ResponseError):
        server.client().eval("while true do end", 0)


def _is_busy(server):
    try:
        return not server.client().ping()
    except redis.ResponseError as error:
        return "BUSY" in str(error)


@pytest.mark.fault(5, rounds=10)
def test_another_writer_between_is_taken_into_account(bridge, client, store):
    """Somebody else's append moves the head; the ids that follow are right in envelope, score and reply."""
    client.publish("orders", b"a")
    #  Each second the bridge looks at the heads, and then knows this one: not each time.
    for head in range(500, 5500, 500):
        store.hset(log.key("orders", "meta"), "head", head)
        assert client.publish("orders", b"b", b"c") == [head + 1, head + 2]
        members = dict(log.members(store, "orders"))
        assert [decode(members[id_])[0] for id_ in (head + 1, head + 2)] == [head + 1, head + 2]
    assert client.ok(op="info")["counters"]["restamped_batches"] >= 1


def test_ids_beyond_32_bits_and_up_to_2_53_are_exact(bridge, client, store):
    sub = bridge.subscriber(b"orders")
    client.publish("orders", b"a")
    for head in (2**32 - 2, 10**14 - 2, 10**15, 2**52, 2**53 - 4):
        store.hset(log.key("orders", "meta"), "head", head)
        assert client.publish("orders", b"x", b"y", b"z") == [head + 1, head + 2, head + 3]
        reply = client.ok(op="replay", channel="orders", after=head)
        assert [envelope[0] for _, envelope in reply["messages"]] == [head + 1, head + 2, head + 3]
        assert client.ok(op="status", channel="orders")["channels"]["orders"]["head"] == head + 3
    assert sub.ids(16)[-3:] == [2**53 - 3, 2**53 - 2, 2**53 - 1]
    assert client.ok(op="flush", channel="orders", before=2**53 - 1)["ok"]
    assert [message[0] for message in client.replay_all("orders")] == [2**53 - 1]


@pytest.mark.parametrize("frames", [[b"orders", b"x"], [pack(["orders", "x"])]], ids=["frames", "array"])
def test_both_forms_wait_for_redis(lab, frames):
    server = lab.redis()
    server.kill()
    bridge = lab.bridge(server, redis_is_up=False)
    bridge.push().send_multipart(frames)
    server.start()
    eventually(lambda: log.count(server.client(), "orders") == 1, "the message")
