"""What a SUB gets: byte for byte what is stored, in id order, none twice."""

import os
import pathlib
import signal
import sys

import pytest

from harness import log
from harness.bridge import PACK, daemon
from harness.process import Process
from harness.wait import eventually
from harness.wire import decode, id_of, pack


def test_a_sub_gets_byte_for_byte_what_is_stored(bridge, store):
    sub = bridge.subscriber(b"orders")
    push = bridge.push()
    for number in range(2000):
        headers = [pack({"n": number})] if number % 3 == 0 else []
        push.send_multipart([b"orders", os.urandom(number % 300), *headers])
    received = sub.take(2000)
    assert {topic for topic, _ in received} == {b"orders"}
    assert [envelope for _, envelope in received] == [member for _, member in log.expect_sound(store, "orders")]


def test_a_message_is_in_redis_before_anyone_receives_it(bridge, store):
    sub = bridge.subscriber(b"orders")
    push = bridge.push()
    for number in range(200):
        push.send_multipart([b"orders", b"%d" % number])
        _, envelope = sub.next()
        assert log.members(store, "orders")[-1] == (number + 1, envelope)


def test_every_subscriber_gets_everything(bridge):
    subs = [bridge.subscriber(b"orders") for _ in range(3)]
    push = bridge.push()
    for number in range(300):
        push.send_multipart([b"orders", b"%d" % number])
    for sub in subs:
        assert sub.ids(300) == list(range(1, 301))


def test_a_subscription_is_a_prefix(bridge):
    sub = bridge.subscriber(b"orders")
    client = bridge.client()
    client.publish("other", b"1")
    client.publish("orders2", b"2")
    client.publish("orders", b"3")
    assert [topic for topic, _ in sub.take(2)] == [b"orders2", b"orders"]


def test_who_subscribes_to_everything_gets_the_refusals_too(bridge):
    sub = bridge.subscriber(b"")
    bridge.push().send_multipart([b"a b", b"x"])
    topic, envelope = sub.next()
    id_, _, headers, payload = decode(envelope)
    assert (topic, id_, headers["channel"], payload) == (b"$rejected", 1, "a b", b"x")


def test_published_messages_are_fanned_out(bridge, client):
    sub = bridge.subscriber(b"orders")
    assert client.publish("orders", b"a", b"b", b"c") == [1, 2, 3]
    assert sub.payloads(3) == [b"a", b"b", b"c"]


def test_what_was_stored_before_a_bridge_came_is_not_sent_again(lab, server, bridge, client):
    client.publish("orders", b"old")
    bridge.stop()
    bridge.start()
    sub = bridge.subscriber(b"orders")
    assert bridge.client().publish("orders", b"new") == [2]
    assert sub.ids(1) == [2]
    assert sub.is_silent()


def test_many_channels_are_each_in_order(bridge):
    sub = bridge.subscriber(b"channel-")
    pushes = [bridge.push() for _ in range(3)]
    for number in range(9000):
        pushes[number % 3].send_multipart([b"channel-%d" % (number % 100), b"%d" % number])
    last = {}
    for topic, envelope in sub.take(9000):
        assert id_of(envelope) == last.get(topic, 0) + 1
        last[topic] = id_of(envelope)
    assert last == {b"channel-%d" % number: 90 for number in range(100)}


def test_messages_of_one_producer_keep_their_order(bridge):
    sub = bridge.subscriber(b"orders")
    pushes = [bridge.push() for _ in range(4)]
    for number in range(2000):
        for name, push in enumerate(pushes):
            push.send_multipart([b"orders", b"%d %d" % (name, number)])
    seen = [payload.split() for payload in sub.payloads(8000)]
    for name in range(4):
        assert [int(number) for by, number in seen if int(by) == name] == list(range(2000))


def test_a_subscriber_that_left_stops_nobody(bridge):
    gone, stays = bridge.subscriber(b"orders"), bridge.subscriber(b"orders")
    gone.socket.close()
    push = bridge.push()
    for _ in range(1000):
        push.send_multipart([b"orders", b"x"])
    assert stays.ids(1000) == list(range(1, 1001))


def test_what_a_slow_subscriber_lost_shows_and_replay_has_it(lab, server):
    bridge = lab.bridge(server, fanout={"hwm": 10})
    client = bridge.client()
    slow, quick = bridge.subscriber(b"orders", hwm=10), bridge.subscriber(b"orders")
    for _ in range(50):
        client.publish("orders", *[bytes(100000)] * 4)  # well below the limit, so that the quick one loses none
        quick.take(4)
    received = [id_of(slow.next()[1])]
    while received[-1] <= 200:
        #  While the way is full the latest message is dropped too: another one comes once there is room.
        if not slow.socket.poll(100):
            client.publish("orders", b"end")
        received.append(id_of(slow.next()[1]))
    assert received == sorted(set(received))
    assert len(received) < received[-1], "nothing was lost: the test shows nothing"
    replayed = [message[0] for message in client.replay_all("orders", max_bytes=1000000)]
    assert replayed == list(range(1, replayed[-1] + 1))


