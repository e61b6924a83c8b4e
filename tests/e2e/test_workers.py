"""[[workers]]: messages of a group are pushed to whoever is there and has room, and to nobody else."""

import itertools

import pytest
from harness import log
from harness.bridge import ANY_PORT
from harness.client import receive
from harness.wait import eventually
from harness.wire import decode, unpack
from harness.work import ids, take

LEASE_MS = 600000


def _workers(lab, server, *sections, **others):
    return lab.bridge(server, workers=[{"push": [ANY_PORT], "lease_ms": LEASE_MS, **section} for section in sections],
                      **others)


@pytest.fixture
def pushing(lab, server):
    return _workers(lab, server, {"channels": ["jobs"]})


def _next(worker):
    """The next job of a worker: (channel, id, payload, lease's map)."""
    channel, envelope, lease = receive(worker)
    id_, _, _, payload = decode(envelope)
    return channel.decode(), id_, payload, unpack(lease)


def _jobs(worker, count):
    return [_next(worker) for _ in range(count)]


def _ack(client, job, op="ack", **options):
    channel, id_, _, lease = job
    return client.ok(op=op, channel=channel, group=lease["group"], items=[[id_, lease["lease"]]], **options)


def _numbers(client, channel, group="workers"):
    return client.ok(op="status", channel=channel)["channels"][channel]["groups"].get(group, {})


def _publish(client, channel, count, first=1):
    return client.publish(channel, *(b"%d" % number for number in range(first, first + count)))


def test_a_worker_gets_what_is_stored_with_its_lease(pushing, store):
    client, worker = pushing.client(), pushing.worker()
    before_ms = client.ok(op="ping")["now_ms"]
    client.ok(op="publish", channel="jobs", payload=b"a", headers={"k": 1})
    channel, envelope, lease = receive(worker)
    assert (channel, envelope) == (b"jobs", log.members(store, "jobs")[0][1])
    lease = unpack(lease)
    assert set(lease) == {"group", "lease", "attempt", "deadline_ms"}
    assert (lease["group"], lease["attempt"]) == ("workers", 1)
    assert before_ms + LEASE_MS <= lease["deadline_ms"] <= client.ok(op="ping")["now_ms"] + LEASE_MS
    assert client.ok(op="ack", channel="jobs", group="workers", lease=lease["lease"])["done"] == [1]


def test_jobs_come_once_in_order_and_are_acked_at_another_bridge(lab, server, pushing):
    client, worker = lab.bridge(server).client(), pushing.worker()
    _publish(client, "jobs", 500)
    for expected in range(1, 501):
        job = _next(worker)
        assert job[1:3] == (expected, b"%d" % expected)
        assert _ack(client, job)["done"] == [expected]
    assert _numbers(client, "jobs")["leased"] == 0


def test_without_a_worker_nothing_is_leased(pushing):
    client = pushing.client()
    _publish(client, "jobs", 3)
    worker = pushing.worker()
    assert [job[1] for job in _jobs(worker, 3)] == [1, 2, 3]
    pushing.sockets.remove(worker)
    worker.close(0)
    #  The last that was sent to nobody shows that the bridge has noticed.
    eventually(lambda: _is_left_waiting(client), "a message that is not leased")
    _publish(client, "jobs", 10)
    pending = client.ok(op="pending", channel="jobs", group="workers")["leases"]
    last = client.ok(op="status", channel="jobs")["channels"]["jobs"]["head"]
    assert _numbers(client, "jobs")["waiting"] == last - len(pending) >= 11
    assert ids(take(client, "jobs", group="workers", max=100))[-10:] == list(range(last - 9, last + 1))


def _is_left_waiting(client):
    """Publishes one more; is it still waiting after a while of asking?"""
    _publish(client, "jobs", 1)
    for _ in range(20):
        client.ok(op="ping")
    return _numbers(client, "jobs").get("waiting", 0) > 0


