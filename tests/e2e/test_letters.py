"""pending, dead, redrive: who holds what, and what is dead."""

import pytest

from harness.wait import eventually
from harness.wire import raw_items

ME = {"op": "take", "channels": ["jobs"], "group": "g"}


def _fill(client, count):
    client.publish("jobs", *[b"%d" % id_ for id_ in range(1, count + 1)])


def _take(client, max=100, **more):
    reply = client.ok(**{**ME, "max": max, **more})
    return [envelope[0] for _, envelope, _, _ in reply["messages"]], next((m[2] for m in reply["messages"]), 0)


def _settle(client, op, ids, lease, **more):
    reply = client.ok(op=op, channel="jobs", group="g", items=[[id_, lease] for id_ in ids], **more)
    assert reply["done"] == ids
    return reply


def _pending(client, **more):
    return client.ok(op="pending", channel="jobs", group="g", **more)["leases"]


def _dead(client, **more):
    return client.ok(op="dead", channel="jobs", group="g", **more)["messages"]


def _redrive(client, **more):
    return client.ok(op="redrive", channel="jobs", group="g", **more)["redriven"]


def _numbers(client):
    return client.ok(op="status", channel="jobs")["channels"]["jobs"]["groups"]["g"]


def test_pending_tells_who_holds_what(client):
    _fill(client, 10)
    _, first = _take(client, 4, consumer="a", lease_ms=600000)
    _, second = _take(client, 2, lease_ms=500000)
    _settle(client, "ack", [2], first)
    _settle(client, "nack", [5], second)
    ids, third = _take(client, 2, consumer="b", lease_ms=600000)
    assert ids == [5, 7]
    leases = _pending(client)
    assert [lease[:4] for lease in leases] == [[1, first, 1, "a"], [3, first, 1, "a"], [4, first, 1, "a"],
                                               [5, third, 2, "b"], [6, second, 1, None], [7, third, 1, "b"]]
    for _, lease, _, _, elapsed_ms, remaining_ms in leases:
        assert elapsed_ms + remaining_ms == (500000 if lease == second else 600000)
    assert [lease[0] for lease in _pending(client, consumer="a")] == [1, 3, 4]
    assert [lease[0] for lease in _pending(client, consumer="nobody")] == []
    for count in range(1, 7):
        assert [lease[:4] for lease in _pending(client, max=count)] == [lease[:4] for lease in leases[:count]]


def test_pending_tells_what_was_taken_long_ago(client):
    _fill(client, 2)
    _take(client, 1, lease_ms=600000)
    elapsed_ms = eventually(lambda: [lease[4] for lease in _pending(client, min_elapsed_ms=20)], "20 ms")[0]
    _take(client, 1, lease_ms=600000)
    assert elapsed_ms >= 20
    assert [lease[0] for lease in _pending(client)] == [1, 2]
    assert _pending(client, min_elapsed_ms=600000) == []


def test_pending_of_thousands_comes_in_order(client):
    for _ in range(3):
        client.publish("jobs", *[b"x"] * 1000)
    for _ in range(4):
        _take(client, 500, lease_ms=600000)
    for number in range(1000):
        _take(client, 1, lease_ms=600000, consumer=f"{number % 3}")
    assert [lease[0] for lease in _pending(client, max=100000)] == list(range(1, 3001))
    assert [lease[0] for lease in _pending(client, consumer="2")] == list(range(2003, 3001, 3))
    assert [lease[0] for lease in _pending(client, consumer="0", max=300)] == list(range(2001, 2901, 3))
    assert [lease[0] for lease in _pending(client)] == list(range(1, 1001))


def test_a_dead_letter_explains_itself(client, store):
    client.ok(op="publish", channel="jobs", payload=b"hello", headers={"x": 1})
    _fill(client, 3)
    _, lease = _take(client, consumer="worker")
    stored = store.zrange("zrb:{jobs}:log", 0, 0)[0]
    _settle(client, "bury", [1], lease, reason="no such customer: größe")
    _settle(client, "bury", [3], lease)
    (channel, envelope, letter), (_, other, plain) = _dead(client)
    assert (channel, envelope[0], envelope[2], envelope[3]) == ("jobs", 1, {"x": 1}, b"hello")
    assert letter == {"attempts": 1, "reason": "no such customer: größe", "consumer": "worker",
                      "dead_ms": letter["dead_ms"]}
    now = store.time()
    assert envelope[1] <= letter["dead_ms"] <= now[0] * 1000 + now[1] // 1000
    assert (other[0], plain["reason"], plain["consumer"]) == (3, "bury", "worker")
    raw = client.raw(op="dead", channel="jobs", group="g")
    assert raw_items(raw)[0][1] == stored