@pytest.mark.fault(8)
@pytest.mark.skipif(PACK > 1, reason="a slow subscriber is slow alike")
def test_one_of_five_subscribers_stands_still_and_only_that_one_has_a_hole_which_replay_fills(lab, server):
    count, at_once, size = 1500, 50, 20000  #  more than the way to one subscriber holds
    bridge = lab.bridge(server, fanout={"hwm": 100})
    client, subs = bridge.client(), [bridge.subscriber(b"orders") for _ in range(4)]
    still = Process([sys.executable, "-m", "harness.listen", bridge.endpoint("pub"), bridge.endpoint("router"),
                     "orders"], cwd=pathlib.Path(__file__).parent)
    got, sent = [[] for _ in subs], 0

    def publish(more):
        """At most half of what the others' queues hold is on its way, so that they lose none."""
        nonlocal sent
        numbers = range(sent + 1, sent + more + 1)
        client.publish("orders", *[b"%020d" % number + bytes(size) for number in numbers])
        for sub, each in zip(subs, got):
            each += sub.take(more)
        sent += more

    def publish_until(line):
        eventually(lambda: publish(1) or any(line in told for told in still.lines), line)

    publish_until("begun")
    still.signal(signal.SIGSTOP)
    while sent < count:
        publish(at_once)
    still.signal(signal.SIGCONT)
    publish_until("hole")
    client.publish("orders", b"end")
    assert still.wait() == 0
    assert still.output == [f"{number} {number:020}" for number in range(1, sent + 1)]
    assert [[id_of(envelope) for _, envelope in each] for each in got] == [list(range(1, sent + 1))] * 4


def test_replay_then_live_gives_each_message_once_in_order(bridge, client):
    """PROTOCOL.md's rule, with publishing going on all the while."""
    push = bridge.push()

    def publish(first, count):
        for number in range(first, first + count):
            push.send_multipart([b"orders", b"%d" % number])

    publish(0, 5000)
    eventually(lambda: client.ok(op="status", channel="orders")["channels"]["orders"]["head"] > 100, "some")
    sub = bridge.subscriber(b"orders")
    publish(5000, 5000)
    worked = [(id_, payload) for id_, _, _, payload in client.replay_all("orders", limit=700)]
    publish(10000, 5000)
    while len(worked) < 15000:
        id_, _, _, payload = decode(sub.next()[1])
        last = worked[-1][0]
        if id_ == last + 1:
            worked.append((id_, payload))
        elif id_ > last + 1:
            worked += [(id_, payload) for id_, _, _, payload in client.replay_all("orders", after=last)]
    assert worked == [(number + 1, b"%d" % number) for number in range(15000)]


def _million(lab, path, count):
    """One producer at full speed: everything arrives, is stored, is replayed, and half of it flushed."""
    server = lab.redis(fsync="everysec")
    bridge = lab.bridge(server, path=path, fanout={"hwm": 2 * count}, bridge={"log_level": "info"})
    store, client = server.client(), bridge.client()
    sub = bridge.subscriber(b"flood")
    producer = Process([sys.executable, "-m", "harness.flood", bridge.endpoint("pull"), count],
                       cwd=pathlib.Path(__file__).parent)
    received = [envelope for _, envelope in sub.take(count)]
    assert producer.wait() == 0
    assert [id_of(envelope) for envelope in received] == list(range(1, count + 1))
    assert [envelope[-100:] for envelope in received] == [b"%0100d" % number for number in range(count)]
    key = log.key("flood", "log")
    at = 0
    while at < count:
        for member, score in store.zrangebyscore(key, at + 1, "+inf", 0, 10000, withscores=True):
            last = int(score)
            assert member == b"".join(received[at:last])
            at = last
    messages = client.replay_all("flood", limit=50000)
    assert [message[0] for message in messages] == list(range(1, count + 1))
    assert all(message[3] == envelope[-100:] for message, envelope in zip(messages, received))
    middle = count // 2 + 1
    assert client.ok(op="flush", channel="flood", before=middle)["flushed"] == count // 2
    assert client.ok(op="replay", channel="flood", limit=1)["messages"][0][1][0] == middle
    eventually(lambda: store.zcount(key, "-inf", f"({middle}") == 0, "the freeing of what was flushed", 60)
    assert b"".join(received).endswith(b"".join(store.zrange(key, 0, -1)))
    assert received[middle - 1] in store.zrange(key, 0, 0)[0]


def test_a_hundred_thousand_at_full_speed(lab):
    _million(lab, daemon(), 100000)


@pytest.mark.skipif("ZRBRIDGE_RELEASE" not in os.environ, reason="$ZRBRIDGE_RELEASE names no release build")
def test_a_million_at_full_speed(lab):
    _million(lab, os.environ["ZRBRIDGE_RELEASE"], 1000000)
