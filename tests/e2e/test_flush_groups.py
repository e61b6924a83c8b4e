"""flush where groups have unfinished work: nothing goes unless it is forced, and nothing half."""

import pytest

from harness import log
from harness.wait import eventually


def _fill(client, channel, count):
    client.publish(channel, *[b"%d" % id_ for id_ in range(1, count + 1)])


def _take(client, max=100, channel="jobs", **more):
    reply = client.ok(op="take", channels=[channel], group="g", max=max, **more)
    return [envelope[0] for _, envelope, _, _ in reply["messages"]], next((m[2] for m in reply["messages"]), 0)


def _settle(client, op, ids, lease, **more):
    reply = client.ok(op=op, channel="jobs", group="g", items=[[id_, lease] for id_ in ids], **more)
    return {key: reply[key] for key in ("done", "already", "stale") if reply[key]}


def _numbers(client, channel="jobs"):
    numbers = client.ok(op="status", channel=channel)["channels"][channel]["groups"]["g"]
    return {key: numbers[key] for key in ("waiting", "leased", "dead")}


def _mixed(client):
    """1, 2 acked; 3 given back; 4 so with a delay; 5 dead; 6, 7 leased; 8, 9, 10 in the log, 11 with front."""
    _fill(client, "jobs", 10)
    _, lease = _take(client, 7, lease_ms=600000)
    _settle(client, "ack", [1, 2], lease)
    _settle(client, "nack", [3], lease)
    _settle(client, "nack", [4], lease, delay_ms=600000)
    _settle(client, "bury", [5], lease)
    client.ok(op="publish", channel="jobs", payload=b"11", headers={"front": True})
    return lease


AT_RISK = {1: 0, 2: 0, 3: 0, 4: 1, 5: 2, 6: 2, 7: 3, 8: 4, 9: 5, 10: 6, 11: 7, 12: 8}


@pytest.mark.parametrize("before", AT_RISK)
def test_work_at_risk_is_counted_and_kept(client, store, before):
    _mixed(client)
    count = AT_RISK[before]
    at_risk = {"jobs": {"g": count}} if count else {}
    state = {key: store.dump(key) for key in store.scan_iter("zrb:{*")}
    dry = client.ok(op="flush", channel="jobs", before=before, dry_run=True)
    assert (dry["flushed"], dry["at_risk"]) == (before - 1, at_risk)
    reply = client.ask(op="flush", channel="jobs", before=before)
    if count:
        assert (reply["ok"], reply["code"], reply["at_risk"]) == (False, "unsafe", at_risk)
        assert reply["message"] == "flush: unfinished work would be lost"
        assert {key: store.dump(key) for key in store.scan_iter("zrb:{*")} == state
        reply = client.ask(op="flush", channel="jobs", before=before, force=True)
    assert (reply["ok"], reply["flushed"], reply["at_risk"]) == (True, before - 1, at_risk)
    assert _numbers(client)["waiting"] + _numbers(client)["leased"] == 8 - count
    assert _numbers(client)["dead"] == 1
    assert client.ok(op="flush", channel="jobs", before=before)["flushed"] == 0


@pytest.mark.parametrize("before", AT_RISK)
def test_after_a_forced_flush_the_group_goes_on_with_what_is_left(client, before):
    lease = _mixed(client)
    client.ok(op="flush", channel="jobs", before=before, force=True)
    expected = [id_ for id_ in [11, 3, 8, 9, 10] if id_ >= before]
    assert _take(client)[0] == expected
    settled = _settle(client, "ack", [6, 7], lease)
    assert settled.get("done", []) == [id_ for id_ in (6, 7) if id_ >= before]
    assert settled.get("already", []) == [id_ for id_ in (6, 7) if id_ < before]
    assert _numbers(client) == {"waiting": 1 if before <= 4 else 0, "leased": len(expected), "dead": 1}