def test_no_more_are_leased_than_the_window_allows(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs", "more"], "window": 5})
    client, worker = bridge.client(), bridge.worker(rcvhwm=1000)
    _publish(client, "jobs", 4)
    _publish(client, "more", 20)
    jobs = _jobs(worker, 5)
    assert {job[0] for job in jobs} == {"jobs", "more"} or [job[0] for job in jobs] == ["more"] * 5
    for left in range(19, 0, -1):
        assert not worker.poll(20), "one more than the window allows"
        leased = _numbers(client, "jobs").get("leased", 0) + _numbers(client, "more").get("leased", 0)
        assert leased == 5
        assert _ack(client, jobs.pop(0))["done"]
        jobs.append(_next(worker))
    assert len(jobs) == 5 and not worker.poll(20)


def test_a_nack_makes_room_and_comes_again(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs"], "window": 1})
    client, worker = bridge.client(), bridge.worker()
    _publish(client, "jobs", 2)
    first = _next(worker)
    _ack(client, first, op="nack")
    again = _next(worker)
    assert again[1] == first[1] == 1 and again[3]["attempt"] == 2 and again[3]["lease"] > first[3]["lease"]
    assert _ack(client, first)["stale"] == [1] and _ack(client, again)["done"] == [1]
    assert _next(worker)[1] == 2


@pytest.mark.fault(9)
def test_the_lease_of_a_dead_worker_runs_out_and_another_gets_it(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs"], "window": 2, "lease_ms": 1000})
    client, worker = bridge.client(), bridge.worker()
    _publish(client, "jobs", 2)
    jobs = _jobs(worker, 2)
    bridge.sockets.remove(worker)
    worker.close(0)
    #  What is pushed before the bridge has noticed that is lost with the first worker, and comes once more.
    worker, done = bridge.worker(), []
    while len(done) < 2:
        job = _next(worker)
        assert job[3]["attempt"] >= 2 and job[3]["lease"] > jobs[0][3]["lease"]
        done += _ack(client, job)["done"]
    assert sorted(done) == [1, 2] and _numbers(client, "jobs")["leased"] == 0


@pytest.mark.fault(1, 10)
def test_a_bridge_that_was_killed_holds_nobody_up(lab, server, pushing):
    client, worker = pushing.client(), pushing.worker()
    _publish(client, "jobs", 3)
    jobs = _jobs(worker, 3)
    pushing.kill()
    other = _workers(lab, server, {"channels": ["jobs"]})
    client = other.client()
    assert _ack(client, jobs[0])["done"] == [1]
    consumer, = {lease[3] for lease in client.ok(op="pending", channel="jobs", group="workers")["leases"]}
    assert client.ok(op="release", channel="jobs", group="workers", consumer=consumer)["released"] == 2
    assert [(job[1], job[3]["attempt"]) for job in _jobs(other.worker(), 2)] == [(2, 1), (3, 1)]


def test_a_stop_gives_back_what_was_not_sent(lab, server, store):
    bridge = _workers(lab, server, {"channels": ["jobs"]})
    client, worker = bridge.client(), bridge.worker(rcvhwm=1, rcvbuf=4096)
    payloads = [b"%06d" % number + bytes(100000) for number in range(60)]
    for payload in payloads:
        client.publish("jobs", payload)
    got = [_next(worker)]
    bridge.stop()
    got += [_next(worker) for _ in iter(lambda: worker.poll(500), 0)]
    other = lab.bridge(server).client()
    leased = {lease[0] for lease in other.ok(op="pending", channel="jobs", group="workers")["leases"]}
    assert {job[1] for job in got} <= leased
    assert len(leased) - len(got) <= 1, "one may have been cut on its way"
    rest = ids(take(other, "jobs", group="workers", max=100))
    assert sorted(rest) == sorted(set(range(1, 61)) - leased)


def test_the_first_channel_is_drained_before_the_second(lab, server):
    bridge = _workers(lab, server, {"channels": ["high.*", "low"], "window": 1})
    client = bridge.client()
    for channel in ("low", "high.b", "high.a"):
        _publish(client, channel, 2)
    worker, seen = bridge.worker(), []
    for _ in range(6):
        job = _next(worker)
        seen.append(job[0])
        _ack(client, job)
    assert seen == ["high.a", "high.a", "high.b", "high.b", "low", "low"]


def test_a_channel_that_is_new_is_found_by_its_glob(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs.*"]})
    client, worker = bridge.client(), bridge.worker()
    for number in range(20):
        _publish(client, f"jobs.{number}", 1)
        _publish(client, f"other.{number}", 1)
        assert _next(worker)[0] == f"jobs.{number}"


def test_sections_have_their_own_groups_and_workers(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs"], "group": "a"}, {"channels": ["jobs"], "group": "b"})
    client = bridge.client()
    _publish(client, "jobs", 50)
    for section, group in enumerate("ab"):
        jobs = _jobs(bridge.worker(section), 50)
        assert [job[1] for job in jobs] == list(range(1, 51)) and {job[3]["group"] for job in jobs} == {group}


def test_workers_share(lab, server):
    bridge = _workers(lab, server, {"channels": ["jobs"], "window": 20})
    client = bridge.client()
    workers = [bridge.worker() for _ in range(3)]
    _publish(client, "jobs", 300)
    got = [0, 0, 0]
    seen = []
    for at in itertools.cycle(range(3)):
        if workers[at].poll(5):
            job = _next(workers[at])
            seen.append(job[1])
            got[at] += 1
            assert _ack(client, job)["done"] == [job[1]]
        if len(seen) == 300:
            break
    assert sorted(seen) == list(range(1, 301)) and all(got)


def test_a_pause_holds_the_workers_up(pushing):
    client, worker = pushing.client(), pushing.worker()
    _publish(client, "jobs", 1)
    assert _next(worker)[1] == 1
    for where in ({}, {"group": "workers"}):
        client.ok(op="pause", channel="jobs", **where)
        ids_ = _publish(client, "jobs", 2)
        assert not worker.poll(50)
        client.ok(op="resume", channel="jobs", **where)
        assert [job[1] for job in _jobs(worker, 2)] == ids_


def test_what_was_missed_while_redis_was_away_is_pushed(lab):
    server = lab.redis(fsync="always")
    bridge = _workers(lab, server, {"channels": ["jobs"]})
    client, worker = bridge.client(), bridge.worker()
    _publish(client, "jobs", 1)
    assert _next(worker)[1] == 1
    server.restart()
    bridge.wait_redis(is_up=True)
    eventually(lambda: client.ask(op="publish", channel="jobs", payload=b"later")["ok"], "Redis")
    assert _next(worker)[2] == b"later"


def test_two_bridges_push_each_message_to_one_worker(lab, server):
    bridges = [_workers(lab, server, {"channels": ["jobs"], "window": 10}) for _ in range(2)]
    client = bridges[0].client()
    workers = [bridge.worker() for bridge in bridges]
    _publish(client, "jobs", 200)
    seen = []
    for at in itertools.cycle(range(2)):
        if workers[at].poll(5):
            job = _next(workers[at])
            seen.append(job[1])
            _ack(client, job)
        if len(seen) == 200:
            break
    assert sorted(seen) == list(range(1, 201))


@pytest.mark.parametrize("how", [{"op": "flush", "all": True, "force": True},
                                 {"op": "group_delete", "group": "workers", "force": True},
                                 {"op": "group_seek", "group": "workers", "start": "last"}])
def test_leases_that_are_void_make_room(lab, server, how):
    bridge = _workers(lab, server, {"channels": ["jobs"], "window": 2})
    client, worker = bridge.client(), bridge.worker()
    _publish(client, "jobs", 2)
    jobs = _jobs(worker, 2)
    client.ok(channel="jobs", **how)
    _publish(client, "jobs", 2, 3)
    if how["op"] == "group_delete":     #  made again, it begins at the oldest message
        assert [job[1] for job in _jobs(worker, 2)] == [1, 2]
    else:
        assert [job[1] for job in _jobs(worker, 2)] == [3, 4]
    assert not _ack(client, jobs[0])["done"]


def test_redis_has_nothing_left_of_a_window_that_is_settled(lab, server, store):
    bridge = _workers(lab, server, {"channels": ["jobs"], "window": 2})
    client, worker = bridge.client(), bridge.worker()
    _publish(client, "jobs", 2)
    for job in _jobs(worker, 2):
        _ack(client, job)
    assert store.exists(log.key("jobs", "load:workers")) == 0
