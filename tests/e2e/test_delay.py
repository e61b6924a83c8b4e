"""delay_ms and at_ms: a message joins the log, and gets its id, when it is due, exactly once."""

import random

from harness import log, scripts
from harness.client import Subscriber
from harness.proxy import Proxy
from harness.wait import eventually
from harness.wire import decode, encode, pack

LATER_MS = 300
FAR_MS = 1500  #  far enough that what is done next is done before, also on a busy machine
NEVER_MS = 3600000


def _publish(client, *messages, channel="orders"):
    """messages: (payload, headers). Returns (ids, duplicates)."""
    reply = client.ok(op="publish", messages=[[channel, payload, headers] for payload, headers in messages])
    return reply["ids"], reply["duplicates"]


def _status(client, channel="orders"):
    return client.ok(op="status", channel=channel)["channels"][channel]


def _now_ms(client):
    return client.ok(op="ping")["now_ms"]


def _wait_due(client, count, channel="orders"):
    """Until so many messages are in the log, and none waits. Returns them."""
    eventually(lambda: (_status(client, channel)["head"], _status(client, channel)["delayed"]) == (count, 0),
               "the delayed messages")
    return client.replay_all(channel)


def test_a_delayed_message_gets_its_id_when_it_is_due(bridge, client, store):
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    now_ms = _now_ms(client)
    assert _publish(client, (b"late", {"delay_ms": LATER_MS, "x": 1}), (b"now", None)) == ([None, 1], [])
    first, second = (decode(envelope) for _, envelope in subscriber.take(2))
    assert (first[0], first[3], second[0], second[3]) == (1, b"now", 2, b"late")
    assert second[1] >= now_ms + LATER_MS and second[2] == {"delay_ms": LATER_MS, "x": 1}
    assert client.replay_all("orders") == [(1, first[1], None, b"now"), second]
    log.expect_sound(store, "orders")


def test_a_delayed_message_waits(client):
    assert _publish(client, (b"late", {"delay_ms": NEVER_MS}), (b"later", {"delay_ms": 2 ** 53 - 1})) == \
        ([None, None], [])
    status = _status(client)
    assert (status["head"], status["count"], status["delayed"]) == (0, 0, 2)
    assert client.ok(op="info")["counters"]["delayed_messages"] == 2
    assert client.replay_all("orders") == []


def test_they_come_in_the_order_of_their_times(client):
    base_ms = _now_ms(client) + FAR_MS
    delays = random.Random(7).sample(range(200), 100)
    _publish(client, *[(b"%03d" % delay, {"at_ms": base_ms + delay}) for delay in delays])
    messages = _wait_due(client, 100)
    assert [payload for _, _, _, payload in messages] == [b"%03d" % delay for delay in sorted(delays)]
    assert all(time_ms >= base_ms + int(payload) for _, time_ms, _, payload in messages)


def test_those_of_one_time_come_in_the_order_in_which_they_were_sent(client):
    at_ms = _now_ms(client) + FAR_MS
    for begin in range(0, 1000, 250):
        _publish(client, *[(b"%d" % number, {"at_ms": at_ms}) for number in range(begin, begin + 250)])
    assert [payload for _, _, _, payload in _wait_due(client, 1000)] == [b"%d" % number for number in range(1000)]


def test_what_is_due_already_is_appended_at_once(client):
    assert _publish(client, (b"a", {"at_ms": 0}), (b"b", {"at_ms": _now_ms(client)}), (b"c", {"delay_ms": 0})) == \
        ([1, 2, 3], [])


def test_identical_messages_do_not_collapse(client):
    for _ in range(3):
        _publish(client, *[(b"same", {"delay_ms": LATER_MS})] * 10)
    assert _status(client)["delayed"] + _status(client)["count"] == 30
    assert len(_wait_due(client, 30)) == 30


def test_pushed_messages_are_delayed_too(bridge, client):
    push = bridge.push()
    for number in range(500):
        push.send_multipart([b"orders", b"%d" % number, pack({"delay_ms": number % 3 * 50})])
    assert sorted(int(payload) for _, _, _, payload in _wait_due(client, 500)) == list(range(500))


def test_a_repeat_of_a_delayed_message_is_a_duplicate(client):
    wait = {"msg_id": "one", "delay_ms": FAR_MS}
    assert _publish(client, (b"a", wait), (b"a", wait), (b"b", {"msg_id": "two", "delay_ms": NEVER_MS})) == \
        ([None, None, None], [1])
    assert _publish(client, (b"a", {"msg_id": "one"}), (b"b", {"msg_id": "two"})) == ([None, None], [0, 1])
    eventually(lambda: _status(client)["head"] == 1, "the delayed message")
    assert _publish(client, (b"a", wait), (b"b", {"msg_id": "two"})) == ([1, None], [0, 1])
    assert _status(client)["delayed"] == 1


