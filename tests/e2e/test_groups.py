"""Groups: made, moved and removed; status; pause."""

import pytest

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
