"""ack, nack, touch, bury, release: what is done, what was already, and what is another's."""

import pytest
from harness.wait import eventually
from harness.work import ids, items, payloads, settle, settled, take


@pytest.fixture
def jobs(client):
    """Ten messages; how to take them."""
    client.publish("jobs", *(b"%d" % number for number in range(1, 11)))
    return client


def _lapse(store):
    """Waits until nothing of the group is leased any more."""
    eventually(lambda: store.hget("zrb:{jobs}:group:default", "leased") == b"0", "the lease to run out")


#  ack

def test_the_first_ack_is_done_the_second_already(jobs):
    message = take(jobs, "jobs")
    assert settle(jobs, "ack", "jobs", message) == ([1], [], [])
    assert settle(jobs, "ack", "jobs", message) == ([], [1], [])


def test_a_batch_says_which(jobs):
    first, second = take(jobs, "jobs", max=3), take(jobs, "jobs", max=2)
    settle(jobs, "ack", "jobs", first[1:2])
    wrong = [[4, first[0][3]], [9, first[0][3]], [1000, first[0][3]]]
    reply = jobs.ok(op="ack", channel="jobs", items=items(first) + items(second[1:]) + wrong)
    assert settled(reply) == ([1, 3, 5], [2], [4, 9, 1000])
    assert settle(jobs, "ack", "jobs", second[:1]) == ([4], [], [])


def test_a_whole_lease_by_its_number(jobs):
    messages = take(jobs, "jobs", max=4)
    settle(jobs, "ack", "jobs", messages[1:2])
    lease = messages[0][3]
    assert settled(jobs.ok(op="ack", channel="jobs", lease=lease)) == ([1, 3, 4], [], [])
    assert settled(jobs.ok(op="ack", channel="jobs", lease=lease)) == ([], [], [])
    assert settled(jobs.ok(op="ack", channel="jobs", lease=5)) == ([], [], [])


def test_items_of_several_channels_are_told_with_their_channels(jobs):
    jobs.publish("other", b"a", b"b")
    messages = take(jobs, "other", "jobs", max=4)
    mixed = [[channel, id_, lease] for channel, id_, _, lease, _ in messages]
    reply = jobs.ok(op="ack", items=mixed[::-1] + [["nobody", 1, 1]])
    assert sorted(reply["done"]) == [["jobs", 1], ["jobs", 2], ["other", 1], ["other", 2]]
    assert (reply["already"], reply["stale"]) == ([], [["nobody", 1]])
    again = jobs.ok(op="ack", items=mixed)
    assert sorted(again["already"]) == sorted(reply["done"]) and again["done"] == []


def test_ten_thousand_items_in_one_request(client):
    for _ in range(10):
        client.publish("jobs", *[b"x"] * 1000)
    messages = take(client, "jobs", max=10000)
    reply = client.ok(op="ack", channel="jobs", items=items(messages)[::-1])
    assert settled(reply) == (list(range(1, 10001)), [], [])
    assert take(client, "jobs", max=1) == []


def test_what_was_taken_at_one_bridge_is_settled_at_another(lab, server, jobs):
    other = lab.bridge(server).client()
    messages = take(jobs, "jobs", max=2)
    assert settle(other, "ack", "jobs", messages) == ([1, 2], [], [])
    assert settle(jobs, "ack", "jobs", messages) == ([], [1, 2], [])


def test_groups_settle_each_for_itself(jobs):
    first, second = take(jobs, "jobs", group="a"), take(jobs, "jobs", group="b")
    assert settle(jobs, "ack", "jobs", first, group="b") == ([], [], [1])
    assert settle(jobs, "ack", "jobs", first, group="a") == ([1], [], [])
    assert settle(jobs, "ack", "jobs", second, group="b") == ([1], [], [])


def test_what_was_flushed_is_already(jobs):
    messages = take(jobs, "jobs", max=3)
    jobs.ok(op="flush", channel="jobs", all=True, force=True)
    assert settle(jobs, "ack", "jobs", messages) == ([], [1, 2, 3], [])


#  A lease that runs out

def test_a_late_ack_counts_until_the_message_is_given_to_another(jobs, store):
    first = take(jobs, "jobs", max=2, lease_ms=1)
    _lapse(store)
    assert settle(jobs, "ack", "jobs", first[:1]) == ([1], [], [])
    again = take(jobs, "jobs", lease_ms=600000)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(2, 2)]
    assert settle(jobs, "ack", "jobs", first) == ([], [1], [2])
    assert settle(jobs, "ack", "jobs", again) == ([2], [], [])


def test_a_late_nack_or_touch_never_touches_the_next_holder(jobs, store):
    first = take(jobs, "jobs", lease_ms=1)
    _lapse(store)
    again = take(jobs, "jobs", lease_ms=600000)
    for op in ("nack", "touch", "bury", "ack"):
        assert settle(jobs, op, "jobs", first) == ([], [], [1]), op
    assert settle(jobs, "ack", "jobs", again) == ([1], [], [])


#  nack

