"""What has expired while it waited in a group waits no more."""

from harness import log
from harness.wait import eventually
from harness.work import ids, take

HOUR_MS = 3600000


def _expire(store, client, *expired):
    """Their time is over now."""
    before = client.ok(op="status", channel="jobs")["channels"]["jobs"]["count"]
    store.zadd(log.key("jobs", "expiring"), {b"%d" % id_: 1 for id_ in expired})
    store.zadd(log.key("jobs", "timers"), {b"ttl": 1})
    eventually(lambda: client.ok(op="status", channel="jobs")["channels"]["jobs"]["count"] == before - len(expired),
               "their end")


def _group(client):
    numbers = client.ok(op="status", channel="jobs")["channels"]["jobs"]["groups"]["g"]
    return numbers["waiting"], numbers["leased"]


def _settle(client, op, messages, **options):
    return client.ok(op=op, channel="jobs", group="g", items=[[id_, lease] for _, id_, _, lease, _ in messages],
                     **options)


def _publish(client, count, **headers):
    return client.ok(op="publish", messages=[["jobs", b"", headers]] * count)["ids"]


def test_what_was_given_back_or_came_with_front_counts_no_more(client, store):
    client.ok(op="group_create", channel="jobs", group="g")
    _publish(client, 5, ttl_ms=HOUR_MS)
    messages = take(client, "jobs", group="g", max=5)
    _settle(client, "nack", messages[:2])
    _settle(client, "nack", messages[2:3], delay_ms=HOUR_MS)
    _publish(client, 2, ttl_ms=HOUR_MS, front=True)
    assert _group(client) == (5, 2)
    _expire(store, client, 2, 3, 7)
    assert _group(client) == (2, 2)
    peeked = client.ok(op="peek", channel="jobs", group="g", max=10)["messages"]
    assert [envelope[0] for _, envelope in peeked] == [6, 1]
    assert client.ok(op="flush", channel="jobs", before=8, dry_run=True)["at_risk"] == {"jobs": {"g": 4}}
    assert ids(take(client, "jobs", group="g", max=10)) == [6, 1]


def test_it_holds_no_floor_back(lab, server, store):
    client = lab.bridge(server, channels=[{"match": "*", "retain": "acked"}]).client()
    client.ok(op="group_create", channel="jobs", group="g")
    _publish(client, 3, ttl_ms=HOUR_MS)
    messages = take(client, "jobs", group="g", max=3)
    _settle(client, "nack", messages[:1])
    _publish(client, 1, ttl_ms=HOUR_MS, front=True)
    _expire(store, client, 1, 4)
    _settle(client, "ack", messages[1:])
    eventually(lambda: client.ok(op="status", channel="jobs")["channels"]["jobs"]["floor"] == 5, "the floor")


def test_a_redriven_letter_outlives_its_message(client, store):
    _publish(client, 2, ttl_ms=HOUR_MS)
    messages = take(client, "jobs", group="g", max=2)
    _settle(client, "bury", messages[:1])
    _settle(client, "nack", messages[1:])
    client.ok(op="redrive", channel="jobs", group="g", all=True)
    _expire(store, client, 1, 2)
    assert _group(client) == (1, 0)
    assert ids(take(client, "jobs", group="g", max=2)) == [1]
