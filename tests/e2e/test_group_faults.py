"""flush, group_delete and pause while others take, settle and replay: a clear answer, and nothing half done."""

import random
import threading

import pytest
from harness import log
from harness.client import Client
from harness.wait import eventually
from harness.work import ids, items, settled, take, taken, waits


class _Traffic(threading.Thread):
    """Publishes, takes, settles and replays until it is told to end; every answer must be a clear one."""

    def __init__(self, context, endpoints, seed):
        super().__init__()
        self.clients = [Client(context, endpoint) for endpoint in endpoints]
        self.chance, self.done, self.failure = random.Random(seed), threading.Event(), None
        self.counts = {"done": 0, "already": 0, "stale": 0}

    def run(self):
        try:
            while not self.done.is_set():
                self._step(self.chance.choice(self.clients))
        except AssertionError as failure:
            self.failure = failure

    def _step(self, client):
        client.publish("jobs", *[b"x"] * self.chance.randrange(1, 5))
        messages = take(client, "jobs", max=self.chance.randrange(1, 9), lease_ms=600000)
        assert len(set(ids(messages))) == len(messages)
        if not messages:
            return
        op = self.chance.choice(["ack", "ack", "nack"])
        reply = client.ok(op=op, channel="jobs", items=items(messages))
        told = reply["done"] + reply["already"] + reply["stale"]
        assert sorted(told) == sorted(ids(messages)), (op, reply, ids(messages))
        for list_ in self.counts:
            self.counts[list_] += len(reply[list_])
        client.ok(op="replay", channel="jobs", limit=3)

    def end(self):
        self.done.set()
        self.join()
        for client in self.clients:
            client.socket.close()
        assert self.failure is None, self.failure


def _under_traffic(lab, server, bridge, disturb):
    """Disturbs a hundred times while three are at work at two bridges; then all that is left can be worked."""
    endpoints = [bridge.endpoint("router"), lab.bridge(server).endpoint("router")]
    traffic = [_Traffic(bridge.context, endpoints, seed) for seed in range(3)]
    for each in traffic:
        each.start()
    client = bridge.client()
    try:
        for number in range(100):
            disturb(client, number)
            client.publish("jobs", b"y")
    finally:
        for each in traffic:
            each.end()
    client.ok(op="resume", channel="jobs")
    done = []
    while True:
        messages = take(client, "jobs", max=1000)
        if not messages:
            break
        done += settled(client.ok(op="ack", channel="jobs", items=items(messages)))[0]
    numbers = client.ok(op="status", channel="jobs")["channels"]["jobs"]
    group = numbers["groups"]["default"]
    assert (group["waiting"], group["leased"]) == (0, 0), (numbers, group)
    assert done == sorted(done) or len(done) == len(set(done))
    return {list_: sum(each.counts[list_] for each in traffic) for list_ in ("done", "already", "stale")}


@pytest.mark.fault(16)
def test_flush_while_others_take_and_settle(lab, server, bridge):
    def disturb(client, number):
        head = client.ok(op="status", channel="jobs")["channels"]["jobs"]["head"]
        where = {"all": True} if number % 2 else {"before": max(1, head - number)}
        refused = client.ask(op="flush", channel="jobs", **where)
        assert refused["ok"] or refused["code"] == "unsafe", refused
        client.ok(op="flush", channel="jobs", force=True, **where)
    counts = _under_traffic(lab, server, bridge, disturb)
    assert counts["done"] and counts["stale"] == 0, counts


@pytest.mark.fault(16)
def test_group_delete_while_others_take_and_settle(lab, server, bridge):
    def disturb(client, number):
        reply = client.ask(op="group_delete", channel="jobs", group="default", force=bool(number % 2))
        assert reply["ok"] or reply["code"] in ("unsafe", "not_found"), reply
    counts = _under_traffic(lab, server, bridge, disturb)
    assert counts["done"], counts


@pytest.mark.fault(16)
def test_pause_while_others_take_and_settle(lab, server, bridge):
    def disturb(client, number):
        where = {"group": "default"} if number % 3 else {}
        client.ok(op="publish", channel="jobs", payload=b"x")
        client.ask(op="pause", channel="jobs", **where)
        if not where:
            assert take(client, "jobs") == []
        client.ask(op="resume", channel="jobs", **where)
    counts = _under_traffic(lab, server, bridge, disturb)
    assert counts["done"] and counts["stale"] == 0, counts


def test_who_waits_gets_nothing_while_paused_and_all_in_order_after(client):
    seq = client.send(op="take", channels=["jobs"], max=10, wait_ms=60000)
    waits(client, seq)
    client.ok(op="pause", channel="jobs")
    client.publish("jobs", b"1", b"2", b"3")
    waits(client, seq)
    client.ok(op="resume", channel="jobs")
    assert ids(taken(client.reply(seq))) == [1, 2, 3]


def test_who_waits_is_served_after_group_delete_and_seek(client):
    client.publish("jobs", b"1", b"2")
    first = take(client, "jobs", max=2)
    seq = client.send(op="take", channels=["jobs"], max=10, wait_ms=60000)
    waits(client, seq)
    client.ok(op="group_seek", channel="jobs", group="default", start="first")
    second = taken(client.reply(seq))
    assert ids(second) == [1, 2]
    assert settled(client.ok(op="ack", channel="jobs", items=items(first))) == ([], [], [1, 2])
    seq = client.send(op="take", channels=["jobs"], max=10, wait_ms=60000)
    waits(client, seq)
    client.ok(op="group_delete", channel="jobs", group="default", force=True)
    client.publish("jobs", b"3")
    third = taken(client.reply(seq))
    #  The group is made anew by the take that waited, at the oldest message.
    assert ids(third) == [1, 2, 3]
    assert settled(client.ok(op="ack", channel="jobs", items=items(second))) == ([], [], [1, 2])
    assert settled(client.ok(op="ack", channel="jobs", items=items(third))) == ([1, 2, 3], [], [])


def test_a_flush_of_what_is_being_taken_leaves_it_out(client, store):
    """Messages that are leased when a flush comes are already; those that wait are not given any more."""
    client.publish("jobs", *[b"x"] * 20)
    messages = take(client, "jobs", max=5)
    reply = client.ask(op="flush", channel="jobs", before=11)
    assert reply["code"] == "unsafe"
    flushed = client.ok(op="flush", channel="jobs", before=11, force=True)
    assert flushed["at_risk"] == {"jobs": {"default": 10}}
    assert settled(client.ok(op="ack", channel="jobs", items=items(messages))) == ([], [1, 2, 3, 4, 5], [])
    assert ids(take(client, "jobs", max=100)) == list(range(11, 21))
    eventually(lambda: log.count(store, "jobs") == 10, "the flushed ones to be freed")
