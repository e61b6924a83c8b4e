"""Groups: made, moved and removed; status; pause."""

import pytest

from harness import log
from harness.wait import eventually

NONE = {"waiting": 0, "leased": 0, "dead": 0}


def _fill(client, channel, count):
    client.publish(channel, *[b"%d" % id_ for id_ in range(1, count + 1)])


def _group(client, channel="jobs", group="g"):
    return client.ok(op="status", channel=channel)["channels"][channel]["groups"].get(group)


def _create(client, **more):
    return client.ok(op="group_create", channel="jobs", group="g", **more)


def _seek(client, start):
    return client.ok(op="group_seek", channel="jobs", group="g", start=start)["group"]


@pytest.mark.parametrize("start, waiting", [("first", 10), ("last", 0), (1, 10), (2, 9), (10, 1), (11, 0), (2**53, 0),
                                            ({"since_ms": 0}, 10), ({"since_ms": 1}, 10), ({"since_ms": 2**53}, 0)])
def test_a_group_begins_where_it_is_told(client, start, waiting):
    _fill(client, "jobs", 10)
    assert _create(client, start=start) == {"seq": 1 + 1, "ok": True, "made": True,
                                            "group": {**NONE, "waiting": waiting}}
    numbers = _group(client)
    assert (numbers["cursor"], numbers["waiting"], numbers["leased"], numbers["dead"]) == (10 - waiting, waiting, 0, 0)
    assert (numbers["consumers"], numbers["paused"]) == (0, False)
    assert _seek(client, start)["waiting"] == waiting


def test_without_a_start_it_begins_at_the_oldest_stored_message(client):
    _fill(client, "jobs", 10)
    client.ok(op="flush", channel="jobs", before=4)
    assert _create(client)["group"]["waiting"] == 7
    assert _group(client)["cursor"] == 3
    assert _seek(client, 1)["waiting"] == 7
    assert _seek(client, "last")["waiting"] == 0
    assert _seek(client, "first")["waiting"] == 7


def test_a_group_that_is_there_stays_as_it_is(client):
    _fill(client, "jobs", 10)
    assert _create(client, start=5)["made"] is True
    again = _create(client, start="last")
    assert (again["made"], again["group"]["waiting"]) == (False, 6)


def test_a_group_may_come_before_the_first_message(client):
    for start in ("first", "last"):
        client.ok(op="group_create", channel="jobs", group=start, start=start)
    _fill(client, "jobs", 3)
    assert [_group(client, group=group)["waiting"] for group in ("first", "last")] == [3, 3]


def _take(client, max=100, **more):
    """Takes without making the group; returns (ids, lease)."""
    reply = client.ok(op="take", channels=["jobs"], group="g", max=max, create=False, **more)
    return [envelope[0] for _, envelope, _, _ in reply["messages"]], next((m[2] for m in reply["messages"]), 0)


def _items(op, client, ids, lease, **more):
    reply = client.ok(op=op, channel="jobs", group="g", items=[[id_, lease] for id_ in ids], **more)
    return {key: reply[key] for key in ("done", "already", "stale") if reply[key]}


def test_status_tells_what_waits_what_is_leased_and_what_is_dead(client):
    _fill(client, "jobs", 10)
    _create(client)
    _, lease = _take(client, 6, consumer="me")
    _items("ack", client, [1, 2], lease)
    _items("nack", client, [3], lease)
    _items("nack", client, [4], lease, delay_ms=600000)
    _items("bury", client, [5], lease)
    numbers = _group(client)
    assert {key: numbers[key] for key in ("cursor", "waiting", "leased", "dead", "consumers")} == {
        "cursor": 6, "waiting": 6, "leased": 1, "dead": 1, "consumers": 1}
    oldest = client.ok(op="peek", channel="jobs", max=3)["messages"][2][1]
    assert numbers["oldest_ms"] == oldest[1]


def test_nothing_waits_when_all_is_settled(client):
    _fill(client, "jobs", 10)
    _create(client)
    ids, lease = _take(client)
    assert _items("ack", client, ids, lease) == {"done": ids}
    assert {key: value for key, value in _group(client).items() if value} == {"cursor": 10}


