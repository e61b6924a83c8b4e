"""ttl_ms: from its deadline on nobody gets the message, its neighbours stay, and replay tells its id as expired."""

import random

from harness import log, scripts
from harness.client import Subscriber
from harness.wait import eventually
from harness.wire import decode, encode, pack

SOON_MS = 50
FAR_MS = 1500  #  far enough that what is done next is done before, also on a busy machine
NEVER_MS = 3600000


def _publish(client, *messages, channel="orders"):
    """messages: (payload, headers). Returns the ids."""
    return client.ok(op="publish", messages=[[channel, payload, headers] for payload, headers in messages])["ids"]


def _status(client, channel="orders"):
    return client.ok(op="status", channel=channel)["channels"][channel]


def _ids(reply):
    return [envelope[0] for _, envelope in reply["messages"]]


def _wait_expired(store, channel="orders"):
    eventually(lambda: not store.exists(log.key(channel, "expiring")), "the expired messages' end")


def test_expired_messages_go_and_their_neighbours_stay(client, store):
    _publish(client, *[(b"%d" % id_, {"ttl_ms": SOON_MS} if id_ % 3 else None) for id_ in range(1, 31)])
    _wait_expired(store)
    reply = client.ok(op="replay", channel="orders")
    assert _ids(reply) == list(range(3, 31, 3))
    assert reply["gaps"] == [["orders", id_, id_ + 1, "expired"] for id_ in range(1, 30, 3)]
    assert (reply["next"], reply["more"], reply["head"], reply["floor"]) == (30, False, 30, 1)
    status = _status(client)
    assert status["count"] == 10
    assert status["bytes"] == sum(len(member) for _, member in log.raw_members(store, "orders"))
    assert [score for score, _ in log.members(store, "orders")] == list(range(3, 31, 3))


def test_rows_of_neighbours_become_one(client, store):
    order = list(range(1, 201))
    random.Random(3).shuffle(order)
    place = {id_: at for at, id_ in enumerate(order)}
    _publish(client, *[(b"x", {"ttl_ms": 1 + 2 * place[id_]}) for id_ in range(1, 201)])
    _wait_expired(store)
    assert store.zrange(log.key("orders", "gaps"), 0, -1, withscores=True) == [(b"1 200 expired", 200)]
    assert not store.exists(log.key("orders", "ttl"), log.key("orders", "timers"), log.key("orders", "log"))
    assert _status(client)["count"] == 0


def test_a_message_is_there_until_its_deadline(client):
    _publish(client, (b"a", {"ttl_ms": NEVER_MS, "x": 1}), (b"b", {"ttl_ms": 2 ** 53 - 1}))
    assert [message[2:] for message in client.replay_all("orders")] == \
        [({"ttl_ms": NEVER_MS, "x": 1}, b"a"), ({"ttl_ms": 2 ** 53 - 1}, b"b")]


def test_a_subscriber_gets_it_live(bridge, client):
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    push = bridge.push()
    for number in range(100):
        push.send_multipart([b"orders", b"%d" % number, pack({"ttl_ms": 1})])
    assert subscriber.payloads(100) == [b"%d" % number for number in range(100)]


def _lay_overdue(store, count, overdue, channel="orders", per_member=1):
    """Messages 1 to count, of which these are overdue, and no timer says so."""
    log.lay(store, channel, [1000 + id_ for id_ in range(count)], per_member=per_member)
    pipe = store.pipeline()
    for id_ in overdue:
        pipe.zadd(log.key(channel, "ttl"), {f"{id_} 7": id_})
        pipe.zadd(log.key(channel, "expiring"), {str(id_): 7})
    pipe.execute()


def test_what_is_overdue_is_hidden_from_every_reader(client, store):
    """Also while it still lies in Redis."""
    overdue = [1, 2, 5, 6, 7, 10]
    left = [3, 4, 8, 9]
    _lay_overdue(store, 10, overdue)
    gaps = [["orders", 1, 2, "expired"], ["orders", 5, 7, "expired"], ["orders", 10, 10, "expired"]]
    reply = client.ok(op="replay", channel="orders")
    assert (_ids(reply), reply["gaps"], reply["next"], reply["more"]) == (left, gaps, 10, False)
    reply = client.ok(op="replay", channel="orders", after=2, until=6)
    assert (_ids(reply), reply["gaps"], reply["next"]) == ([3, 4], [["orders", 5, 6, "expired"]], 6)
    reply = client.ok(op="replay", channel="orders", since_ms=1004)
    assert (_ids(reply), reply["gaps"]) == ([8, 9], gaps[1:])
    reply = client.ok(op="replay", channels={"orders": 4})
    assert (_ids(reply), reply["gaps"], reply["next"]) == ([8, 9], gaps[1:], {"orders": 10})
    reply = client.ok(op="replay", pattern="ord*")
    assert (_ids(reply), reply["gaps"]) == (left, gaps)
    assert _ids(client.ok(op="peek", channel="orders", max=3)) == [3, 4, 8]
    assert _ids(client.ok(op="peek", channel="orders", max=3, end="tail")) == [9, 8, 4]
    assert log.count(store, "orders") == 10


