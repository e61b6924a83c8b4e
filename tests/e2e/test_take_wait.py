"""take with wait_ms: woken by what makes something takeable, first come, first served, by nothing else."""

import random
import threading
import time

import pytest
from harness.client import Client
from harness.wait import eventually
from harness.work import ids, items, settle, take, taken, waits


def _wait(client, *channels, **options):
    """Sends a take that waits, and returns its seq once it does."""
    seq = client.send(op="take", channels=list(channels), **{"wait_ms": 60000, **options})
    waits(client, seq)
    return seq


def test_an_append_wakes(client):
    seq = _wait(client, "jobs", max=10)
    client.publish("jobs", b"1", b"2")
    assert ids(taken(client.reply(seq))) == [1, 2]


def test_an_append_of_another_bridge_wakes(lab, server, client):
    other = lab.bridge(server).client()
    seq = _wait(client, "jobs")
    other.publish("jobs", b"1")
    assert ids(taken(client.reply(seq))) == [1]


def test_a_pushed_message_wakes(bridge, client):
    seq = _wait(client, "jobs")
    bridge.push().send_multipart([b"jobs", b"1"])
    assert ids(taken(client.reply(seq))) == [1]


def test_what_is_there_is_taken_at_once(client):
    client.publish("jobs", b"1")
    assert ids(take(client, "jobs", wait_ms=60000)) == [1]


@pytest.mark.parametrize("at", ["the same bridge", "another bridge"])
def test_nack_and_release_wake(lab, server, client, at):
    other = client if at == "the same bridge" else lab.bridge(server).client()
    client.publish("jobs", b"1")
    first = take(client, "jobs", consumer="me")
    seq = _wait(client, "jobs", consumer="me")
    settle(other, "nack", "jobs", first)
    (_, _, _, lease, attempt), = taken(client.reply(seq))
    assert attempt == 2 and lease != first[0][3]
    seq = _wait(client, "jobs")
    assert other.ok(op="release", channel="jobs", consumer="me")["released"] == 1
    assert [attempt for *_, attempt in taken(client.reply(seq))] == [2]


def test_a_lease_that_runs_out_wakes(client):
    client.publish("jobs", b"1")
    take(client, "jobs", lease_ms=200)
    seq = client.send(op="take", channels=["jobs"], wait_ms=60000)
    (_, id_, _, _, attempt), = taken(client.reply(seq))
    assert (id_, attempt) == (1, 2)


def test_a_wait_ends_empty_when_its_time_is_over(client):
    begun = time.monotonic()
    reply = client.ok(op="take", channels=["jobs"], wait_ms=300)
    assert (reply["messages"], reply["deadline_ms"]) == ([], 0)
    assert time.monotonic() - begun >= 0.29


def test_cancel_ends_a_wait_of_the_same_client(bridge, client):
    seq = _wait(client, "jobs")
    assert bridge.client().ok(op="cancel", request=seq)["cancelled"] == 0
    assert client.ok(op="cancel", request=seq)["cancelled"] == 1
    assert taken(client.reply(seq)) == []
    client.publish("jobs", b"1")
    assert ids(take(client, "jobs")) == [1]


def test_first_come_first_served(bridge, client):
    takers = [bridge.client() for _ in range(10)]
    seqs = [_wait(taker, *(["jobs"] if number % 2 else ["jo*", "other"])) for number, taker in enumerate(takers)]
    for number, (taker, seq) in enumerate(zip(takers, seqs), 1):
        client.publish("jobs", b"x")
        assert ids(taken(taker.reply(seq))) == [number]


def test_one_append_of_many_serves_many(bridge, client):
    takers = [bridge.client() for _ in range(20)]
    seqs = [_wait(taker, "jobs", max=3) for taker in takers]
    client.publish("jobs", *[b"x"] * 60)
    got = [ids(taken(taker.reply(seq))) for taker, seq in zip(takers, seqs)]
    assert got == [[3 * number + 1, 3 * number + 2, 3 * number + 3] for number in range(20)]


def test_one_append_of_two_serves_who_waits_for_the_name_and_who_waits_for_a_glob(bridge, client):
    for first, second in ((["jobs"], ["j*"]), (["j*"], ["jobs"]), (["j*"], ["[j]obs"])):
        takers = [bridge.client() for _ in range(2)]
        seqs = [_wait(takers[0], *first), _wait(takers[1], *second)]
        one, two = client.publish("jobs", b"x", b"x")
        assert [ids(taken(taker.reply(seq, 10))) for taker, seq in zip(takers, seqs)] == [[one], [two]]


def test_each_group_is_served(bridge, client):
    seqs = {group: _wait(client, "jobs", group=group) for group in ("a", "b", "c")}
    client.publish("jobs", b"1")
    assert all(ids(taken(client.reply(seq))) == [1] for seq in seqs.values())


