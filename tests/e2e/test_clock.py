"""The clock of Redis's host is set forth and back by an hour: ids and order hold, leases are at worst early or late
once, and all goes on."""

import pytest
from harness import log
from harness.bridge import PACK
from harness.clock import HOUR_S, Clock
from harness.wait import eventually

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern clocks")


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


@pytest.fixture
def bridge(lab, clock):
    return lab.bridge(lab.redis(env=clock.env))


def _now_ms(client):
    return client.ok(op="ping")["now_ms"]


def _set(client, clock, ahead_s):
    """Returns when the bridge tells the new time too."""
    before = _now_ms(client)
    clock.set(ahead_s)
    eventually(lambda: abs(_now_ms(client) - before) > HOUR_S * 500, "the new time")


@pytest.mark.fault(13, rounds=4)
def test_ids_and_times_never_fall(bridge, lab, clock):
    client, push, sub = bridge.client(), bridge.push(), bridge.subscriber("orders")
    for ahead_s in (HOUR_S, 0, -HOUR_S, 0):
        client.publish("orders", b"published")
        push.send_multipart([b"orders", b"pushed"])
        sub.take(2)
        _set(client, clock, ahead_s)
    client.publish("orders", b"published")
    assert sub.ids(1) == [9]
    log.expect_sound(lab.servers[0].client(), "orders")


@pytest.mark.fault(13)
@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_leases_are_early_or_late_once(bridge, clock, ahead_s):
    """What is held while the clock is set comes early, or late unless it is released; later ones are as ever."""
    client = bridge.client()
    client.publish("jobs", b"a", b"b")
    take = {"op": "take", "channels": ["jobs"], "lease_ms": 60000, "wait_ms": 20000, "consumer": "worker-1"}
    client.ok(**take)
    _set(client, clock, ahead_s)
    if ahead_s < 0:
        [[_, (id_, _, _, payload), lease, attempt]] = client.ok(**take)["messages"]
        assert (id_, payload, attempt) == (2, b"b", 1), "the first is still held"
        assert client.ok(op="ack", channel="jobs", items=[[id_, lease]])["done"] == [2]
        assert client.ok(op="release", channel="jobs", consumer="worker-1")["released"] == 1
        expected = [(1, 1)]
    else:
        eventually(lambda: client.ok(op="pending", channel="jobs")["leases"] == [], "the lease to run out")
        expected = [(1, 2), (2, 1)]
    for id_, attempt in expected:
        [[_, envelope, lease, got]] = client.ok(**take)["messages"]
        assert (envelope[0], got) == (id_, attempt)
        assert client.ok(op="touch", channel="jobs", items=[[id_, lease]], lease_ms=60000)["done"] == [id_]
        assert client.ok(op="ack", channel="jobs", items=[[id_, lease]])["done"] == [id_]
    client.publish("jobs", b"c")
    short = client.ok(**{**take, "lease_ms": 100})["messages"]
    [[_, envelope, _, attempt]] = client.ok(**take)["messages"]
    assert (short[0][1][0], envelope[0], attempt) == (3, 3, 2), "a new lease runs out when it is due"


@pytest.mark.fault(13)
@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_who_waits_is_woken_and_what_is_delayed_later_comes(bridge, clock, ahead_s):
    client = bridge.client()
    client.publish("jobs", b"first")
    waiting = client.send(op="replay", channel="jobs", after=1, wait_ms=25000)
    _set(client, clock, ahead_s)
    client.ok(op="publish", channel="jobs", payload=b"late", headers={"delay_ms": 200})
    [[_, envelope]] = client.reply(waiting)["messages"]
    assert (envelope[0], envelope[3]) == (2, b"late")
