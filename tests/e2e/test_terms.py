"""A Redis that is not set to keep the bridge's promises is told in the log; a strict bridge refuses it."""

import pytest

from harness.wait import eventually

GOOD = {"fsync": "everysec"}
DOUBTFUL = [
    ({"fsync": None}, "appendonly is no: Redis keeps messages in memory alone"),
    ({"fsync": "no"}, "appendfsync is no: writes reach the disk when the system likes"),
    ({**GOOD, "options": ["--maxmemory-policy", "allkeys-lru"]},
     "maxmemory-policy is not noeviction: Redis may drop messages when memory is short"),
    ({**GOOD, "options": ["--rename-command", "CONFIG", ""]},
     "CONFIG is not permitted: it is not known what Redis guarantees"),
]
IDS = ["no AOF", "no fsync", "eviction", "no CONFIG"]


def _doubts(bridge):
    return [line for line in bridge.process.lines if "event=redis_doubtful" in line]


def test_a_good_redis_is_not_doubted(lab):
    bridge = lab.bridge(lab.redis(**GOOD), redis={"strict": True})
    assert bridge.client().publish("orders", b"x") == [1]
    assert _doubts(bridge) == []


@pytest.mark.parametrize("options, doubt", DOUBTFUL, ids=IDS)
def test_what_is_doubtful_is_told_once(lab, options, doubt):
    bridge = lab.bridge(lab.redis(**options))
    assert bridge.client().publish("orders", b"x") == [1]
    assert [line.partition("why=")[2] for line in _doubts(bridge)] == [f'"{doubt}"']


@pytest.mark.parametrize("options, doubt", DOUBTFUL, ids=IDS)
def test_a_strict_bridge_refuses_it(lab, options, doubt):
    bridge = lab.bridge(lab.redis(**options), redis_is_up=False, redis={"strict": True})
    client = bridge.client()
    for request in ({"op": "publish", "channel": "orders", "payload": b"x"}, {"op": "replay", "channel": "orders"}):
        eventually(lambda request=request: f"strict: {doubt}" in client.ask(**request)["message"], "the reason")
        assert client.ask(**request)["code"] == "unavailable"
    assert len(_doubts(bridge)) == 1


def test_a_strict_bridge_serves_once_redis_is_set_right(lab):
    server = lab.redis(fsync=None)
    bridge = lab.bridge(server, redis_is_up=False, redis={"strict": True})
    client = bridge.client()
    eventually(lambda: "strict:" in client.ask(op="publish", channel="orders", payload=b"x")["message"], "the refusal")
    server.client().config_set("appendonly", "yes")
    eventually(lambda: client.ask(op="publish", channel="orders", payload=b"x")["ok"], "the bridge's service")
    #  Redis does not end before it has written its first AOF.
    eventually(lambda: not any(server.client().info("persistence")[what] for what in
                               ("aof_rewrite_in_progress", "aof_rewrite_scheduled")), "the first AOF")
