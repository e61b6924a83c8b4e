"""A Redis whose memory has ended, and what gets it out of there."""

import pytest
from harness.bridge import PACK
from harness.wait import eventually

pytestmark = pytest.mark.skipif(PACK > 1, reason="what is freed is freed alike")


@pytest.fixture
def full(lab):
    """A redis-server that stores no more, and a bridge that has filled channels there."""
    server = lab.redis(fsync="everysec")
    bridge = lab.bridge(server)
    client = bridge.client()
    for channel in ("jobs", "many", "large", "old"):
        client.publish(channel, *(b"%d" % number for number in range(10)))
    reply = client.ok(op="take", channels=["jobs"], max=4)
    server.client().config_set("maxmemory", 1)
    client.ok(op="ack", channel="jobs", lease=reply["messages"][0][2])
    assert client.ask(op="publish", channel="jobs", payload=b"x")["code"] == "unavailable"
    return server


def _stored(server, channel):
    return server.client().zcard(f"zrb:{{{channel}}}:log")


def test_a_full_redis_can_be_flushed(lab, full):
    client = lab.bridges[0].client()
    assert client.ok(op="flush", channel="many", before=4)["flushed"] == 3
    assert client.ok(op="flush", channel="jobs", all=True, force=True)["flushed"] == 10
    eventually(lambda: (_stored(full, "many"), _stored(full, "jobs")) == (7, 0), "what is flushed to be freed")
    full.client().config_set("maxmemory", 0)
    assert client.publish("many", b"more") == [11]


def test_limits_hold_in_a_full_redis(lab, full):
    lab.bridge(full, channels=[{"match": "jobs", "retain": "acked"}, {"match": "many", "max_messages": 2},
                               {"match": "large", "max_bytes": 100}, {"match": "old", "max_age_s": 1}])
    eventually(lambda: _stored(full, "jobs") == 6, "what is settled to be freed")
    eventually(lambda: _stored(full, "many") == 2, "what is too many to be freed")
    eventually(lambda: 0 < _stored(full, "large") < 5, "what is too large to be freed")
    eventually(lambda: _stored(full, "old") == 0, "what is too old to be freed")


def test_a_full_redis_that_was_restarted_is_met(lab, full):
    full.options += ["--maxmemory", "1"]
    full.stop()
    full.start()
    client = lab.bridges[0].client()
    assert client.ok(op="flush", channel="many", all=True)["flushed"] == 10
    eventually(lambda: _stored(full, "many") == 0, "what is flushed to be freed")