def test_what_was_given_back_comes_before_what_never_was_delivered(jobs):
    messages = take(jobs, "jobs", max=4)
    assert settle(jobs, "nack", "jobs", [messages[2], messages[1]]) == ([2, 3], [], [])
    again = take(jobs, "jobs", max=4)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(2, 2), (3, 2), (5, 1), (6, 1)]


def test_a_nacked_message_comes_with_a_full_lease(jobs):
    first = take(jobs, "jobs", lease_ms=600000)
    settle(jobs, "nack", "jobs", first)
    reply = jobs.ok(op="take", channels=["jobs"], lease_ms=600000)
    assert reply["deadline_ms"] >= jobs.ok(op="ping")["now_ms"] + 500000


def test_a_delayed_nack_comes_when_the_delay_is_over(jobs):
    first = take(jobs, "jobs")
    now_ms = jobs.ok(op="ping")["now_ms"]
    settle(jobs, "nack", "jobs", first, delay_ms=300)
    assert ids(take(jobs, "jobs", max=100, lease_ms=600000)) == list(range(2, 11))
    again = take(jobs, "jobs", wait_ms=30000)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(1, 2)]
    assert jobs.ok(op="ping")["now_ms"] >= now_ms + 300


def test_a_nack_after_the_last_delivery_makes_it_dead(jobs):
    for attempt in range(1, 11):
        message = take(jobs, "jobs", consumer="me")
        assert [(id_, number) for _, id_, _, _, number in message] == [(1, attempt)]
        settle(jobs, "nack", "jobs", message, reason="no luck")
    assert ids(take(jobs, "jobs")) == [2]
    assert settle(jobs, "ack", "jobs", message) == ([], [], [1])


#  touch

def test_touch_extends_from_now(jobs):
    first = take(jobs, "jobs", max=2, lease_ms=60000)
    reply = jobs.ok(op="touch", channel="jobs", items=items(first[:1]), lease_ms=600000)
    assert settled(reply) == ([1], [], []) and reply["deadline_ms"] >= jobs.ok(op="ping")["now_ms"] + 500000
    settle(jobs, "ack", "jobs", first)
    again = jobs.ok(op="touch", channel="jobs", items=items(first))
    assert settled(again) == ([], [1, 2], []) and again["deadline_ms"] == 0


def test_a_touched_lease_outlives_its_first_deadline(client):
    client.publish("jobs", b"1", b"2", b"3")
    first = take(client, "jobs", max=2, lease_ms=1500)
    assert settled(client.ok(op="touch", channel="jobs", lease=first[0][3], lease_ms=600000)) == ([1, 2], [], [])
    take(client, "jobs", lease_ms=3000)
    #  A lease that was given later has run out.
    assert [(id_, attempt) for _, id_, _, _, attempt in take(client, "jobs", wait_ms=60000)] == [(3, 2)]
    assert settle(client, "ack", "jobs", first) == ([1, 2], [], [])


#  bury

def test_what_is_buried_is_delivered_no_more(jobs):
    messages = take(jobs, "jobs", max=2)
    assert settle(jobs, "bury", "jobs", messages[:1], reason="poison") == ([1], [], [])
    assert settle(jobs, "ack", "jobs", messages) == ([2], [], [1])
    assert ids(take(jobs, "jobs", max=100)) == list(range(3, 11))


#  release

def test_release_gives_back_all_of_a_consumer_uncounted(jobs):
    take(jobs, "jobs", max=2, consumer="me")
    take(jobs, "jobs", max=2, consumer="you")
    take(jobs, "jobs", max=2, consumer="me")
    assert jobs.ok(op="release", channel="jobs", consumer="me")["released"] == 4
    assert jobs.ok(op="release", channel="jobs", consumer="me")["released"] == 0
    again = take(jobs, "jobs", max=100)
    assert [(id_, attempt) for _, id_, _, _, attempt in again] == [(id_, 1) for id_ in (1, 2, 5, 6, 7, 8, 9, 10)]


def test_release_of_more_than_one_step(client):
    for _ in range(3):
        client.publish("jobs", *[b"x"] * 1000)
    for _ in range(30):
        take(client, "jobs", max=100, consumer="me")
    assert client.ok(op="release", channel="jobs", consumer="me")["released"] == 3000
    assert len(take(client, "jobs", max=1000)) == 1000


def test_settling_where_nothing_is_changes_nothing(client, store):
    assert settled(client.ok(op="ack", channel="nobody", items=[[1, 1]])) == ([], [], [1])
    assert settled(client.ok(op="nack", channel="nobody", lease=7)) == ([], [], [])
    assert client.ok(op="release", channel="nobody", consumer="me")["released"] == 0
    assert [key for key in store.keys("zrb:{nobody}*")] == []


def test_a_stale_worker_and_a_good_one(jobs):
    """Payloads are worked exactly once when workers mind what ack tells."""
    worked = []
    while len(worked) < 10:
        for message in take(jobs, "jobs", max=3):
            if message[1] % 4 == 0 and message[4] == 1:
                settle(jobs, "nack", "jobs", [message])
            elif settle(jobs, "ack", "jobs", [message])[0]:
                worked += payloads([message])
    assert sorted(worked) == sorted(b"%d" % number for number in range(1, 11))