def test_messages_with_front_are_counted_once(client):
    _fill(client, "jobs", 3)
    _create(client)
    for payload in (b"4", b"5"):
        client.ok(op="publish", channel="jobs", payload=payload, headers={"front": True})
    assert (_group(client)["waiting"], _group(client)["cursor"]) == (5, 0)
    ids, lease = _take(client, 3)
    assert ids == [5, 4, 1]
    assert (_group(client)["waiting"], _group(client)["leased"]) == (2, 3)
    _items("ack", client, ids, lease)
    ids, lease = _take(client)
    assert ids == [2, 3]
    assert (_group(client)["waiting"], _group(client)["cursor"]) == (0, 5)


def test_a_seek_makes_leases_void_and_delivers_again(client):
    _fill(client, "jobs", 10)
    _create(client)
    ids, lease = _take(client, 6)
    _items("nack", client, [2], lease)
    assert _seek(client, 4) == {**NONE, "waiting": 7}
    assert _items("ack", client, [4, 5], lease) == {"stale": [4, 5]}
    again, second = _take(client)
    assert again == [4, 5, 6, 7, 8, 9, 10]
    assert second > lease
    assert _items("ack", client, [5], lease) == {"stale": [5]}
    assert _items("ack", client, again, second) == {"done": again}


def test_a_seek_wakes_a_waiting_take(client):
    _fill(client, "jobs", 3)
    _create(client, start="last")
    seq = client.send(op="take", channels=["jobs"], group="g", max=10, wait_ms=60000)
    _seek(client, "first")
    assert len(client.reply(seq)["messages"]) == 3


def test_what_is_dead_is_not_delivered_by_a_seek_but_by_redrive(client):
    _fill(client, "jobs", 5)
    _create(client)
    _, lease = _take(client)
    _items("bury", client, [2, 4], lease)
    assert _seek(client, "first") == {"waiting": 3, "leased": 0, "dead": 2}
    assert client.ok(op="redrive", channel="jobs", group="g", ids=[4])["redriven"] == 1
    assert (_group(client)["waiting"], _group(client)["dead"]) == (4, 1)
    assert _take(client)[0] == [4, 1, 3, 5]
    assert _take(client)[0] == []


def test_a_group_with_unfinished_work_is_deleted_only_by_force(client, store):
    _fill(client, "jobs", 5)
    _create(client)
    _, lease = _take(client, 3)
    _items("bury", client, [1], lease)
    _items("ack", client, [2], lease)
    before = {key: store.dump(key) for key in store.scan_iter("zrb:{*")}
    reply = client.ask(op="group_delete", channel="jobs", group="g")
    assert (reply["ok"], reply["code"], reply["at_risk"]) == (False, "unsafe", {"jobs": {"g": 4}})
    assert reply["message"] == "group_delete: unfinished work would be lost"
    assert {key: store.dump(key) for key in store.scan_iter("zrb:{*")} == before
    deleted = client.ok(op="group_delete", channel="jobs", group="g", force=True)
    assert deleted["group"] == {"waiting": 2, "leased": 1, "dead": 1}
    assert _group(client) is None
    assert [key for key in store.scan_iter("zrb:{*") if key.endswith(b":g")] == []


def test_a_group_without_work_is_deleted_as_it_is(client):
    _fill(client, "jobs", 5)
    _create(client, start="last")
    assert client.ok(op="group_delete", channel="jobs", group="g")["group"] == NONE
    assert _group(client) is None


def test_a_lease_means_nothing_in_a_group_made_again(client):
    _fill(client, "jobs", 5)
    _create(client)
    ids, lease = _take(client)
    client.ok(op="group_delete", channel="jobs", group="g", force=True)
    _create(client)
    assert _items("ack", client, ids, lease) == {"stale": ids}
    again, second = _take(client)
    assert again == ids and second > lease
    assert _items("ack", client, ids, lease) == {"stale": ids}
    assert _items("ack", client, again, second) == {"done": ids}


def test_a_group_that_is_not_there_is_not_found(client):
    client.publish("jobs", b"x")
    for channel in ("jobs", "nothing"):
        for request in ({"op": "pending"}, {"op": "dead"}, {"op": "redrive", "all": True},
                        {"op": "redrive", "ids": [1]}, {"op": "group_seek", "start": "last"}, {"op": "group_delete"},
                        {"op": "group_delete", "force": True}, {"op": "pause"}, {"op": "resume"}, {"op": "peek"},
                        {"op": "peek", "end": "tail"}, {"op": "peek", "wait_ms": 60000}):
            reply = client.ask(channel=channel, group="g", **request)
            assert (reply["ok"], reply["code"], reply["message"]) == (False, "not_found", "group: not found"), request
            assert "retry_ms" not in reply


