"""SIGTERM: what has arrived is stored, sent and answered; exit status 0."""

import os
import signal

import pytest
import zmq

from harness import log
from harness.process import is_running
from harness.wait import eventually
from harness.wire import decode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_bridge_stops_at_once(bridge, number):
    bridge.process.signal(number)
    assert bridge.process.wait(10) == 0


@pytest.mark.fault(14)
@pytest.mark.parametrize("mode", ["server", "embedded"])
def test_under_load_what_has_arrived_is_stored_and_sent(lab, mode):
    server = lab.redis(fsync="everysec") if mode == "server" else None
    bridge = lab.bridge(server)
    sub, push = bridge.subscriber(b"orders"), bridge.push(sndhwm=100000)
    sent = 0
    while sent < 200000:
        push.send_multipart([b"orders", b"%d" % sent])
        sent += 1
        if sent == 60000:
            bridge.process.signal(signal.SIGTERM)
        if sent > 60000 and not push.poll(200, zmq.POLLOUT):
            break
    assert bridge.process.wait() == 0
    bridge.expect_clean()
    push.close(0)   #  what it still holds is not for the next start
    if mode == "embedded":
        bridge.start()
    store = server.client() if server else bridge.embedded()
    stored = [member for _, member in log.expect_sound(store, "orders")]
    assert stored
    assert [decode(envelope)[3] for envelope in stored] == [b"%d" % number for number in range(len(stored))]
    assert [sub.next()[1] for _ in stored] == stored
    assert not sub.socket.poll(0)


def test_messages_read_before_the_stop_are_stored(bridge, client, server, store):
    """Redis answers only after the signal."""
    push = bridge.push()
    server.suspend()
    for number in range(1000):
        push.send_multipart([b"orders", b"%d" % number])
    seqs = [client.send(op="publish", channel="orders", payload=b"asked %d" % number) for number in range(10)]
    eventually(lambda: client.ok(op="info")["counters"]["pull_messages"] == 1000, "the reading")
    bridge.process.signal(signal.SIGTERM)
    bridge.process.wait_line("event=stopping")
    server.resume()
    replies = [client.reply(seq) for seq in seqs]
    assert bridge.process.wait() == 0
    found = {message: id_ for id_, message in enumerate(log.payloads(store, "orders"), 1)}
    assert [found[b"%d" % number] for number in range(1000)] == sorted(found[b"%d" % n] for n in range(1000))
    for number, reply in enumerate(replies):
        assert reply["ok"], reply
        assert found[b"asked %d" % number] == reply["ids"][0]


def test_a_stop_while_redis_is_away_ends_within_the_grace_period(lab):
    server = lab.redis()
    bridge = lab.bridge(server, bridge={"grace_ms": 500})
    bridge.push().send_multipart([b"orders", b"x"])
    server.kill()
    eventually(lambda: not bridge.client().ask(op="ping")["ok"], "the bridge's noticing")
    bridge.push().send_multipart([b"orders", b"y"])
    bridge.process.signal(signal.SIGTERM)
    bridge.process.wait(15)
    bridge.expect_clean()


def test_a_second_signal_ends_it_at_once(lab):
    server = lab.redis()
    bridge = lab.bridge(server, bridge={"grace_ms": 3600000})
    client = bridge.client()
    server.suspend()
    bridge.push().send_multipart([b"orders", b"x"])
    eventually(lambda: client.ok(op="info")["counters"]["pull_messages"] == 1, "the reading")
    bridge.process.signal(signal.SIGTERM)
    bridge.process.wait_line("event=stopping")
    #  Two signals at once are one wish: a terminal and sudo may both pass on the same Ctrl-C.
    eventually(lambda: bridge.process.signal(signal.SIGTERM) or not bridge.process.running, "the end")
    assert bridge.process.wait() == 1


def test_a_stop_ends_the_embedded_redis_and_ids_go_on_without_a_jump(lab):
    bridge = lab.bridge()
    assert bridge.client().publish("orders", b"a", b"b") == [1, 2]
    pid = bridge.embedded_pid()
    bridge.stop()
    assert not is_running(pid)
    bridge.start()
    client = bridge.client()
    assert client.publish("orders", b"c") == [3]
    assert [message[3] for message in client.replay_all("orders")] == [b"a", b"b", b"c"]


def test_a_killed_embedded_redis_makes_ids_jump_and_tells_it(lab):
    """Without fsync = "always" it may have lost what it gave ids to, so none of those may be given again."""
    bridge = lab.bridge(redis={"fsync": "everysec"})
    client = bridge.client()
    client.publish("orders", b"a", b"b")
    pid = bridge.embedded_pid()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: bridge.embedded_pid() not in (None, pid), "another redis-server")
    #  Refused as unavailable, it is not stored.
    reply = eventually(lambda: (reply := client.ask(op="publish", channel="orders", payload=b"c"))["ok"] and reply,
                       "the bridge's return")
    [id_] = reply["ids"]
    assert id_ > 2**40
    reply = client.ok(op="replay", channel="orders", after=0)
    assert reply["messages"][-1][1][0] == id_
    stored = [envelope[0] for _, envelope in reply["messages"]]
    assert reply["gaps"] == [["orders", len(stored), id_ - 1, "jumped"]]
    assert reply["next"] == id_
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert (status["head"], status["count"]) == (id_, len(stored))
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == len(stored)