def test_a_flush_cuts_a_lease_that_reaches_across(client):
    _fill(client, "jobs", 10)
    ids, lease = _take(client, 8, consumer="me")
    assert client.ok(op="flush", channel="jobs", before=5, force=True)["at_risk"] == {"jobs": {"g": 4}}
    assert [held[0] for held in client.ok(op="pending", channel="jobs", group="g")["leases"]] == [5, 6, 7, 8]
    assert _numbers(client) == {"waiting": 2, "leased": 4, "dead": 0}
    reply = client.ok(op="ack", channel="jobs", group="g", lease=lease)
    assert reply["done"] == [5, 6, 7, 8]
    assert _numbers(client) == {"waiting": 2, "leased": 0, "dead": 0}
    assert _take(client)[0] == [9, 10]


def test_a_flush_of_all_leaves_dead_letters_alone(client, store):
    lease = _mixed(client)
    assert client.ok(op="flush", channel="jobs", all=True, force=True)["at_risk"] == {"jobs": {"g": 8}}
    assert _numbers(client) == {"waiting": 0, "leased": 0, "dead": 1}
    assert _settle(client, "ack", [6, 7, 3], lease) == {"already": [3, 6, 7]}
    assert client.ok(op="redrive", channel="jobs", group="g", all=True)["redriven"] == 1
    risk = client.ask(op="flush", channel="jobs", all=True)
    assert (risk["code"], risk["at_risk"]) == ("unsafe", {"jobs": {"g": 1}})
    client.publish("jobs", b"12")
    assert _take(client)[0] == [5, 12]
    client.ok(op="flush", channel="jobs", all=True, force=True)
    assert _numbers(client) == {"waiting": 0, "leased": 0, "dead": 0}
    assert not store.exists("zrb:{jobs}:letters:g", "zrb:{jobs}:leases:g", "zrb:{jobs}:held:g")
    client.publish("jobs", b"13")
    assert _take(client)[0] == [13]


def test_settled_messages_go_without_force(client, store):
    _fill(client, "jobs", 10)
    ids, lease = _take(client)
    _settle(client, "ack", ids, lease)
    reply = client.ok(op="flush", channel="jobs", all=True)
    assert (reply["flushed"], reply["at_risk"]) == (10, {})
    eventually(lambda: log.count(store, "jobs") == 0, "the freeing")


def test_one_channel_at_risk_keeps_all_that_match(client):
    for channel in ("jobs", "jobs2", "jobs3"):
        _fill(client, channel, 3)
    client.ok(op="group_create", channel="jobs2", group="g")
    client.ok(op="group_create", channel="jobs3", group="h", start=3)
    at_risk = {"jobs2": {"g": 3}, "jobs3": {"h": 1}}
    reply = client.ask(op="flush", pattern="jobs*", all=True)
    assert (reply["code"], reply["at_risk"]) == ("unsafe", at_risk)
    assert [len(client.replay_all(channel)) for channel in ("jobs", "jobs2", "jobs3")] == [3, 3, 3]
    dry = client.ok(op="flush", pattern="jobs*", all=True, dry_run=True)
    assert (dry["flushed"], dry["at_risk"]) == (9, at_risk)
    assert client.ok(op="flush", pattern="jobs*", before=3, dry_run=True)["at_risk"] == {"jobs2": {"g": 2}}
    forced = client.ok(op="flush", pattern="jobs*", all=True, force=True)
    assert (forced["flushed"], forced["at_risk"]) == (9, at_risk)
    assert client.ok(op="flush", pattern="jobs*", all=True)["flushed"] == 0


def test_a_pattern_without_anything_at_risk_is_flushed(client):
    for channel in ("jobs", "jobs2"):
        _fill(client, channel, 3)
        client.ok(op="group_create", channel=channel, group="g", start="last")
    reply = client.ok(op="flush", pattern="jobs*", all=True)
    assert (reply["flushed"], reply["channels"], reply["at_risk"]) == (6, {"jobs": 3, "jobs2": 3}, {})