def test_a_message_that_is_there_is_not_delayed_again(client):
    assert _publish(client, (b"a", {"msg_id": "one"})) == ([1], [])
    assert _publish(client, (b"a", {"msg_id": "one", "delay_ms": LATER_MS})) == ([1], [0])
    assert _status(client)["delayed"] == 0


def test_waiting_replays_hear_of_what_is_due(client):
    seq = client.send(op="replay", channel="orders", wait_ms=20000)
    _publish(client, (b"late", {"delay_ms": LATER_MS}))
    assert [envelope[3] for _, envelope in client.reply(seq)["messages"]] == [b"late"]


def test_delayed_messages_survive_a_killed_bridge(bridge, client):
    _publish(client, *[(b"%d" % number, {"delay_ms": LATER_MS, "msg_id": b"%d" % number}) for number in range(200)])
    bridge.kill()
    bridge.start()
    client = bridge.client()
    assert _publish(client, (b"7", {"delay_ms": LATER_MS, "msg_id": b"7"}))[1] == [0]
    assert [payload for _, _, _, payload in _wait_due(client, 200)] == [b"%d" % number for number in range(200)]


def test_delayed_messages_survive_a_killed_redis(lab):
    """Ids jump, since the bridge cannot know that nothing was lost; the hole is told."""
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client = bridge.client()
    _publish(client, (b"now", None), *[(b"%d" % number, {"delay_ms": FAR_MS}) for number in range(200)])
    server.restart()
    eventually(lambda: client.ask(op="ping")["ok"], "Redis")
    eventually(lambda: _status(client)["count"] == 201, "the delayed messages")
    reply = client.ok(op="replay", channel="orders")
    ids = [envelope[0] for _, envelope in reply["messages"]]
    assert ids == [1, *range(ids[1], ids[1] + 200)] and ids[1] > 1 << 40
    assert reply["gaps"] == [["orders", 2, ids[1] - 1, "jumped"]]
    assert [envelope[3] for _, envelope in reply["messages"][1:]] == [b"%d" % number for number in range(200)]
    assert client.publish("orders", b"next") == [ids[-1] + 1]


def test_delayed_messages_survive_an_embedded_redis_that_ends_well(lab):
    bridge = lab.bridge()
    client = bridge.client()
    _publish(client, (b"now", None), (b"late", {"delay_ms": FAR_MS}))
    bridge.restart()
    assert [message[::3] for message in _wait_due(bridge.client(), 2)] == [(1, b"now"), (2, b"late")]