def test_other_channels_and_groups_wake_nobody(client):
    client.publish("jobs", b"1")
    first = take(client, "jobs", group="a")
    take(client, "jobs", group="b")
    seq = _wait(client, "jobs", group="b")
    client.publish("jobs2", b"x")
    settle(client, "nack", "jobs", first, group="a")
    waits(client, seq)
    client.publish("jobs", b"2")
    assert ids(taken(client.reply(seq))) == [2]


def test_names_and_globs_can_be_waited_for_together(client):
    client.publish("other", b"x")
    seq = _wait(client, "urgent", "jobs.*", max=5)
    client.publish("jobs.new", b"1")
    assert [message[:2] for message in taken(client.reply(seq))] == [("jobs.new", 1)]
    seq = _wait(client, "urgent", "jobs.*", max=5)
    client.publish("urgent", b"1")
    assert [message[:2] for message in taken(client.reply(seq))] == [("urgent", 1)]


def test_an_append_costs_no_more_scripts_for_many_who_wait(bridge, client, store):
    def calls():
        stats = store.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))
    before = calls()
    seqs = [client.send(op="take", channels=["jobs"], wait_ms=60000) for _ in range(500)]
    eventually(lambda: calls() >= before + 500, "all to have looked once")
    waits(client, *seqs)
    before = calls()
    for number in range(10):
        client.publish("jobs", b"x")
        assert ids(taken(client.reply(seqs[number]))) == [number + 1]
    #  An append and a take each, and what the keepers do meanwhile.
    assert calls() - before < 100
    for seq in seqs[10:]:
        client.ok(op="cancel", request=seq)


def test_a_stop_answers_those_who_wait(lab, server):
    bridge = lab.bridge(server)
    client = Client(bridge.context, bridge.endpoint("router"))
    seq = _wait(client, "jobs")
    bridge.stop()
    assert taken(client.reply(seq)) == []


def test_a_wait_outlives_a_restart_of_redis(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client = bridge.client()
    seq = _wait(client, "jobs")
    server.restart()
    other = bridge.client()
    eventually(lambda: other.ask(op="publish", channel="jobs", payload=b"2")["ok"], "Redis to be back")
    assert len(taken(client.reply(seq))) == 1


def test_lost_announcements_are_made_up_for(bridge, client, server):
    """Whoever listens is cut off again and again while messages come."""
    store = server.client()
    for number in range(1, 30):
        seq = client.send(op="take", channels=["jobs"], wait_ms=60000)
        store.client_kill_filter(_type="pubsub")
        bridge.client().publish("jobs", b"x")
        assert ids(taken(client.reply(seq))) == [number]


class _Worker(threading.Thread):
    """Takes, works and acks until it is told that all is done."""

    def __init__(self, context, endpoint, channels, most, chance):
        super().__init__()
        self.client = Client(context, endpoint)
        self.channels, self.most, self.chance = channels, most, chance
        self.worked, self.failure, self.done = [], None, threading.Event()

    def run(self):
        try:
            while not self.done.is_set():
                messages = take(self.client, *self.channels, max=self.most, wait_ms=500, lease_ms=600000)
                for channel in {message[0] for message in messages}:
                    of = [message for message in messages if message[0] == channel]
                    if self.chance.random() < 0.1:
                        settle(self.client, "nack", channel, of)
                    elif self.chance.random() < 0.5:
                        self._done(channel, self.client.ok(op="ack", channel=channel, lease=of[0][3]))
                    else:
                        self._done(channel, self.client.ok(op="ack", channel=channel, items=items(of)))
        except AssertionError as failure:
            self.failure = failure

    def _done(self, channel, reply):
        assert reply["stale"] == [], reply
        self.worked += [(channel, id_) for id_ in reply["done"]]


def test_nothing_is_missed_in_a_race_of_takers_and_producers(lab, server, bridge):
    """Takers at two bridges, each message worked once, and no wake-up lost: they only wait, and never look twice."""
    second, chance = lab.bridge(server), random.Random(11)
    channels = [f"jobs.{number}" for number in range(3)]
    kinds = [["jobs.*"], channels, channels[:2], channels[2:]]
    workers = [_Worker(bridge.context, (bridge, second)[number % 2].endpoint("router"), kinds[number % 4],
                       1 + number % 3 * 5, random.Random(number)) for number in range(8)]
    for worker in workers:
        worker.start()
    clients = [bridge.client(), second.client()]
    for number in range(400):
        chance.choice(clients).publish(chance.choice(channels), *[b"x"] * chance.randrange(1, 10))
    status = clients[0].ok(op="status", pattern="jobs.*")["channels"]
    expected = sorted((channel, id_) for channel, numbers in status.items() for id_ in range(1, numbers["head"] + 1))
    try:
        eventually(lambda: sum(len(worker.worked) for worker in workers) >= len(expected) or
                   any(worker.failure for worker in workers), "all to be worked", 60)
    finally:
        for worker in workers:
            worker.done.set()
        for worker in workers:
            worker.join()
            worker.client.socket.close()
    assert [worker.failure for worker in workers if worker.failure] == []
    assert sorted(sum((worker.worked for worker in workers), [])) == expected
