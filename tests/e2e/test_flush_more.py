"""flush by time and by glob, and without doing it: exact counts, also across holes and within members."""

import pytest

from harness import log
from harness.wait import eventually

T = 1600000000000
TIMES = [T, T, T + 1, T + 1, T + 1, T + 5, T + 6, T + 6, T + 9, T + 9]


def _ids(client, channel, **options):
    return [message[0] for message in client.replay_all(channel, **options)]


def _fill(client, channel, count):
    client.publish(channel, *[b"%d" % id_ for id_ in range(1, count + 1)])


@pytest.mark.parametrize("per_member", [1, 2, 3, 10])
@pytest.mark.parametrize("before_ms", [1, *range(T, T + 11), 2**53])
def test_what_is_older_goes_and_nothing_else(client, store, per_member, before_ms):
    log.lay(store, "orders", TIMES, per_member)
    older = sum(time_ms < before_ms for time_ms in TIMES)
    for dry_run in (True, False):
        reply = client.ok(op="flush", channel="orders", before_ms=before_ms, dry_run=dry_run)
        assert reply["flushed"] == older
        assert reply["channels"] == ({"orders": older} if older else {})
        assert reply["at_risk"] == {}
        assert _ids(client, "orders", limit=3) == list(range(1 if dry_run else older + 1, 11))
    #  Members that hold what must stay stay whole.
    left = (10 + per_member - 1) // per_member - older // per_member if older < 10 else 0
    eventually(lambda: len(log.raw_members(store, "orders")) == left, "the freeing")
    assert client.ok(op="flush", channel="orders", before_ms=before_ms)["flushed"] == 0
    assert _ids(client, "orders") == list(range(older + 1, 11))


def test_flushes_by_id_and_by_time_go_together(client, store):
    log.lay(store, "orders", TIMES)
    assert client.ok(op="flush", channel="orders", before=5)["flushed"] == 4
    assert client.ok(op="flush", channel="orders", before_ms=T + 1)["flushed"] == 0
    assert client.ok(op="flush", channel="orders", before_ms=T + 6)["flushed"] == 2
    assert client.ok(op="flush", channel="orders", before_ms=T + 10)["flushed"] == 4
    assert client.ok(op="flush", channel="orders", before_ms=T + 10)["flushed"] == 0


def test_a_dry_run_changes_nothing(client, store):
    for channel in ("a", "b"):
        _fill(client, channel, 10)
    before = {key: store.dump(key) for key in store.scan_iter("zrb:{*")}
    for what in ({"before": 4}, {"all": True}, {"before_ms": 2**53}):
        count = 3 if "before" in what else 10
        for where, channels in (({"channel": "a"}, ["a"]), ({"pattern": "*"}, ["a", "b"])):
            reply = client.ok(op="flush", dry_run=True, **what, **where)
            assert (reply["flushed"], reply["channels"]) == (count * len(channels), {name: count for name in channels})
    assert {key: store.dump(key) for key in store.scan_iter("zrb:{*")} == before
    assert client.ok(op="flush", pattern="*", all=True)["flushed"] == 20


def test_force_is_taken_where_nothing_is_at_risk(client):
    _fill(client, "orders", 3)
    reply = client.ok(op="flush", channel="orders", all=True, force=True)
    assert (reply["flushed"], reply["at_risk"]) == (3, {})


def test_all_that_match_are_flushed_and_no_other(client):
    names = ["orders.a", "orders.b", "orders", "orders-a", "invoices.a"]
    for count, name in enumerate(names, 1):
        _fill(client, name, count)
    reply = client.ok(op="flush", pattern="orders.*", all=True)
    assert (reply["flushed"], reply["channels"]) == (3, {"orders.a": 1, "orders.b": 2})
    assert [len(_ids(client, name)) for name in names] == [0, 0, 3, 4, 5]
    reply = client.ok(op="flush", pattern="*", before=3)
    assert (reply["flushed"], reply["channels"]) == (6, {"orders": 2, "orders-a": 2, "invoices.a": 2})
    assert [_ids(client, name) for name in names] == [[], [], [3], [3, 4], [3, 4, 5]]
    assert client.ok(op="flush", pattern="x*", all=True)["flushed"] == 0


def test_by_glob_and_time(client, store):
    for channel, shift in (("a", 0), ("b", 3), ("c", 100)):
        log.lay(store, channel, [time_ms + shift for time_ms in TIMES])
    reply = client.ok(op="flush", pattern="[abc]", before_ms=T + 4)
    assert (reply["flushed"], reply["channels"]) == (7, {"a": 5, "b": 2})
    assert [_ids(client, name)[0] for name in "abc"] == [6, 3, 1]