def test_a_small_limit_brings_messages_past_hidden_ones(client, store):
    _lay_overdue(store, 3000, [id_ for id_ in range(1, 3001) if id_ % 1000])
    reply = client.ok(op="replay", channel="orders", limit=1)
    assert (_ids(reply), reply["next"], reply["more"]) == ([1000], 1000, True)
    assert reply["gaps"] == [["orders", 1, 999, "expired"]]
    assert [message[0] for message in client.replay_all("orders", limit=1)] == [1000, 2000, 3000]
    assert _ids(client.ok(op="peek", channel="orders")) == [1000]
    assert _ids(client.ok(op="peek", channel="orders", end="tail")) == [3000]
    found, cursor = [], {}
    for _ in range(3):
        reply = client.ok(op="replay", pattern="orders", limit=1, **cursor)
        cursor = {"cursor": reply["cursor"]}
        found += _ids(reply)
    assert found == [1000, 2000, 3000]


def test_a_replay_goes_on_past_any_number_of_hidden_ones(client, store):
    _lay_overdue(store, 20000, range(1, 20000))
    assert [message[0] for message in client.replay_all("orders", limit=10)] == [20000]
    covered, cursor, found = 0, {}, []
    while not found:
        reply = client.ok(op="replay", pattern="orders", limit=10, **cursor)
        assert reply["gaps"][0][1] == covered + 1
        covered, cursor, found = reply["gaps"][-1][2], {"cursor": reply["cursor"]}, _ids(reply)
    assert (covered, found, reply["more"]) == (19999, [20000], False)


def test_of_packed_messages_the_others_stay(bridge, client, store):
    overdue = [1, 4, 5, 6, 7, 8, 9, 12]  #  members are 1-3, 4-6, 7-9, 10-12
    left = [2, 3, 10, 11]
    _lay_overdue(store, 12, overdue, per_member=3)

    def expect_left():
        assert _ids(client.ok(op="replay", channel="orders")) == left
        assert _ids(client.ok(op="replay", channel="orders", limit=1)) == [2]
        assert _ids(client.ok(op="replay", channel="orders", after=2, until=10)) == [3, 10]
        assert _ids(client.ok(op="replay", pattern="orders")) == left
        assert _ids(client.ok(op="peek", channel="orders", max=10)) == left
        assert _ids(client.ok(op="peek", channel="orders", max=10, end="tail")) == left[::-1]

    expect_left()
    store.zadd(log.key("orders", "timers"), {"ttl": 7})
    store.publish("zrb:timers", "7 orders")
    _wait_expired(store)
    expect_left()
    assert store.zrange(log.key("orders", "gaps"), 0, -1) == [b"1 1 expired", b"4 9 expired", b"12 12 expired"]
    assert [score for score, _ in log.raw_members(store, "orders")] == [3, 12]
    status = _status(client)
    assert status["count"] == 4
    assert status["bytes"] == sum(len(member) for _, member in log.raw_members(store, "orders"))


def test_what_is_read_for_a_subscriber_is_not_sent_when_it_is_overdue(bridge, store):
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    _lay_overdue(store, 10, [1, 2, 6])
    store.publish("zrb:appended", "1 10 orders")
    assert subscriber.ids(7) == [3, 4, 5, 7, 8, 9, 10]


def test_a_waiting_replay_tells_what_has_expired(client, store):
    _lay_overdue(store, 3, [1, 2, 3])
    reply = client.ok(op="replay", channel="orders", wait_ms=20000)
    assert (reply["messages"], reply["gaps"], reply["next"]) == ([], [["orders", 1, 3, "expired"]], 3)


def test_the_ttl_of_a_delayed_message_counts_from_when_it_is_due(client, store):
    now_ms = client.ok(op="ping")["now_ms"]
    _publish(client, (b"late", {"delay_ms": 4 * SOON_MS, "ttl_ms": NEVER_MS}),
             (b"soon over", {"delay_ms": 4 * SOON_MS, "ttl_ms": SOON_MS}))
    eventually(lambda: _status(client)["head"] == 2 and store.zcard(log.key("orders", "expiring")) == 1,
               "the end of one")
    reply = client.ok(op="replay", channel="orders")
    assert (_ids(reply), reply["gaps"]) == ([1], [["orders", 2, 2, "expired"]])
    assert int(store.zscore(log.key("orders", "expiring"), "1")) >= now_ms + 4 * SOON_MS + NEVER_MS