@pytest.mark.parametrize("group", [None, "g"])
def test_a_pause_ends_the_taking_and_nothing_else(bridge, client, group):
    _fill(client, "jobs", 3)
    _create(client)
    ids, lease = _take(client, 1)
    who = {"channel": "jobs", **({"group": group} if group else {})}
    assert client.ok(op="pause", **who)["paused"] is True
    assert (client.ok(op="status", channel="jobs")["channels"]["jobs"]["paused"], _group(client)["paused"]) == (
        not group, bool(group))
    assert _take(client)[0] == []
    seq = client.send(op="take", channels=["jobs"], group="g", max=10, wait_ms=60000)
    sub = bridge.subscriber(b"jobs")
    client.publish("jobs", b"4")
    assert sub.ids(1) == [4]
    assert _items("ack", client, ids, lease) == {"done": ids}
    assert _group(client)["waiting"] == 3
    assert client.ok(op="resume", **who)["paused"] is False
    assert [message[1][0] for message in client.reply(seq)["messages"]] == [2, 3, 4]


def test_channel_and_group_are_paused_independently(client):
    _fill(client, "jobs", 1)
    _create(client)
    client.ok(op="pause", channel="jobs")
    client.ok(op="pause", channel="jobs", group="g")
    client.ok(op="resume", channel="jobs")
    assert _take(client)[0] == []
    client.ok(op="resume", channel="jobs", group="g")
    assert _take(client)[0] == [1]


def test_a_channel_may_be_paused_before_its_first_message(client):
    client.ok(op="pause", channel="jobs")
    _fill(client, "jobs", 1)
    assert client.ok(op="take", channels=["jobs"])["messages"] == []
    client.ok(op="resume", channel="jobs")
    assert len(client.ok(op="take", channels=["jobs"])["messages"]) == 1


def _peek(client, **more):
    return [envelope[0] for _, envelope in client.ok(op="peek", channel="jobs", group="g", **more)["messages"]]


def test_a_peek_shows_what_would_be_taken_and_moves_nothing(client, store):
    _fill(client, "jobs", 8)
    _create(client)
    _, lease = _take(client, 5)
    _items("nack", client, [2, 4], lease)
    _items("nack", client, [3], lease, delay_ms=600000)
    client.ok(op="publish", channel="jobs", payload=b"9", headers={"front": True})
    order = [9, 2, 4, 6, 7, 8]
    before = {key: store.dump(key) for key in store.scan_iter("zrb:{*")}
    for count in range(1, 8):
        assert _peek(client, max=count) == order[:count]
        assert _peek(client, max=count, end="tail") == order[::-1][:count]
    assert {key: store.dump(key) for key in store.scan_iter("zrb:{*")} == before
    assert _take(client)[0] == order
    assert _peek(client, max=5) == []


def test_a_peek_shows_redriven_letters_whose_messages_are_flushed(client):
    _fill(client, "jobs", 4)
    _create(client)
    _, lease = _take(client, 2)
    _items("bury", client, [1, 2], lease)
    client.ok(op="flush", channel="jobs", before=4, force=True)
    client.ok(op="redrive", channel="jobs", group="g", all=True)
    assert _peek(client, max=5) == [1, 2, 4]
    assert _peek(client, max=5, end="tail") == [4, 2, 1]
    messages = client.ok(op="peek", channel="jobs", group="g")["messages"]
    assert messages[0][1][3] == b"1"


@pytest.mark.parametrize("group", [None, "g"])
def test_a_peek_waits_for_a_message(client, group):
    who = {"op": "peek", "channel": "jobs", **({"group": group} if group else {})}
    if group:
        _create(client)
    assert client.ok(**who, wait_ms=1)["messages"] == []
    seq = client.send(**who, wait_ms=60000)
    client.publish("jobs", b"x")
    assert client.reply(seq)["messages"][0][1][3] == b"x"


def test_a_peek_that_waits_is_woken_by_what_is_given_back(client):
    _fill(client, "jobs", 1)
    _create(client)
    ids, lease = _take(client)
    seq = client.send(op="peek", channel="jobs", group="g", wait_ms=60000)
    _items("nack", client, ids, lease)
    assert client.reply(seq)["messages"][0][1][0] == 1


