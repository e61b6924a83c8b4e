"""Several bridges on one Redis: every subscriber of each sees every message once, in id order."""

import random

import pytest
from harness import log, scripts
from harness.client import Subscriber
from harness.wait import eventually
from harness.wire import decode, id_of, pack, unpack


@pytest.fixture
def second(lab, server, bridge):
    return lab.bridge(server)


def test_a_subscriber_of_one_bridge_gets_what_another_stores(bridge, second):
    subscriber = Subscriber(bridge.context, second, b"orders")
    bridge.client().publish("orders", b"a", b"b", b"c")
    assert subscriber.payloads(3) == [b"a", b"b", b"c"]
    second.client().publish("orders", b"d")
    bridge.client().publish("orders", b"e")
    assert [decode(envelope)[::3] for _, envelope in subscriber.take(2)] == [(4, b"d"), (5, b"e")]


def test_both_bridges_send_the_bytes_that_are_stored(bridge, second, store):
    subscribers = [Subscriber(bridge.context, each, b"orders") for each in (bridge, second)]
    for number in range(50):
        (bridge, second)[number % 2].client().publish("orders", b"%d" % number)
    stored = [member for _, member in log.members(store, "orders")]
    for subscriber in subscribers:
        assert [envelope for _, envelope in subscriber.take(50)] == stored


def test_producers_at_both_bridges_share_one_row_of_ids(bridge, second, store):
    """Both append at full speed: members are stamped anew, read from the log, and sent once, in order."""
    channels = [b"orders.%d" % number for number in range(5)]
    subscribers = [Subscriber(bridge.context, each, b"orders.") for each in (bridge, second, bridge, second)]
    pushes = [bridge.push(), second.push(), bridge.push(), second.push()]
    chance = random.Random(7)
    for number in range(2000):
        for push in pushes:
            push.send_multipart([chance.choice(channels), b"%d" % number])
    everything = {}
    for channel in channels:
        def stored(name=channel.decode()):
            return log.members(store, name)
        everything[channel] = stored
    eventually(lambda: sum(len(stored()) for stored in everything.values()) == 8000, "all to be stored")
    expected = {channel: [member for _, member in stored()] for channel, stored in everything.items()}
    for channel, members in expected.items():
        assert [id_of(member) for member in members] == list(range(1, len(members) + 1)), channel
    for subscriber in subscribers:
        got = {channel: [] for channel in channels}
        for channel, envelope in subscriber.take(8000):
            got[channel].append(envelope)
        assert got == expected
    assert all(subscriber.is_silent() for subscriber in subscribers)


def test_a_bridge_that_was_away_from_redis_sends_what_it_missed(lab, bridge, second, server):
    """Announcements are lost while the connections are cut; looking at the heads finds what came meanwhile."""
    subscriber = Subscriber(bridge.context, second, b"orders")
    bridge.client().publish("orders", b"1")
    assert subscriber.ids(1) == [1]
    store = server.client()
    for number in range(2, 20):
        store.client_kill_filter(_type="pubsub")
        assert bridge.client().publish("orders", b"%d" % number) == [number]
    assert subscriber.ids(18) == list(range(2, 20))


def test_a_channel_that_comes_later_is_sent_from_its_first_message(bridge, second):
    subscriber = Subscriber(bridge.context, second, b"late")
    bridge.client().publish("late", b"1", b"2")
    assert subscriber.ids(2) == [1, 2]


def test_what_is_flushed_before_it_is_read_is_passed_over(bridge, second, store):
    subscriber = Subscriber(bridge.context, second, b"orders")
    bridge.client().publish("orders", b"1")
    assert subscriber.ids(1) == [1]
    store.execute_command("CLIENT", "PAUSE", "0")
    for number in range(2, 30):
        bridge.client().publish("orders", b"%d" % number)
        bridge.client().ok(op="flush", channel="orders", all=True)
    bridge.client().publish("orders", b"last")
    ids = []
    while not ids or ids[-1] < 30:
        ids += subscriber.ids(1)
    assert ids == sorted(set(ids)) and ids[-1] == 30


def test_an_application_appends_through_the_script(bridge, store, client):
    """Plain EVAL by a Redis client, mixed with the bridge's own: ids in one row, each sent once."""
    script = scripts.text("append")
    epoch = store.hget("zrb:store", "epoch")
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    store.zadd("zrb:channels", {"orders": 0})
    for number in range(1, 21):
        if number % 2:
            client.publish("orders", b"%d" % number)
            continue
        envelope = b"\x94\xcf" + bytes(8) + b"\xcf" + bytes(8) + b"\xc0" + pack(b"%d" % number)
        result = store.eval(script, 3, log.key("orders", "log"), log.key("orders", "meta"), log.key("orders", "gaps"),
                            "app-1", number // 2, epoch, 0, 0, 0, 1, len(envelope), 0, "zrb:appended", "orders",
                            0, envelope)
        assert result[:2] == [b"stored", number]
    assert [decode(envelope)[::3] for _, envelope in subscriber.take(20)] == \
        [(number, b"%d" % number) for number in range(1, 21)]


def _beats(subscriber, count):
    """The next beats as (headers, heads, id)."""
    beats = []
    while len(beats) < count:
        channel, envelope = subscriber.next()
        if channel == b"$heads":
            number, _, headers, payload = decode(envelope)
            beats.append((headers, unpack(payload), number))
    return beats


def test_a_beat_a_second_tells_store_bridge_and_heads(bridge, client, store):
    subscriber = Subscriber(bridge.context, bridge, b"$heads")
    client.publish("orders", b"1", b"2", b"3")
    beats = _beats(subscriber, 3)
    info = client.ok(op="info")
    assert [headers["seq"] for headers, _, _ in beats] == [beats[0][0]["seq"] + number for number in range(3)]
    for headers, _, number in beats:
        assert (headers["store"], headers["bridge"], number) == (info["store"], info["bridge"], 0)
    assert beats[-1][1]["orders"] == 3


def test_a_beat_of_one_bridge_tells_what_another_appended(bridge, second):
    subscriber = Subscriber(bridge.context, second, b"$heads")
    bridge.client().publish("orders", b"1", b"2")
    eventually(lambda: _beats(subscriber, 1)[0][1].get("orders") == 2, "the beat to tell it")


def test_beats_go_on_without_redis(bridge, server):
    subscriber = Subscriber(bridge.context, bridge, b"$heads")
    _beats(subscriber, 1)
    server.stop()
    _beats(subscriber, 2)
    server.start()


def test_a_restarted_bridge_shows_in_its_beats(bridge):
    subscriber = Subscriber(bridge.context, bridge, b"$heads")
    before = _beats(subscriber, 1)[0][0]
    bridge.kill()
    bridge.start()
    after = _beats(subscriber, 1)[0][0]
    assert after["store"] == before["store"] and after["bridge"] != before["bridge"]
