"""take: each message to one taker of a group, in order, from channels in order of priority."""

import pytest
from harness import log
from harness.wait import eventually
from harness.wire import pack, raw_messages
from harness.work import ids, payloads, settle, take


def _publish(client, channel, count, first=1):
    return client.publish(channel, *(b"%d" % number for number in range(first, first + count)))


def test_a_take_brings_the_oldest_message_as_it_is_stored(client, store):
    client.ok(op="publish", channel="jobs", payload=b"a", headers={"k": [1, None]})
    client.publish("jobs", b"b")
    raw = client.raw(op="take", channels=["jobs"])
    (_, stored), _ = log.members(store, "jobs")
    assert raw_messages(raw) == [("jobs", stored)]


def test_messages_come_once_in_order_with_their_lease(client):
    _publish(client, "jobs", 5)
    now_ms = client.ok(op="ping")["now_ms"]
    reply = client.ok(op="take", channels=["jobs"], max=3, lease_ms=60000)
    assert [envelope[0] for _, envelope, _, _ in reply["messages"]] == [1, 2, 3]
    leases = {lease for _, _, lease, _ in reply["messages"]}
    assert len(leases) == 1 and {attempt for _, _, _, attempt in reply["messages"]} == {1}
    assert now_ms + 60000 <= reply["deadline_ms"] <= client.ok(op="ping")["now_ms"] + 60000
    second = take(client, "jobs", max=10)
    assert ids(second) == [4, 5] and second[0][3] > leases.pop()
    empty = client.ok(op="take", channels=["jobs"], max=10)
    assert (empty["messages"], empty["deadline_ms"]) == ([], 0)


def test_three_takers_of_one_group_share_and_three_groups_get_all(bridge, client):
    takers = [bridge.client() for _ in range(3)]
    _publish(client, "jobs", 300)
    shares = [[], [], []]
    while sum(map(len, shares)) < 300:
        for taker, share in zip(takers, shares):
            share += ids(take(taker, "jobs", group="shared", max=7))
    assert sorted(sum(shares, [])) == list(range(1, 301)) and all(share == sorted(share) for share in shares)
    for taker, group in zip(takers, ("a", "b", "c")):
        assert ids(take(taker, "jobs", group=group, max=1000)) == list(range(1, 301))


def test_a_group_begins_with_the_oldest_message_that_is_stored(client):
    _publish(client, "jobs", 4)
    client.ok(op="flush", channel="jobs", before=3)
    assert ids(take(client, "jobs", max=10)) == [3, 4]


def test_the_first_channel_is_drained_before_the_second(client):
    _publish(client, "low", 3)
    _publish(client, "high", 2)
    messages = take(client, "high", "low", max=4)
    assert [(channel, id_) for channel, id_, _, _, _ in messages] == \
        [("high", 1), ("high", 2), ("low", 1), ("low", 2)]
    _publish(client, "high", 1, 3)
    assert [channel for channel, *_ in take(client, "high", "low", max=2)] == ["high", "low"]


def test_globs_take_in_the_order_of_names_and_each_channel_once(client):
    for channel in ("jobs.c", "jobs.a", "jobs.b", "other", "jobs"):
        _publish(client, channel, 1)
    messages = take(client, "jobs.b", "jobs.*", "[j]obs*", max=100)
    assert [channel for channel, *_ in messages] == ["jobs.b", "jobs.a", "jobs.c", "jobs"]
    assert take(client, "jobs.b", "jobs*", max=100) == []


def test_a_glob_takes_from_more_channels_than_a_page_but_not_from_too_many(client):
    for first in (0, 500):
        client.ok(op="publish", messages=[[f"c{number}", b"x"] for number in range(first, first + 500)])
    assert len(take(client, "c*", max=2000)) == 1000
    client.publish("c1000", b"x")
    reply = client.ask(op="take", channels=["c*"])
    assert (reply["code"], reply["message"]) == ("bad_request", "channels: match more than 1000 channels")


def test_a_channel_that_is_not_there_gives_nothing(client):
    assert take(client, "nobody", "no*", max=5) == []


def test_without_create_a_group_stays_away(client):
    _publish(client, "jobs", 2)
    assert take(client, "jobs", group="new", create=False) == []
    assert ids(take(client, "jobs", group="new")) == [1]
    assert ids(take(client, "jobs", group="new", create=False)) == [2]