def test_consumers_that_are_gone_do_not_count(client, store):
    _fill(client, "jobs", 2)
    _create(client)
    _take(client, 1, consumer="a")
    _take(client, 1, consumer="b")
    assert _group(client)["consumers"] == 2
    store.zincrby("zrb:{jobs}:consumers:g", -31000, "a")
    assert _group(client)["consumers"] == 1


def test_groups_are_told_with_each_channel_of_a_pattern(client):
    for channel in ("jobs", "jobs2"):
        client.publish(channel, b"x")
        client.ok(op="group_create", channel=channel, group="g")
    client.ok(op="group_create", channel="jobs", group="größe", start="last")
    channels = eventually(lambda: client.ok(op="status", pattern="jobs*")["channels"], "the channels")
    assert {name: {group: numbers["waiting"] for group, numbers in channel["groups"].items()}
            for name, channel in channels.items()} == {"jobs": {"g": 1, "größe": 0}, "jobs2": {"g": 1}}


@pytest.mark.parametrize("per_member", [1, 2, 3, 20])
def test_packed_messages_are_peeked_and_counted_one_by_one(client, store, per_member):
    log.lay(store, "jobs", list(range(1000, 1020)), per_member)
    store.zadd("zrb:{jobs}:gaps", {"6 9 expired": 9})
    _create(client, start=3)
    order = [3, 4, 5, *range(10, 21)]
    assert (_group(client)["waiting"], _group(client)["oldest_ms"]) == (14, 1002)
    for count in (1, 2, 5, 100):
        assert _peek(client, max=count) == order[:count]
        assert _peek(client, max=count, end="tail") == order[::-1][:count]
    assert _take(client, 4)[0] == order[:4]
    assert (_group(client)["waiting"], _group(client)["oldest_ms"]) == (10, 1010)
    assert _peek(client, max=100) == order[4:]


def test_a_waiting_take_outlives_its_group(client):
    _create(client)
    seq = client.send(op="take", channels=["jobs"], group="g", wait_ms=60000)
    client.ok(op="group_delete", channel="jobs", group="g")
    client.publish("jobs", b"x")
    assert client.reply(seq)["messages"][0][1][0] == 1
    assert _group(client)["leased"] == 1


def test_without_redis_nothing_is_changed(server, client):
    _fill(client, "jobs", 1)
    _create(client)
    server.kill()
    for request in ({"op": "pending"}, {"op": "dead"}, {"op": "redrive", "all": True}, {"op": "group_create"},
                    {"op": "group_seek", "start": "last"}, {"op": "group_delete"}, {"op": "pause"}, {"op": "resume"},
                    {"op": "peek"}):
        def refused():
            reply = client.ask(channel="jobs", group="g", **request)
            assert not reply["ok"] and reply["code"] in ("unavailable", "unknown_outcome"), reply
            return reply["code"] == "unavailable" and reply["retry_ms"] > 0
        eventually(refused, "the refusal")


def test_expired_messages_are_not_peeked(client):
    _create(client)
    client.ok(op="publish", channel="jobs", payload=b"x", headers={"ttl_ms": 1})
    client.publish("jobs", b"y")
    eventually(lambda: _peek(client, max=5) == [2], "the end of the first")
    assert _peek(client, max=5, end="tail") == [2]


def test_expired_messages_wait_no_more_wherever_they_waited(client, store):
    """Those of a row in gaps, as the keeper leaves it: given back, with front, and redriven, whose letter stays."""
    _fill(client, "jobs", 6)
    _create(client)
    _, lease = _take(client, 4)
    _items("nack", client, [1, 2], lease)
    _items("bury", client, [3], lease)
    client.ok(op="redrive", channel="jobs", group="g", all=True)
    client.ok(op="publish", channel="jobs", payload=b"7", headers={"front": True})
    assert _group(client)["waiting"] == 6
    store.zadd("zrb:{jobs}:gaps", {"1 1 expired": 1, "3 3 expired": 3, "6 7 expired": 7})
    store.zremrangebyscore("zrb:{jobs}:log", 1, 1)
    assert (_group(client)["waiting"], _group(client)["leased"]) == (3, 1)
    second = client.ok(op="peek", channel="jobs", max=1)["messages"][0][1]
    assert (second[0], _group(client)["oldest_ms"]) == (2, second[1])
    assert client.ok(op="flush", channel="jobs", before=3, dry_run=True)["at_risk"] == {"jobs": {"g": 1}}
    assert _take(client)[0] == [2, 3, 5]
    assert _group(client)["waiting"] == 0
