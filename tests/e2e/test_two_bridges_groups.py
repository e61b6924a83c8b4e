"""Groups at several bridges on one Redis: no message to two holders, and what one of them leaves the others get."""

import random

import pytest
from harness.wait import eventually
from harness.work import ids, items, settled, take, taken, waits


@pytest.fixture
def second(lab, server, bridge):
    return lab.bridge(server)


def test_no_message_has_two_holders(bridge, second):
    clients = [bridge.client(), second.client()] * 2
    clients[0].publish("jobs", *[b"x"] * 1000)
    chance, held = random.Random(3), []
    while len(held) < 1000:
        seqs = [(client, client.send(op="take", channels=["jobs"], max=chance.randrange(1, 20))) for client in clients]
        for client, seq in seqs:
            held += ids(taken(client.reply(seq)))
    assert sorted(held) == list(range(1, 1001))


def test_leases_grow_whichever_bridge_takes(bridge, second):
    clients, last = [bridge.client(), second.client()], 0
    clients[0].publish("jobs", *[b"x"] * 50)
    for number in range(50):
        (_, id_, _, lease, _), = take(clients[number % 2], "jobs")
        assert (id_, lease > last) == (number + 1, True)
        last = lease


def test_whatever_makes_something_takeable_at_one_wakes_at_the_other(bridge, second):
    here, there = bridge.client(), second.client()
    here.publish("jobs", b"1")
    messages = take(here, "jobs", consumer="me")
    steps = [
        lambda: here.ok(op="nack", channel="jobs", items=items(messages)),
        lambda: here.ok(op="release", channel="jobs", consumer="you"),
        lambda: here.ok(op="nack", channel="jobs", items=items(messages), delay_ms=50),
        lambda: here.ok(op="publish", channel="jobs", payload=b"2"),
    ]
    for step in steps:
        seq = there.send(op="take", channels=["jobs"], wait_ms=60000, consumer="you")
        waits(there, seq)
        step()
        messages = taken(there.reply(seq))
        assert len(messages) == 1
    assert messages[0][1] == 2


@pytest.mark.fault(10)
def test_one_bridge_is_killed_and_the_takers_of_the_other_get_all(bridge, second):
    """Also what was leased at the one that is gone, when its leases have run out."""
    dying, client = bridge.client(), second.client()
    client.publish("jobs", *[b"x"] * 200)
    for _ in range(4):
        take(dying, "jobs", max=10, lease_ms=1000)
    waiting = dying.send(op="take", channels=["other"], wait_ms=60000)
    waits(dying, waiting)
    bridge.kill()
    done = []
    while len(done) < 200:
        messages = take(client, "jobs", max=30, wait_ms=60000)
        done += settled(client.ok(op="ack", channel="jobs", items=items(messages)))[0]
    assert sorted(done) == list(range(1, 201))
    client.publish("other", b"x")
    assert ids(take(client, "other")) == [1]


def test_a_bridge_that_comes_back_serves_the_leases_it_gave(bridge, second):
    client = bridge.client()
    client.publish("jobs", b"1", b"2")
    messages = take(client, "jobs", max=2)
    bridge.kill()
    bridge.start()
    client = bridge.client()
    eventually(lambda: client.ask(op="ping")["ok"], "the bridge")
    assert settled(client.ok(op="ack", channel="jobs", lease=messages[0][3])) == ([1, 2], [], [])
