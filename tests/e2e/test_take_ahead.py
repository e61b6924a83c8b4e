"""Takes that follow each other: what the next one brings is read along with it, and a wrong guess is never told."""

import pytest
from harness.work import ids, payloads, settle, take, taken

COUNT = 400


@pytest.fixture
def follow(client):
    """Publishes, takes often enough that the next take is guessed at, and expects each take to bring what it must."""
    client.publish("jobs", *(b"%d" % number for number in range(1, COUNT + 1)))

    def expect(first, count, most=None, **options):
        messages = take(client, "jobs", max=most or count, **options)
        assert ids(messages) == list(range(first, first + count))
        assert payloads(messages) == [b"%d" % number for number in ids(messages)]
        return messages

    for first in (1, 8, 15):
        expect(first, 7)
    return expect


def _reads(store):
    return store.info("commandstats")["cmdstat_zrangebyscore"]["calls"]


def test_takes_of_any_size_follow_each_other(follow):
    first = 22
    for size in (7, 1, 90, 3, 100, 11):
        follow(first, size)
        first += size
    follow(first, COUNT - first + 1, most=1000)
    assert follow(COUNT + 1, 0, most=5) == []


def test_what_follows_is_read_once(follow, store):
    costs = []
    for first in range(22, 72, 5):
        before = _reads(store)
        follow(first, 5)
        costs.append(_reads(store) - before)
    assert min(costs) == 1  #  the keeper reads too, now and then


def test_takes_from_a_paused_group_read_nothing_in_vain(client, follow, store):
    client.ok(op="pause", channel="jobs", group="default")
    costs = []
    for _ in range(10):
        before = _reads(store)
        follow(22, 0, most=5)
        costs.append(_reads(store) - before)
    assert sorted(costs)[5] == 0, costs
    client.ok(op="resume", channel="jobs", group="default")
    for first in range(22, 62, 5):
        follow(first, 5)


def test_what_came_back_is_delivered_first(client, follow):
    messages = follow(22, 7)
    settle(client, "nack", "jobs", messages)
    assert ids(take(client, "jobs", max=10)) == [22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
    for first in (32, 39, 46, 53):
        follow(first, 7)


def test_another_bridge_takes_between(lab, server, client, follow):
    other = lab.bridge(server).client()
    first = 22
    for size in (5, 3, 8, 2, 6):
        assert ids(take(other, "jobs", max=size)) == list(range(first, first + size))
        follow(first + size, 7)
        first += size + 7


def test_takes_under_way_at_once_share(client, follow):
    seqs = [client.send(op="take", channels=["jobs"], max=9) for _ in range(10)]
    replies = [taken(client.reply(seq)) for seq in seqs]
    assert ids(sum(replies, [])) == list(range(22, 112))
    assert payloads(sum(replies, [])) == [b"%d" % number for number in range(22, 112)]
    follow(112, 7)


def test_the_guessed_ones_are_flushed(client, follow):
    client.ok(op="flush", channel="jobs", before=50, force=True)
    follow(50, 7)
    client.ok(op="flush", channel="jobs", all=True, force=True)
    assert follow(COUNT + 1, 0, most=5) == []
    client.publish("jobs", b"%d" % (COUNT + 1))
    follow(COUNT + 1, 1, most=5)


def test_scripts_that_vanish_do_not_mix_up_what_is_read(follow, store):
    for first in range(22, 92, 7):
        store.script_flush()
        follow(first, 7)


def test_a_group_of_the_same_channel_is_guessed_apart(follow):
    for first in (1, 6, 11, 16):
        follow(first, 5, group="other")
    follow(22, 7)