def test_a_repeat_of_an_expired_message_is_known(client, store):
    headers = {"msg_id": "one", "ttl_ms": SOON_MS}
    assert _publish(client, (b"a", headers)) == [1]
    _wait_expired(store)
    reply = client.ok(op="publish", channel="orders", payload=b"a", headers=headers)
    assert (reply["ids"], reply["duplicates"]) == ([1], [0])


def test_messages_expire_after_redis_and_bridge_were_killed(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    _publish(bridge.client(), *[(b"%d" % id_, {"ttl_ms": FAR_MS} if id_ % 2 else None) for id_ in range(1, 101)])
    bridge.kill()
    server.restart()
    bridge.start()
    _wait_expired(server.client())
    reply = bridge.client().ok(op="replay", channel="orders")
    assert _ids(reply) == list(range(2, 101, 2))
    assert len(reply["gaps"]) == 50


def test_many_expire_within_seconds_in_small_steps(lab, server, store):
    """100,000 at once, by two bridges; each step looks after a few."""
    log.lay(store, "orders", [1] * 100000)
    pipe = store.pipeline()
    for begin in range(1, 100001, 10000):
        ids = range(begin, begin + 10000)
        pipe.zadd(log.key("orders", "ttl"), {f"{id_} 7": id_ for id_ in ids})
        pipe.zadd(log.key("orders", "expiring"), {str(id_): 7 for id_ in ids})
    pipe.zadd(log.key("orders", "timers"), {"ttl": 7})
    pipe.execute()
    for _ in range(2):
        lab.bridge(server)
    _wait_expired(store)
    assert store.zrange(log.key("orders", "gaps"), 0, -1) == [b"1 100000 expired"]
    calls = store.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls >= 1000, "a step looks after 100 at most"


def test_a_flush_counts_no_expired_message(client, store):
    _publish(client, *[(b"x", {"ttl_ms": SOON_MS} if id_ in (2, 3, 5) else None) for id_ in range(1, 7)])
    _wait_expired(store)
    assert client.ok(op="flush", channel="orders", before=4)["flushed"] == 1
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 2
    assert client.ok(op="replay", channel="orders")["gaps"] == [["orders", 1, 6, "flushed"]]


def test_what_is_flushed_needs_no_deadline(client, store):
    _publish(client, *[(b"x", {"ttl_ms": NEVER_MS}) for _ in range(20)])
    client.ok(op="flush", channel="orders", before=11)
    eventually(lambda: store.zcard(log.key("orders", "ttl")) == 10, "the deadlines' end")
    assert sorted(int(id_) for id_ in store.zrange(log.key("orders", "expiring"), 0, -1)) == list(range(11, 21))
    client.ok(op="flush", channel="orders", all=True)
    eventually(lambda: not store.exists(log.key("orders", "ttl"), log.key("orders", "expiring")), "the deadlines' end")


def test_a_deadline_without_its_message_tells_nothing(client, store):
    """As a torn transaction leaves it."""
    client.publish("orders", b"a", b"b")
    store.zadd(log.key("orders", "expiring"), {"1": 7, "9": 7})
    script = scripts.text("expire")
    assert store.eval(script, 1, log.key("orders", "meta"), 100, 100000) == [2, 0]
    reply = client.ok(op="replay", channel="orders")
    assert (_ids(reply), reply["gaps"]) == ([1, 2], [])


def test_ids_that_jump_take_torn_deadlines_with_them(client, store):
    client.publish("orders", b"a")
    store.hset(log.key("orders", "meta"), "epoch", "an older one")
    store.zadd(log.key("orders", "log"), {encode(2, 1, None, b"torn"): 2})
    store.zadd(log.key("orders", "ttl"), {"2 7": 2})
    store.zadd(log.key("orders", "expiring"), {"2": 7})
    second = client.publish("orders", b"b")[0]
    store.zadd(log.key("orders", "timers"), {"ttl": 7})
    store.publish("zrb:timers", "7 orders")
    _wait_expired(store)
    reply = client.ok(op="replay", channel="orders")
    assert (_ids(reply), reply["gaps"]) == ([1, second], [["orders", 2, second - 1, "jumped"]])
    assert _status(client)["count"] == 2
    store.hset(log.key("orders", "meta"), "epoch", "an older one")
    client.publish("orders", b"c")
    assert [decode(member)[3] for _, member in log.members(store, "orders")] == [b"a", b"b", b"c"]