def test_several_bridges_append_each_once(lab, server, store):
    bridges = [lab.bridge(server) for _ in range(3)]
    subscribers = [Subscriber(bridge.context, bridge, b"orders") for bridge in bridges]
    client = bridges[0].client()
    at_ms = _now_ms(client) + FAR_MS
    payloads = [b"%d" % number for number in range(2000)]
    for begin in range(0, 2000, 500):
        _publish(client, *[(payload, {"at_ms": at_ms + begin // 500}) for payload in payloads[begin:begin + 500]])
    bridges[0].kill()
    client = bridges[1].client()
    assert [payload for _, _, _, payload in _wait_due(client, 2000)] == payloads
    log.expect_sound(store, "orders")
    for subscriber in subscribers[1:]:
        assert subscriber.payloads(2000) == payloads


def test_appends_go_on_between_what_is_due(bridge, client, store):
    """Both give ids of one channel: in one row, none twice."""
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    at_ms = _now_ms(client) + LATER_MS
    _publish(client, *[(b"late %d" % number, {"at_ms": at_ms + number % 50}) for number in range(1000)])
    ids, sent = [], 0
    while _status(client)["delayed"] > 0:
        ids += client.publish("orders", *[b"now %d" % number for number in range(sent, sent + 20)])
        sent += 20
    messages = _wait_due(client, 1000 + sent)
    found = {payload: id_ for id_, _, _, payload in messages}
    assert [found[b"now %d" % number] for number in range(sent)] == ids
    assert [id_ for id_, _, _, _ in messages] == list(range(1, 1001 + sent))
    log.expect_sound(store, "orders")
    assert subscriber.ids(1000 + sent) == list(range(1, 1001 + sent))


def test_a_batch_that_is_sent_again_delays_nothing_twice(lab, server, store, tmp_path):
    """Its reply was lost, or part of it never reached Redis."""
    proxy = Proxy(tmp_path / "proxy.sock", server)
    bridge = lab.bridge(proxy)
    client, choice = bridge.client(), random.Random(11)
    #  What listens passes the proxy with the same word as an append.
    eventually(lambda: store.pubsub_numsub("zrb:appended")[0][1] == 2, "the bridge to listen")
    for begin in range(0, 1000, 100):
        cut = proxy.cut(back=0) if begin % 200 else proxy.cut(forward=choice.randrange(1, 9000))
        reply = client.ask(op="publish", messages=[["orders", b"%d" % number, {"delay_ms": FAR_MS, "x": "y" * 50}]
                                                   for number in range(begin, begin + 100)])
        cut.wait()
        assert reply["ok"] and reply["ids"] == [None] * 100 and reply["duplicates"] == []
    messages = _wait_due(client, 1000)
    assert sorted(int(payload) for _, _, _, payload in messages) == list(range(1000))
    bridge.stop()
    proxy.close()


def test_a_flush_of_all_drops_what_is_delayed(client, store):
    _publish(client, (b"a", None), (b"b", {"delay_ms": NEVER_MS, "msg_id": "b"}), (b"c", {"delay_ms": NEVER_MS}))
    assert client.ok(op="flush", channel="orders", before=9)["flushed"] == 1
    assert client.ok(op="flush", channel="orders", all=True, dry_run=True)["channels"] == {"orders": 2}
    assert _status(client)["delayed"] == 2
    assert client.ok(op="flush", channel="orders", all=True)["channels"] == {"orders": 2}
    assert _status(client)["delayed"] == 0
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 0


def test_the_msg_id_of_a_dropped_message_is_forgotten_in_its_time(client, store):
    wait = {"delay_ms": NEVER_MS, "msg_id": "b"}
    _publish(client, (b"b", wait))
    client.ok(op="flush", channel="orders", all=True)
    _publish(client, (b"c", {"delay_ms": NEVER_MS, "msg_id": "c"}))
    keys = [log.key("orders", what) for what in ("ids", "meta", "log", "marks")]
    assert _publish(client, (b"b", wait)) == ([None], [0])
    assert store.eval(scripts.text("forget"), 4, *keys, 3600000, 100) == [0, 0]
    assert store.eval(scripts.text("forget"), 4, *keys, -10000, 100) == [1, 1]
    assert store.eval(scripts.text("forget"), 4, *keys, -10000, 100) == [0, 0]
    assert _publish(client, (b"b", wait), (b"c", {"msg_id": "c"})) == ([None, None], [1])


def test_due_ids_of_two_jumps_within_a_second_do_not_meet(store):
    """What the first jump led to is lost at once."""
    meta, last = log.key("orders", "meta"), 0
    for number in range(20):
        store.flushall()
        member = (1).to_bytes(8, "big") + bytes(10) + encode(0, 0, None, b"x")
        store.zadd(log.key("orders", "delayed"), {member: 1})
        assert store.eval(scripts.text("due"), 1, meta, f"epoch-{number}", 1, 100, 100000)[:2] == [1, 0]
        head = int(store.hget(meta, "head"))
        assert head > last
        last = head


def test_a_lot_that_is_due_comes_in_steps(client, store):
    now_ms = _now_ms(client)
    _publish(client, *[(b"%d" % number, {"at_ms": now_ms + NEVER_MS}) for number in range(1000)])
    store.zadd(log.key("orders", "delayed"), dict.fromkeys(store.zrange(log.key("orders", "delayed"), 0, -1), now_ms))
    steps = []
    while not steps or steps[-1][1]:
        steps.append(store.eval(scripts.text("due"), 1, log.key("orders", "meta"), store.hget("zrb:store", "epoch"), 0,
                                100, 100000))
    assert sum(step[0] for step in steps) == 1000 and max(step[0] for step in steps) <= 104
    assert [payload for _, _, _, payload in client.replay_all("orders")] == [b"%d" % number for number in range(1000)]


def test_a_front_message_stands_first_in_groups_that_exist(client, store):
    """In what append.lua and due.lua leave for take.lua."""
    assert _publish(client, (b"a", {"front": True})) == ([1], [])
    store.zadd(log.key("orders", "groups"), {"g": 0, "h": 0})
    assert _publish(client, (b"b", None), (b"c", {"front": True}), (b"d", {"front": False}), (b"e", {"front": True}),
                    (b"f", {"front": True, "delay_ms": LATER_MS})) == ([2, 3, 4, 5, None], [])
    _wait_due(client, 6)
    for group in "gh":
        assert store.zrange(log.key("orders", f"ready:{group}"), 0, -1, withscores=True) == \
            [(b"6", -6), (b"5", -5), (b"3", -3)]
        assert store.zrange(log.key("orders", f"ahead:{group}"), 0, -1, withscores=True) == \
            [(b"3", 3), (b"5", 5), (b"6", 6)]
