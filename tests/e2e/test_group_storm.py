"""Ops of all kinds on one group at once, at two bridges: each is answered clearly, and nothing is left half done."""

import random

import pytest

CLEAR = ("unsafe", "not_found")


def _request(dice, taken):
    """Some op on the group; settles what was taken."""
    group = {"channel": "jobs", "group": "g"}
    item = dice.choice(taken) if taken else [1, 1]
    return dice.choice([
        {"op": "publish", "messages": [["jobs", b"x"]] * dice.randint(1, 20)},
        {"op": "publish", "channel": "jobs", "payload": b"x", "headers": {"front": True}},
        {"op": "take", "channels": ["jobs"], "group": "g", "max": dice.randint(1, 30), "lease_ms": 600000},
        {"op": "take", "channels": ["jobs"], "group": "g", "max": 5, "lease_ms": 600000, "create": False},
        {"op": dice.choice(["ack", "nack", "bury", "touch"]), **group, "items": [item]},
        {"op": dice.choice(["ack", "nack", "bury"]), **group, "lease": item[1]},
        {"op": "redrive", **group, "all": True},
        {"op": "flush", "channel": "jobs", "before": dice.randint(1, 400), "force": dice.random() < 0.5},
        {"op": "flush", "pattern": "job*", "all": True, "force": dice.random() < 0.2},
        {"op": "group_seek", **group, "start": dice.choice(["first", "last", dice.randint(1, 400)])},
        {"op": "group_delete", **group, "force": dice.random() < 0.2},
        {"op": dice.choice(["pause", "resume"]), "channel": "jobs"},
        {"op": dice.choice(["pause", "resume"]), **group},
        {"op": "replay", "channel": "jobs", "limit": 1000},
        {"op": "pending", **group}, {"op": "dead", **group}, {"op": "peek", **group, "max": 50},
        {"op": "status", "channel": "jobs"},
    ])


def _drain(client):
    """Takes all that can be taken, and returns the ids."""
    ids = []
    while True:
        messages = client.ok(op="take", channels=["jobs"], group="g", max=1000, lease_ms=600000)["messages"]
        if not messages:
            return ids
        ids += [message[1][0] for message in messages]


@pytest.mark.fault(16)
@pytest.mark.parametrize("round_", range(3))
def test_ops_at_once_are_answered_and_leave_sound_numbers(lab, server, round_):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice, clients, taken = random.Random(seed), [lab.bridge(server).client() for _ in range(2)], []
    for _ in range(40):
        asked = [(client, client.send(**_request(dice, taken))) for client in clients for _ in range(10)]
        for client, seq in asked:
            reply = client.reply(seq)
            assert reply["ok"] or reply["code"] in CLEAR, reply
            for message in reply.get("messages", []):
                if len(message) == 4:
                    taken.append([message[1][0], message[2]])
        del taken[:-200]
    client = clients[0]
    client.ok(op="group_create", channel="jobs", group="g")
    for who in ({}, {"group": "g"}):
        client.ok(op="resume", channel="jobs", **who)
    _expect_sound(client)


def _expect_sound(client):
    channel = client.ok(op="status", channel="jobs")["channels"]["jobs"]
    group = channel["groups"]["g"]
    held = [lease[0] for lease in client.ok(op="pending", channel="jobs", group="g", max=100000)["leases"]]
    dead = [message[1][0] for message in client.ok(op="dead", channel="jobs", group="g", max=10000)["messages"]]
    shown = [message[1][0] for message in client.ok(op="peek", channel="jobs", group="g", max=10000)["messages"]]
    assert (group["leased"], group["dead"]) == (len(held), len(dead))
    drained = _drain(client)
    assert drained == shown
    assert group["waiting"] == len(drained)
    assert len(set(held) | set(dead) | set(drained)) == len(held) + len(dead) + len(drained)
    after = client.ok(op="status", channel="jobs")["channels"]["jobs"]["groups"]["g"]
    assert (after["waiting"], after["leased"], after["dead"]) == (0, len(held) + len(drained), len(dead))
    assert after["cursor"] == channel["head"]