def test_dead_letters_come_in_the_order_of_their_deaths(client):
    _fill(client, 40)
    _, lease = _take(client)
    order = [7, 3, 30, 1, 25]
    for id_ in order:
        _settle(client, "bury", [id_], lease)
        dead_ms = _dead(client, max=100)[-1][2]["dead_ms"]
        eventually(lambda: client.ok(op="ping")["now_ms"] > dead_ms, "the next millisecond")
    assert [envelope[0] for _, envelope, _ in _dead(client)] == order
    assert [envelope[0] for _, envelope, _ in _dead(client, max=2)] == order[:2]


def test_dead_letters_fit_the_reply(lab, server):
    bridge = lab.bridge(server, control={"max_reply_bytes": 65536})
    client = bridge.client()
    client.publish("jobs", *[b"x" * 10000] * 20)
    client.publish("jobs", b"x" * 100000)
    for _ in range(21):
        ids, lease = _take(client, 1)
        _settle(client, "bury", ids, lease)
    count = len(_dead(client))
    assert 1 <= count <= 6
    _redrive(client, ids=list(range(1, 21)))
    assert [envelope[0] for _, envelope, _ in _dead(client)] == [21]


@pytest.mark.parametrize("how", [{"all": True}, {"ids": [2, 3, 5]}, {"ids": [5, 3, 2, 99, 2]}])
def test_redrive_delivers_again_before_what_never_was(client, how):
    _fill(client, 8)
    _, lease = _take(client, 6)
    _settle(client, "bury", [2, 3, 5], lease)
    assert _redrive(client, **how) == 3
    assert _redrive(client, **how) == 0
    assert _dead(client) == []
    reply = client.ok(**{**ME, "max": 100})
    assert [(message[1][0], message[3]) for message in reply["messages"]] == [(2, 1), (3, 1), (5, 1), (7, 1), (8, 1)]
    _settle(client, "ack", [2, 3, 5], reply["messages"][0][2])
    assert (_numbers(client)["waiting"], _numbers(client)["leased"], _numbers(client)["dead"]) == (0, 5, 0)


def test_redrive_of_some_leaves_the_others_dead(client):
    _fill(client, 5)
    _, lease = _take(client)
    _settle(client, "bury", [1, 2, 3], lease)
    assert _redrive(client, ids=[2]) == 1
    assert [envelope[0] for _, envelope, _ in _dead(client)] == [1, 3]
    assert (_numbers(client)["waiting"], _numbers(client)["dead"]) == (1, 2)


def test_redrive_wakes_a_waiting_take(client):
    _fill(client, 1)
    _, lease = _take(client)
    _settle(client, "bury", [1], lease)
    seq = client.send(**ME, wait_ms=60000)
    assert _redrive(client, all=True) == 1
    assert client.reply(seq)["messages"][0][1][0] == 1


def test_a_lease_from_before_a_redrive_is_stale(client):
    _fill(client, 1)
    _, lease = _take(client)
    _settle(client, "bury", [1], lease)
    for _ in range(2):
        reply = client.ok(op="ack", channel="jobs", group="g", items=[[1, lease]])
        assert (reply["done"], reply["already"], reply["stale"]) == ([], [], [1])
        _redrive(client, all=True)
    _, second = _take(client)
    reply = client.ok(op="ack", channel="jobs", group="g", items=[[1, lease]])
    assert (reply["done"], reply["already"], reply["stale"]) == ([], [], [1])
    _settle(client, "ack", [1], second)


def test_a_letter_outlives_its_message_and_is_redriven_whole(client, store):
    client.ok(op="publish", channel="jobs", payload=b"hello", headers={"x": 1})
    _, lease = _take(client)
    _settle(client, "bury", [1], lease)
    client.ok(op="flush", channel="jobs", all=True)
    eventually(lambda: store.zcard("zrb:{jobs}:log") == 0, "the freeing")
    for _ in range(2):
        assert _dead(client)[0][1][3] == b"hello"
        assert _redrive(client, all=True) == 1
        assert (_numbers(client)["waiting"], _numbers(client)["dead"]) == (1, 0)
        (_, envelope, lease, attempt), = client.ok(**ME)["messages"]
        assert (envelope[0], envelope[2], envelope[3], attempt) == (1, {"x": 1}, b"hello", 1)
        _settle(client, "bury", [1], lease)
    _redrive(client, all=True)
    _, lease = _take(client)
    _settle(client, "ack", [1], lease)
    assert not store.exists("zrb:{jobs}:letters:g", "zrb:{jobs}:returned:g", "zrb:{jobs}:dead:g")
    assert _take(client)[0] == []


def test_redrive_of_thousands_goes_in_steps(client):
    for _ in range(2):
        client.publish("jobs", *[b"x"] * 1000)
    ids, lease = _take(client, 2000)
    _settle(client, "bury", ids, lease)
    assert _redrive(client, ids=ids[:700]) == 700
    assert _redrive(client, all=True) == 1300
    assert _take(client, 10000)[0] == ids