def test_a_glob_never_flushes_the_bridges_own_channels(bridge, client):
    bridge.push().send_multipart([b"a b", b"x"])
    eventually(lambda: client.ok(op="peek", channel="$rejected")["messages"], "the rejected one")
    for pattern in ("*", "$*", "$rejected", "[$]*"):
        reply = client.ok(op="flush", pattern=pattern, all=True)
        assert (reply["flushed"], reply["channels"]) == (0, {})
    assert len(_ids(client, "$rejected")) == 1


def test_a_payload_never_makes_a_channel_match(client):
    client.publish("a", b"orders.b", b"-", b"*")
    for pattern in ("orders*", "-*", "[-]", "b"):
        assert client.ok(op="flush", pattern=pattern, all=True)["flushed"] == 0


def test_more_channels_than_a_replay_takes(lab, server):
    client = lab.bridge(server, bridge={"log_level": "info"}).client()
    for first in range(0, 3000, 1000):
        client.ok(op="publish", messages=[[f"n{number:04}", b"x"] for number in range(first, first + 1000)])
    client.publish("other", b"x")
    for dry_run in (True, False):
        reply = client.ok(op="flush", pattern="n*", all=True, dry_run=dry_run)
        assert reply["flushed"] == 3000
        assert reply["channels"] == {f"n{number:04}": 1 for number in range(3000)}
    assert client.ok(op="flush", pattern="*", all=True)["channels"] == {"other": 1}


@pytest.fixture
def jumped(lab):
    """A client, and a channel `orders` of 1, 2, 3, a hole, and three more: their ids."""
    server = lab.redis(fsync="always")
    client = lab.bridge(server).client()
    client.publish("orders", b"1", b"2", b"3")
    server.restart()
    eventually(lambda: client.ask(op="publish", channel="orders", payload=b"4")["ok"], "the way back")
    client.publish("orders", b"5", b"6")
    ids = _ids(client, "orders")
    assert len(ids) == 6 and ids[3] > 4
    return client, ids


def test_holes_are_not_counted(jumped):
    client, ids = jumped
    counts = {2: 1, 3: 2, 4: 3, 5: 3, ids[3] - 1: 3, ids[3]: 3, ids[3] + 1: 4, ids[5]: 5, ids[5] + 1: 6, 2**53: 6}
    for before, count in counts.items():
        assert client.ok(op="flush", channel="orders", before=before, dry_run=True)["flushed"] == count, before
    assert client.ok(op="flush", pattern="orders", all=True, dry_run=True)["flushed"] == 6
    done = 0
    for before, count in counts.items():
        assert client.ok(op="flush", channel="orders", before=before)["flushed"] == count - done, before
        done = count
        assert _ids(client, "orders") == ids[count:]


def test_a_flush_by_time_across_a_hole(jumped):
    client, ids = jumped
    times = [message[1] for message in client.replay_all("orders")]
    assert times[2] < times[3]
    for before_ms, count in ((times[2] + 1, 3), (times[3], 3), (times[5] + 1, 6)):
        assert client.ok(op="flush", channel="orders", before_ms=before_ms, dry_run=True)["flushed"] == count
    assert client.ok(op="flush", channel="orders", before_ms=times[3])["flushed"] == 3
    reply = client.ok(op="replay", channel="orders")
    assert [envelope[0] for _, envelope in reply["messages"]] == ids[3:]
    #  What was flushed and what was never there.
    assert reply["gaps"] == [["orders", 1, 3, "flushed"], ["orders", 4, ids[3] - 1, "jumped"]]


def test_a_flush_of_a_hundred_thousand_by_time_is_seen_at_once(client, store):
    log.lay(store, "orders", [T + number for number in range(100000)])
    assert client.ok(op="flush", channel="orders", before_ms=T + 99000)["flushed"] == 99000
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert (status["count"], status["floor"], status["head"]) == (1000, 99001, 100000)
    eventually(lambda: log.count(store, "orders") == 1000, "the freeing", 60)
    assert _ids(client, "orders") == list(range(99001, 100001))


def test_a_flush_that_fails_on_the_way_says_that_it_is_not_known(client, store):
    for channel in "abc":
        _fill(client, channel, 5)
    store.rename(log.key("b", "meta"), "aside")
    store.set(log.key("b", "meta"), "not a hash")
    reply = client.ask(op="flush", pattern="*", before=3)
    assert (reply["code"], reply["retry_ms"] > 0) == ("unknown_outcome", True)
    assert client.ask(op="flush", channel="b", before=3)["code"] == "unavailable"
    assert client.ask(op="flush", pattern="b", before=3, dry_run=True)["code"] == "unavailable"
    store.rename("aside", log.key("b", "meta"))
    assert client.ok(op="flush", pattern="*", before=3)["channels"]["b"] == 2
    assert [_ids(client, channel) for channel in "abc"] == [[3, 4, 5]] * 3
