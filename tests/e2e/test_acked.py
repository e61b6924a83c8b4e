"""retain = "acked": what all groups have settled is freed, and nothing else."""

import random

import pytest

from harness import log
from harness.wait import eventually


@pytest.fixture
def bridge(lab, server):
    return lab.bridge(server, channels=[{"match": "jobs*", "retain": "acked"}])


def _fill(client, count):
    client.publish("jobs", *[b"x"] * count)


def _take(client, group, count):
    reply = client.ok(op="take", channels=["jobs"], group=group, max=count, lease_ms=3600000)
    return [envelope[0] for _, envelope, _, _ in reply["messages"]], reply["messages"][0][2]


def _settle(client, op, group, ids, lease, **more):
    reply = client.ok(op=op, channel="jobs", group=group, items=[[id_, lease] for id_ in ids], **more)
    assert sorted(reply["done"]) == sorted(ids)


def _stored(store):
    return [score for score, _ in log.members(store, "jobs")]


def _expect_from(store, first, head):
    eventually(lambda: _stored(store) == list(range(first, head + 1)), f"the freeing up to {first}")


def test_what_all_groups_have_acked_is_freed(client, store):
    for group in ("a", "b"):
        client.ok(op="group_create", channel="jobs", group=group)
    _fill(client, 10)
    taken = {group: _take(client, group, 10) for group in ("a", "b")}
    _settle(client, "ack", "a", list(range(1, 9)), taken["a"][1])
    _settle(client, "ack", "b", [1, 2, 3, 5], taken["b"][1])
    _expect_from(store, 4, 10)
    status = client.ok(op="status", channel="jobs")["channels"]["jobs"]
    assert (status["floor"], status["count"]) == (4, 7)
    _settle(client, "ack", "b", [4], taken["b"][1])
    _expect_from(store, 6, 10)
    _settle(client, "ack", "b", [6, 7, 8, 9, 10], taken["b"][1])
    _expect_from(store, 9, 10)
    _settle(client, "ack", "a", [9, 10], taken["a"][1])
    _expect_from(store, 11, 10)
    assert client.publish("jobs", b"x") == [11]


def test_without_a_group_all_stays(client, store):
    _fill(client, 5)
    client.ok(op="group_create", channel="jobs-2", group="g")
    client.publish("jobs-2", b"x")
    client.ok(op="take", channels=["jobs-2"], group="g", ack="none")
    eventually(lambda: log.count(store, "jobs-2") == 0, "the freeing of the other")
    assert _stored(store) == [1, 2, 3, 4, 5]


def test_what_was_given_back_or_waits_for_its_delay_stays(client, store):
    _fill(client, 6)
    _, lease = _take(client, "g", 5)
    _settle(client, "nack", "g", [2], lease)
    _settle(client, "nack", "g", [4], lease, delay_ms=3600000)
    _settle(client, "ack", "g", [1, 3, 5], lease)
    _expect_from(store, 2, 6)
    ids, lease = _take(client, "g", 2)
    assert ids == [2, 6]
    _settle(client, "ack", "g", ids, lease)
    _expect_from(store, 4, 6)


def test_what_is_dead_counts_as_settled_and_can_be_redriven(client, store):
    _fill(client, 3)
    ids, lease = _take(client, "g", 3)
    _settle(client, "bury", "g", ids, lease)
    _expect_from(store, 4, 3)
    assert client.ok(op="redrive", channel="jobs", group="g", all=True)["redriven"] == 3
    again, lease = _take(client, "g", 3)
    assert again == ids
    _settle(client, "ack", "g", ids, lease)


def test_what_came_with_front_is_freed_in_its_turn(client, store):
    client.ok(op="group_create", channel="jobs", group="g")
    _fill(client, 2)
    client.ok(op="publish", channel="jobs", payload=b"x", headers={"front": True})
    ids, lease = _take(client, "g", 2)
    assert ids == [3, 1]
    _settle(client, "ack", "g", ids, lease)
    _expect_from(store, 2, 3)
    ids, lease = _take(client, "g", 2)
    assert ids == [2]
    _settle(client, "ack", "g", ids, lease)
    _expect_from(store, 4, 3)


def test_a_deleted_group_holds_nothing_back(client, store):
    for group in ("a", "b"):
        client.ok(op="group_create", channel="jobs", group=group)
    _fill(client, 4)
    ids, lease = _take(client, "a", 4)
    _settle(client, "ack", "a", [1, 2], lease)
    assert _stored(store) == [1, 2, 3, 4]
    client.ok(op="group_delete", channel="jobs", group="b", force=True)
    _expect_from(store, 3, 4)
    client.ok(op="group_seek", channel="jobs", group="a", start="last")
    _expect_from(store, 5, 4)


def test_acks_in_any_order_free_exactly_what_all_have_acked(bridge, client, store):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    groups = ("a", "b", "c")
    for group in groups:
        client.ok(op="group_create", channel="jobs", group=group)
    _fill(client, 300)
    leases = {group: _take(client, group, 300)[1] for group in groups}
    left = {group: set(range(1, 301)) for group in groups}
    while any(left.values()):
        group = dice.choice([name for name in groups if left[name]])
        ids = dice.sample(sorted(left[group]), min(len(left[group]), dice.randint(1, 60)))
        _settle(client, dice.choice(("ack", "bury")), group, sorted(ids), leases[group])
        left[group] -= set(ids)
        lowest = min((min(ids) for ids in left.values() if ids), default=301)
        assert set(_stored(store)) >= set(range(lowest, 301))
        if dice.random() < 0.2:
            _expect_from(store, lowest, 300)
    _expect_from(store, 301, 300)


def test_what_is_acked_at_another_bridge_is_freed(lab, server, bridge, client, store):
    other = lab.bridge(server).client()
    _fill(client, 3)
    ids, lease = _take(other, "g", 3)
    _settle(other, "ack", "g", ids, lease)
    _expect_from(store, 4, 3)
