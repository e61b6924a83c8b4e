"""replay with wait_ms: a tail without gaps, woken by the append itself; cancel."""

import time

import zmq
from harness import log
from harness.client import Client, receive
from harness.wait import eventually
from harness.wire import decode, pack, unpack


def _wait_parked(client, *seqs):
    """A later request is answered while those wait: they have been read, and none was answered."""
    for _ in range(3):
        client.ok(op="ping")
    assert not set(seqs) & set(client._replies)


def _ids(reply):
    assert reply["ok"] is True, reply
    return [envelope[0] for _, envelope in reply["messages"]]


def test_a_waiting_replay_wakes_by_the_append(client):
    client.publish("orders", b"1")
    seq = client.send(op="replay", channel="orders", after=1, wait_ms=60000)
    _wait_parked(client, seq)
    client.publish("orders", b"2", b"3")
    reply = client.reply(seq)
    assert _ids(reply) == [2, 3] and (reply["next"], reply["head"]) == (3, 3)


def test_what_is_there_is_answered_at_once(client):
    client.publish("orders", b"1")
    assert _ids(client.ask(op="replay", channel="orders", wait_ms=60000)) == [1]


def test_a_gap_is_answered_at_once(client):
    client.publish("orders", b"1", b"2")
    client.ok(op="flush", channel="orders", all=True)
    reply = client.ok(op="replay", channel="orders", wait_ms=60000)
    assert reply["gaps"] == [["orders", 1, 2, "flushed"]] and reply["next"] == 2


def test_a_wait_ends_empty_when_its_time_is_over(client):
    client.publish("orders", b"1")
    begun = time.monotonic()
    reply = client.ok(op="replay", channel="orders", after=1, wait_ms=300)
    assert _ids(reply) == [] and (reply["next"], reply["head"]) == (1, 1)
    assert time.monotonic() - begun >= 0.29


def test_a_channel_that_is_not_there_yet_can_be_waited_for(client):
    seq = client.send(op="replay", channel="late", wait_ms=60000)
    _wait_parked(client, seq)
    client.publish("late", b"1")
    assert _ids(client.reply(seq)) == [1]


def test_other_channels_wake_nobody(client):
    seq = client.send(op="replay", channel="orders", wait_ms=60000)
    _wait_parked(client, seq)
    client.publish("orders2", b"1")
    _wait_parked(client, seq)
    client.publish("orders", b"1")
    assert _ids(client.reply(seq)) == [1]


def test_several_channels_and_globs_can_be_waited_for(client):
    several = client.send(op="replay", channels={"a": 0, "b": 0}, wait_ms=60000)
    glob = client.send(op="replay", pattern="b*", wait_ms=60000)
    _wait_parked(client, several, glob)
    client.publish("a", b"1")
    reply = client.reply(several)
    assert [channel for channel, _ in reply["messages"]] == ["a"] and reply["next"] == {"a": 1, "b": 0}
    _wait_parked(client, glob)
    client.publish("bees", b"2")
    reply = client.reply(glob)
    assert [channel for channel, _ in reply["messages"]] == ["bees"]
    again = client.send(op="replay", pattern="b*", cursor=reply["cursor"], wait_ms=60000)
    _wait_parked(client, again)
    client.publish("birds", b"3")
    assert [channel for channel, _ in client.reply(again)["messages"]] == ["birds"]


def test_what_another_bridge_appends_wakes_too(lab, server, client):
    other = lab.bridge(server).client()
    seq = client.send(op="replay", channel="orders", wait_ms=60000)
    _wait_parked(client, seq)
    other.publish("orders", b"1")
    assert _ids(client.reply(seq)) == [1]


def test_a_tail_has_each_message_once_in_order(bridge, client):
    """Replays with wait_ms in a row, while producers push: no wake-up is lost in a race."""
    push, after, got = bridge.push(), 0, []
    for number in range(3000):
        push.send_multipart([b"orders", b"%d" % number])
        if number % 10 == 0:
            reply = client.ok(op="replay", channel="orders", after=after, limit=7, wait_ms=60000)
            got += [decode(pack(envelope))[3] for _, envelope in reply["messages"]]
            after = reply["next"]
    while len(got) < 3000:
        reply = client.ok(op="replay", channel="orders", after=after, wait_ms=60000)
        got += [envelope[3] for _, envelope in reply["messages"]]
        after = reply["next"]
    assert got == [b"%d" % number for number in range(3000)]


def test_many_may_wait_at_once(bridge, client):
    """More than may read at once: a replay that waits holds nobody up."""
    seqs = [client.send(op="replay", channel=f"c{number % 10}", wait_ms=60000) for number in range(200)]
    _wait_parked(client, *seqs)
    assert client.ok(op="replay", channel="other")["head"] == 0
    for number in range(10):
        client.publish(f"c{number}", b"x")
    assert all(_ids(client.reply(seq)) == [1] for seq in seqs)


def test_cancel_ends_a_wait_of_the_same_client(bridge, client):
    seq = client.send(op="replay", channel="orders", wait_ms=60000)
    _wait_parked(client, seq)
    assert bridge.client().ok(op="cancel", request=seq)["cancelled"] == 0
    _wait_parked(client, seq)
    assert client.ok(op="cancel", request=seq)["cancelled"] == 1
    assert _ids(client.reply(seq)) == []
    assert client.ok(op="cancel", request=seq)["cancelled"] == 0


def test_a_client_that_went_away_while_it_waited_disturbs_nobody(bridge, client):
    gone = bridge.client()
    gone.ok(op="ping")
    gone.send(op="replay", channel="orders", wait_ms=60000)
    _wait_parked(gone)
    gone.socket.close()
    client.publish("orders", b"1")
    assert _ids(client.ask(op="replay", channel="orders")) == [1]


def test_a_wait_outlives_a_restart_of_redis(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("orders", b"1")
    seq = client.send(op="replay", channel="orders", after=1, wait_ms=60000)
    _wait_parked(client, seq)
    server.restart()
    other = bridge.client()
    eventually(lambda: other.ask(op="publish", channel="orders", payload=b"2")["ok"], "Redis to be back")
    reply = client.reply(seq)
    assert reply["ok"] is True and reply["messages"][0][1][0] > 1
    assert log.payloads(server.client(), "orders")[:2] == [b"1", b"2"]


def test_a_stop_answers_those_who_wait(lab, server):
    bridge = lab.bridge(server)
    client = Client(bridge.context, bridge.endpoint("router"))
    seq = client.send(op="replay", channel="orders", wait_ms=60000)
    _wait_parked(client, seq)
    bridge.stop()
    assert _ids(client.reply(seq)) == []


def test_req_can_wait_too(bridge, client):
    req = bridge.context.socket(zmq.REQ)
    req.linger = 0
    req.connect(bridge.endpoint("router"))
    req.send(pack({"op": "replay", "channel": "orders", "wait_ms": 60000}))
    client.publish("orders", b"1")
    assert _ids(unpack(receive(req)[0])) == [1]