def test_at_most_once_is_never_delivered_again(client):
    _publish(client, "jobs", 3)
    reply = client.ok(op="take", channels=["jobs"], max=2, ack="none")
    assert [(envelope[0], lease, attempt) for _, envelope, lease, attempt in reply["messages"]] == \
        [(1, 0, 1), (2, 0, 1)] and reply["deadline_ms"] == 0
    assert ids(take(client, "jobs", max=5)) == [3]


def test_front_comes_before_all_that_waits_the_newer_first(client):
    _publish(client, "jobs", 3)
    first = take(client, "jobs")
    settle(client, "nack", "jobs", first)
    for payload in (b"f1", b"f2"):
        client.ok(op="publish", channel="jobs", payload=payload, headers={"front": True})
    assert payloads(take(client, "jobs", max=10)) == [b"f2", b"f1", b"1", b"2", b"3"]


def test_any_bytes_come_as_they_were_sent(client):
    sent = [b"", b"\0", b"a\nb", bytes(range(256)), b"x" * 1048576]
    for payload in sent:
        client.publish("jobs", payload)
    assert payloads(take(client, "jobs", max=10)) == sent


def test_what_does_not_fit_the_reply_goes_back_uncounted(lab, server):
    client = lab.bridge(server, control={"max_reply_bytes": 65536}).client()
    for number in range(20):
        client.publish("jobs", b"%d" % number * 10000)
    got = []
    while len(got) < 20:
        messages = take(client, "jobs", max=20)
        assert 1 <= len(messages) < 8 and {attempt for *_, attempt in messages} == {1}
        got += ids(messages)
        #  The rest is on its way back.
        eventually(lambda: server.client().hget("zrb:{jobs}:group:default", "leased") == b"%d" % len(got), "the rest")
    assert got == list(range(1, 21))


def test_a_message_larger_than_a_reply_comes_alone(lab, server):
    client = lab.bridge(server, control={"max_reply_bytes": 65536}).client()
    client.publish("jobs", b"x" * 200000, b"y")
    assert payloads(take(client, "jobs", max=2)) == [b"x" * 200000]


@pytest.mark.parametrize("per_member", [1, 3, 64])
@pytest.mark.parametrize("step", [1, 2, 7, 100])
def test_members_of_several_envelopes_are_taken_one_by_one(client, store, per_member, step):
    log.lay(store, "jobs", [1000 + number for number in range(100)], per_member)
    got = []
    while len(got) < 100:
        messages = take(client, "jobs", max=step)
        assert len(messages) == min(step, 100 - len(got))
        got += messages
    assert ids(got) == list(range(1, 101)) and payloads(got) == [b"%d" % number for number in range(1, 101)]


def test_pieces_of_packed_members_come_in_the_order_of_delivery(client, store):
    log.lay(store, "jobs", [1000] * 60, per_member=16)
    messages = take(client, "jobs", max=50)
    back = [message for message in messages if message[1] % 5 in (0, 1)]
    settle(client, "nack", "jobs", back)
    again = take(client, "jobs", max=100)
    assert ids(again) == [*sorted(ids(back)), *range(51, 61)]
    assert payloads(again) == [b"%d" % id_ for id_ in ids(again)]


def test_many_messages_in_one_take(client):
    for first in range(1, 10001, 1000):
        _publish(client, "jobs", 1000, first)
    messages = take(client, "jobs", max=10000)
    assert ids(messages) == list(range(1, 10001)) and len({lease for *_, lease, _ in messages}) == 1


def test_holes_are_passed_over(client, store):
    log.lay(store, "jobs", [1000] * 3)
    log.lay(store, "jobs", [1000] * 3, first=10)
    store.hset("zrb:{jobs}:meta", "head", 12)
    store.zadd("zrb:{jobs}:gaps", {"4 9 jumped": 9})
    assert ids(take(client, "jobs", max=2)) == [1, 2]
    assert ids(take(client, "jobs", max=3)) == [3, 10, 11]
    assert ids(take(client, "jobs", max=3)) == [12]


def test_rejected_messages_can_be_worked_on(bridge, client):
    bridge.push().send_multipart([b"bad name", b"payload"])
    messages = eventually(lambda: take(client, "$rejected"), "the rejected one")
    assert payloads(messages) == [b"payload"]
    assert settle(client, "ack", "$rejected", messages) == ([1], [], [])


def test_req_takes_works_and_acks(bridge, client):
    _publish(client, "jobs", 3)
    req = bridge.req()
    for number in (1, 2, 3):
        req.send(pack({"op": "take", "channels": ["jobs"]}))
        (channel, envelope), = raw_messages(req.recv())
        assert channel == "jobs" and envelope[-1:] == b"%d" % number
