"""Leases that run out: redelivered soon, at any scale, and dead after too many times."""

import pytest
from harness.wait import eventually
from harness.work import ids, items, settle, take, taken


def _leased(store, channel="jobs", group="default"):
    return int(store.hget(f"zrb:{{{channel}}}:group:{group}", "leased") or 0)


def test_a_lease_runs_out_by_itself_and_counts_as_an_attempt(client, store):
    client.publish("jobs", b"1", b"2", b"3")
    take(client, "jobs", max=3, lease_ms=100)
    eventually(lambda: _leased(store) == 0, "the lease to run out")
    again = take(client, "jobs", max=10)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(1, 2), (2, 2), (3, 2)]


def test_many_leases_run_out_at_once(client, store):
    """Leases of one message each, and one of many; takers that wait get all of them."""
    for _ in range(10):
        client.publish("jobs", *[b"x"] * 1000)
    seqs = [client.send(op="take", channels=["jobs"], lease_ms=600000) for _ in range(3000)]
    first = sum((taken(client.reply(seq)) for seq in seqs), [])
    assert sorted(ids(first)) == list(range(1, 3001))
    take(client, "jobs", max=7000, lease_ms=1)
    client.ok(op="touch", channel="jobs", items=items(first), lease_ms=1)
    eventually(lambda: _leased(store) == 0, "the leases to run out")
    again = take(client, "jobs", max=10000)
    while len(again) < 10000:
        more = take(client, "jobs", max=10000)
        assert more
        again += more
    assert sorted(ids(again)) == list(range(1, 10001)) and {attempt for *_, attempt in again} == {2}


@pytest.mark.fault(9)
def test_a_poison_message_is_dead_after_max_deliveries(client, store):
    client.publish("jobs", b"poison", b"good")
    for attempt in range(1, 11):
        (_, id_, _, _, number), = take(client, "jobs", wait_ms=60000, lease_ms=1, consumer="me")
        assert (id_, number) == (1, attempt)
        eventually(lambda: _leased(store) == 0, "the lease to run out")
    assert [(id_, attempt) for _, id_, _, _, attempt in take(client, "jobs")] == [(2, 1)]
    assert store.zrange("zrb:{jobs}:dead:default", 0, -1) == [b"1"]


@pytest.mark.fault(9)
def test_what_a_killed_worker_held_is_redelivered(bridge, client):
    worker = bridge.client()
    client.publish("jobs", b"1", b"2")
    take(worker, "jobs", max=2, lease_ms=1000)
    bridge.lose(worker.socket)
    assert take(client, "jobs") == []
    again = take(client, "jobs", max=2, wait_ms=60000)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(1, 2), (2, 2)]


@pytest.mark.fault(10)
def test_leases_of_a_bridge_that_is_gone_run_out_at_another(lab, server, bridge):
    client = bridge.client()
    client.publish("jobs", b"1", b"2")
    take(client, "jobs", max=2, lease_ms=500)
    bridge.kill()
    other = lab.bridge(server).client()
    got = []
    while len(got) < 2:
        got += take(other, "jobs", max=2, wait_ms=60000)
    assert [(id_, attempt) for _, id_, _, _, attempt in got] == [(1, 2), (2, 2)]


def test_leases_run_out_after_a_restart_of_redis(lab):
    server = lab.redis(fsync="always")
    client = lab.bridge(server).client()
    client.publish("jobs", b"1")
    first = take(client, "jobs", lease_ms=1000)
    server.restart()
    reply = eventually(lambda: _taken(client), "the message to come again")
    assert [(id_, attempt) for _, id_, _, _, attempt in reply] == [(1, 2)] and reply[0][3] > first[0][3]
    assert settle(client, "ack", "jobs", first) == ([], [], [1])


def _taken(client):
    reply = client.ask(op="take", channels=["jobs"], wait_ms=1000)
    return taken(reply) if reply["ok"] else []


def test_max_deliveries_is_the_channels(lab, server, store):
    client = lab.bridge(server, channels=[{"match": "jobs", "max_deliveries": 2},
                                          {"match": "free", "max_deliveries": 0}]).client()
    for channel in ("jobs", "free"):
        client.publish(channel, b"poison")
        for attempt in (1, 2):
            (_, _, _, _, number), = take(client, channel, wait_ms=60000, lease_ms=1)
            assert number == attempt
            eventually(lambda name=channel: _leased(store, name) == 0, "the lease to run out")
    assert take(client, "jobs") == []
    again = take(client, "free")
    assert [attempt for *_, attempt in again] == [3]
    settle(client, "nack", "free", again)
    assert [attempt for *_, attempt in take(client, "free")] == [4]
    assert store.zrange("zrb:{jobs}:dead:default", 0, -1) == [b"1"]
