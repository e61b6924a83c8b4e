"""The steps of a group, one by one, without a bridge: proto/KEYSPACE.md, Groups."""

import pytest
import redis

from harness.group import Group, envelope
from harness.wait import eventually


@pytest.fixture
def group(store):
    return Group(store)


def _empty(group, *but):
    """Nothing is left of what was leased or given back."""
    for what in {"ready", "later", "returned", "leases", "deadlines", "held", "of", "letters", "dead"} - set(but):
        assert not group.store.exists(group.key(what)), what
    assert group.leased == 0


def _lay_leases(group, count):
    """One a message, all of them due, as so many takes leave them."""
    group.store.eval("""for i = 1, ARGV[1] do
        redis.call('HSET', KEYS[1], i, '1 1 0 c ' .. i .. '-' .. i .. '*1')
        redis.call('ZADD', KEYS[2], 1, i)
        redis.call('ZADD', KEYS[3], i, i .. ' ' .. i .. ' ' .. i)
        redis.call('ZADD', KEYS[4], 0, 'c ' .. i)
    end
    redis.call('HSET', KEYS[5], 'cursor', ARGV[1], 'leased', ARGV[1])""", 5, *map(group.key, (
        "leases", "deadlines", "held", "of", "group")), count)


def test_a_take_gives_the_log_in_order_each_message_once(group):
    group.append(10)
    first, second = group.take(4), group.take(100)
    assert (first.state, first.runs, first.more) == ("ok", [(1, 4, 1)], 1)
    assert (second.runs, second.more) == ([(5, 10, 1)], 0)
    assert second.lease > first.lease > 0
    assert first.deadline_ms == first.now_ms + 3600000
    third = group.take(1)
    assert (third.state, third.lease, third.deadline_ms, third.runs) == ("ok", 0, 0, [])
    assert group.leased == 10


def test_a_take_makes_the_group_at_the_oldest_message_unless_told_otherwise(group):
    group.append(5)
    group.kill(2)
    assert group.take(create=False).state == "none"
    assert not group.store.exists(group.key("group"), group.base + "groups")
    assert group.take().ids == [3]
    assert group.store.zrange(group.base + "groups", 0, -1) == [b"g"]
    assert group.take(create=False).ids == [4]


def test_a_group_of_a_channel_that_is_yet_to_come_gets_its_first_message(group):
    assert group.take().ids == []
    group.append(1)
    assert group.take().ids == [1]


def test_a_whole_lease_is_acked_by_its_number_and_leaves_nothing(group):
    group.append(3)
    lease = group.take(3, consumer="c").lease
    assert group.ack(lease) == [[1, 2, 3], [], []]
    _empty(group)
    assert group.ack(lease) == [[], [], []]
    assert group.ack((1, lease), (2, lease)) == [[], [1, 2], []]


def test_partial_acks_split_the_runs(group):
    group.append(10)
    lease = group.take(10).lease
    assert group.ack((3, lease), (4, lease), (8, lease)) == [[3, 4, 8], [], []]
    assert group.store.zrange(group.key("held"), 0, -1) == [f"{first} {last} {lease}".encode()
                                                            for first, last in ((1, 2), (5, 7), (9, 10))]
    assert group.leased == 7
    assert group.ack((4, lease), (5, lease)) == [[5], [4], []]
    assert group.ack((1, lease), (10, lease)) == [[1, 10], [], []]
    assert group.ack(lease) == [[2, 6, 7, 9], [], []]
    _empty(group)


def test_items_of_several_leases_in_any_order_and_twice(group):
    group.append(6)
    one, two = group.take(3).lease, group.take(3).lease
    done, already, stale = group.ack((6, two), (1, one), (4, two), (6, two), (3, one), (2, two))
    assert (done, already, stale) == ([1, 3, 4, 6], [], [2])


@pytest.mark.parametrize("step", ["ack", "nack", "touch", "bury"])
def test_what_was_never_given_is_stale_and_changes_nothing(group, step):
    group.append(3)
    lease = group.take(1).lease
    before = group.store.hgetall(group.key("leases"))
    assert group.settle(step, (99, lease), (1, lease + 1), (2, lease), (1, 5)) == [[], [], [1, 1, 2, 99]]
    assert group.store.hgetall(group.key("leases")) == before
    assert group.take(5).ids == [2, 3]


@pytest.mark.parametrize("step", ["ack", "nack", "touch", "bury"])
def test_anothers_is_stale(group, step):
    group.append(1)
    late = group.lapsed()
    holder = group.take()
    assert holder.attempts == [(1, 2)]
    assert group.settle(step, (1, late.lease)) == [[], [], [1]]
    assert group.settle(step, late.lease) == [[], [], []]
    assert group.ack(holder.lease) == [[1], [], []]


@pytest.mark.parametrize("step", ["nack", "touch", "bury"])
def test_only_an_ack_counts_when_the_lease_ran_out(group, step):
    group.append(3)
    late = group.lapsed(3)
    assert group.settle(step, (2, late.lease)) == [[], [], [2]]
    assert group.settle(step, late.lease) == [[], [], [1, 2, 3]]
    assert group.take(3).attempts == [(1, 2), (2, 2), (3, 2)]


def test_a_late_ack_counts_until_the_message_is_anothers(group):
    group.append(5)
    late = group.lapsed(5)
    assert group.ack((2, late.lease)) == [[2], [], []]
    other = group.take(2)
    assert other.ids == [1, 3]
    assert group.ack((2, late.lease), (3, late.lease), (4, late.lease)) == [[4], [2], [3]]
    assert group.ack(late.lease) == [[5], [], []]
    assert group.ack(other.lease) == [[1, 3], [], []]
    assert group.take().ids == []
    _empty(group)


def test_a_nack_is_delivered_before_what_never_was(group):
    group.append(4)
    lease = group.take(2).lease
    assert group.nack((1, lease)) == [[1], [], []]
    assert group.ack((1, lease)) == [[], [], [1]]
    assert group.take(2).attempts == [(1, 2), (3, 1)]


def test_a_nack_with_a_delay_waits_until_it_is_due(group):
    group.append(2)
    lease = group.take(1).lease
    group.nack(lease, delay_ms=50)
    due = group.store.zscore(group.key("later"), 1)
    assert group.store.zscore(group.base + "timers", "group g") <= due
    assert group.ack((1, lease)) == [[], [], [1]]
    assert group.take(5).ids == [2]
    eventually(lambda: group.lapse()[0] == 1, "the delayed one")
    assert group.take(5).attempts == [(1, 2)]


def test_leases_run_out_in_steps(group):
    group.append(100)
    for _ in range(10):
        group.take(10, lease_ms=0)
    assert [group.lapse(35) for _ in range(3)] == [[35, 1], [35, 1], [30, 0]]
    assert group.store.zscore(group.base + "timers", "group g") is None
    assert group.leased == 0
    assert group.take(100).runs == [(1, 100, 2)]


def test_a_large_lease_runs_out_in_steps_and_a_late_ack_of_all_of_it_counts(group):
    group.append(30)
    lease = group.take(30, lease_ms=0).lease
    assert group.lapse(10) == [10, 1]
    assert group.ack((3, lease), (23, lease)) == [[3, 23], [], []]
    assert group.nack((4, lease), (24, lease)) == [[24], [], [4]]
    assert group.take(1).attempts == [(1, 2)]
    assert group.leased == 19
    group.lapse_all()
    assert group.ack(lease) == [[2, *range(4, 23), *range(25, 31)], [], []]
    assert group.take(9).attempts == [(24, 2)]


def test_a_timer_stands_for_the_next_lease_to_run_out(group):
    group.append(3)
    timer = group.base + "timers"
    first = group.take(lease_ms=60000)
    assert group.store.zscore(timer, "group g") == first.deadline_ms
    second = group.take(lease_ms=30000)
    assert group.store.zscore(timer, "group g") == second.deadline_ms
    group.take(lease_ms=90000)
    assert group.store.zscore(timer, "group g") == second.deadline_ms
    assert group.lapse() == [0, 0]
    assert group.store.zscore(timer, "group g") == second.deadline_ms
    group.ack(second.lease)
    assert group.lapse() == [0, 0]
    assert group.store.zscore(timer, "group g") == first.deadline_ms


def test_a_hundred_thousand_leases_run_out(group):
    group.append(100000, pack=1000)
    group.take(0)
    _lay_leases(group, 100000)
    assert group.leased == 100000
    steps = 0
    changed, left = group.lapse(200)
    while left:
        assert changed == 200
        steps += 1
        changed, left = group.lapse(200)
    assert steps in (499, 500)
    assert group.store.zcard(group.key("ready")) == group.store.hlen(group.key("leases")) == 100000
    got = [group.take(1000) for _ in range(100)]
    assert [id_ for taken in got for id_ in taken.ids] == list(range(1, 100001))
    assert group.store.hlen(group.key("leases")) == 100


def test_touch_extends_the_whole_lease(group):
    group.append(3)
    taken = group.take(3, lease_ms=1000)
    done, already, stale, deadline = group.touch((2, taken.lease), lease_ms=60000)
    assert (done, already, stale) == ([2], [], [])
    assert deadline >= taken.now_ms + 60000
    assert group.store.zscore(group.key("deadlines"), taken.lease) == deadline
    assert group.touch(taken.lease)[0] == [1, 2, 3]
    assert group.touch((2, 5))[3] == 0
    assert group.ack(taken.lease) == [[1, 2, 3], [], []]


def test_a_dead_letter_explains_itself(group):
    group.append(5, pack=5)
    lease = group.take(5, consumer="anna").lease
    assert group.bury((4, lease), reason="no such file") == [[4], [], []]
    assert group.letter(4) == (1, "anna", "no such file", envelope(4))
    assert group.ack((4, lease)) == [[], [], [4]]
    assert group.ack(lease) == [[1, 2, 3, 5], [], []]
    assert group.take(9).ids == []
    assert group.store.zrange(group.key("dead"), 0, -1) == [b"4"]


@pytest.mark.parametrize("reason, told", [("", "nack"), ("bad luck", "bad luck")])
def test_who_is_given_back_too_often_is_dead(group, reason, told):
    group.append(2)
    for _ in range(2):
        assert group.nack(group.take().lease, most=3) == [[1], [], []]
    assert group.nack(group.take().lease, most=3, reason=reason) == [[1], [], []]
    assert group.letter(1) == (3, "-", told, envelope(1))
    assert group.take(5).ids == [2]


def test_who_runs_out_too_often_is_dead_and_his_neighbours_are_not(group):
    group.append(3)
    group.nack((2, group.take(3).lease), most=0)
    group.lapsed(1)
    group.store.zadd(group.key("deadlines"), {group.store.zrange(group.key("deadlines"), 0, 0)[0]: 1})
    group.lapse_all(most=2)
    assert group.letter(2) is None
    assert group.take(9, lease_ms=0).attempts == [(1, 2), (2, 3), (3, 2)]
    group.lapse_all(most=3)
    assert group.letter(2) == (3, "-", "lease ran out", envelope(2))
    assert group.take(9).attempts == [(1, 3), (3, 3)]


def test_no_limit_of_deliveries(group):
    group.append(1)
    for attempt in range(1, 30):
        taken = group.take(lease_ms=0)
        assert taken.attempts == [(1, attempt)]
        group.lapse_all(most=0)


def test_a_redriven_letter_is_delivered_though_its_message_has_left_the_log(group):
    group.append(2)
    lease = group.take(2).lease
    group.bury(lease)
    group.kill(2)
    group.redrive(1)
    assert group.ack((1, lease)) == [[], [], [1]]
    taken = group.take(5)
    assert (taken.attempts, taken.letters) == ([(1, 1)], {1: envelope(1)})
    assert group.letter(1)
    group.nack(taken.lease)
    taken = group.take(5, lease_ms=0)
    assert (taken.attempts, taken.letters) == ([(1, 2)], {1: envelope(1)})
    group.lapse_all(most=2)
    assert group.letter(1) == (2, "-", "lease ran out", envelope(1))
    group.redrive(1)
    assert group.ack(group.take(5).lease) == [[1], [], []]
    assert group.letter(1) is None
    assert group.ack((1, lease)) == [[], [1], []]
    assert group.store.hkeys(group.key("letters")) == group.store.zrange(group.key("dead"), 0, -1) == [b"2"]


def test_a_release_counts_no_attempt(group):
    group.append(9)
    for _ in range(2):
        group.take(2, consumer="c")
    other = group.take(2, consumer="cc")
    assert group.run("release", "consumer", "c", 1) == [2, 1]
    assert group.run("release", "consumer", "c", 1) == [2, 0]
    assert group.run("release", "consumer", "c", 1) == [0, 0]
    assert group.leased == 2
    taken = group.take(5)
    assert taken.attempts == [(id_, 1) for id_ in (1, 2, 3, 4, 7)]
    assert group.run("release", "leases", taken.lease, other.lease, 7) == [7, 0]
    assert group.run("release", "leases", taken.lease) == [0, 0]
    taken = group.take(9)
    assert taken.attempts == [(id_, 1) for id_ in range(1, 10)]
    assert group.run("release", "items", 5, taken.lease, 8, taken.lease, 8, 3) == [2, 0]
    assert group.ack(taken.lease) == [[1, 2, 3, 4, 6, 7, 9], [], []]
    assert group.take(9).attempts == [(5, 1), (8, 1)]


def test_what_runs_out_is_not_released_again(group):
    group.append(2)
    taken = group.lapsed(2)
    assert group.run("release", "leases", taken.lease) == [0, 0]
    assert group.run("release", "items", 1, taken.lease) == [0, 0]
    assert group.take(2).runs == [(1, 2, 2)]


def test_front_is_delivered_first_the_newer_before_the_older(group):
    group.append(4)
    group.nack(group.take(1).lease)
    group.append(2, front=True)
    group.append(1)
    taken = group.take(9)
    assert taken.attempts == [(6, 1), (5, 1), (1, 2), (2, 1), (3, 1), (4, 1), (7, 1)]
    assert not group.store.exists(group.key("ahead"))
    group.nack((5, taken.lease), (6, taken.lease))
    assert group.take(9).attempts == [(5, 2), (6, 2)]


def test_front_that_is_settled_before_the_log_gets_there_stays_settled(group):
    group.append(3)
    group.take(0)
    group.append(1, front=True)
    group.append(1)
    taken = group.take(1)
    assert group.ack((4, taken.lease)) == [[4], [], []]
    assert group.ack((4, taken.lease), (5, taken.lease)) == [[], [4], [5]]
    assert group.take(9).ids == [1, 2, 3, 5]


def test_gaps_and_what_is_expired_are_skipped_without_their_neighbours(group):
    group.append(9)
    group.expire(1)
    group.expire(4)
    group.store.zadd(group.base + "ttl", {"6 1": 6, "7 99999999999999": 7})
    taken = group.take(9)
    assert taken.ids == [2, 3, 5, 7, 8, 9]
    assert group.ack((4, taken.lease), (6, taken.lease)) == [[], [4, 6], []]
    group.nack((2, taken.lease), (3, taken.lease), (8, taken.lease))
    group.expire(2)
    group.store.zadd(group.base + "ttl", {"8 1": 8})
    assert group.take(9).ids == [3]
    assert not group.store.exists(group.key("ready"), group.key("returned"))


def test_a_gap_at_the_head_is_passed(group):
    group.append(2)
    group.store.zadd(group.base + "gaps", {"2 900 jumped": 900})
    group.store.hset(group.base + "meta", "head", 1000)
    taken = group.take(5000)
    assert (taken.ids[0], taken.ids[1], taken.ids[-1], len(taken.ids)) == (1, 901, 1000, 101)


def test_a_take_bounds_its_work_and_says_that_there_is_more(group):
    group.append(1000, pack=1000)
    for id_ in range(2, 1000, 2):
        group.expire(id_)
    got, more, calls = [], 1, 0
    while more:
        taken = group.take(1000, ack_none=True)
        got += taken.ids
        more = taken.more
        calls += 1
    assert got == [*range(1, 1000, 2), 1000]
    assert calls > 1


def test_what_fell_behind_the_floor_is_nowhere_any_more(group):
    group.append(8)
    taken = group.take(4)
    late = group.lapsed(1)
    group.nack((1, taken.lease))
    group.kill(5)
    assert group.ack((1, taken.lease), (2, taken.lease)) == [[], [1, 2], []]
    assert group.ack((5, late.lease)) == [[], [5], []]
    assert group.nack(taken.lease) == [[], [3, 4], []]
    assert group.take(9).ids == [6, 7, 8]
    assert group.leased == 3
    assert not group.store.exists(group.key("ready"), group.key("returned"))


def test_a_lease_that_runs_out_behind_the_floor_is_dropped(group):
    group.append(4)
    group.take(4, lease_ms=0)
    group.kill(2)
    group.lapse_all(most=1)
    assert group.store.zrange(group.key("dead"), 0, -1) == [b"3", b"4"]
    _empty(group, "dead", "letters")


def test_ack_none_is_never_delivered_again(group):
    group.append(3)
    taken = group.take(2, ack_none=True)
    assert (taken.lease, taken.deadline_ms, taken.attempts) == (0, 0, [(1, 1), (2, 1)])
    _empty(group)
    assert group.take(9).ids == [3]


def test_ack_none_takes_what_was_given_back_too(group):
    group.append(2)
    lease = group.take(2).lease
    group.nack((1, lease))
    group.bury((2, lease))
    group.redrive(2)
    taken = group.take(5, ack_none=True)
    assert (taken.attempts, taken.letters) == ([(1, 2), (2, 1)], {2: envelope(2)})
    _empty(group)


def test_a_window_bounds_what_a_consumer_has(group):
    group.append(20)
    first = group.take(10, consumer="w", window=8)
    assert first.runs == [(1, 8, 1)]
    assert group.take(10, consumer="w", window=8).state == "window"
    assert group.take(2, consumer="v", window=8).ids == [9, 10]
    group.ack((1, first.lease), (2, first.lease), (3, first.lease))
    assert group.take(10, consumer="w", window=8).runs == [(11, 13, 1)]
    group.run("release", "consumer", "w", 1000)
    assert group.take(100, consumer="w", window=8, lease_ms=0).ids == [4, 5, 6, 7, 8, 11, 12, 13]
    group.lapse_all()
    assert not group.store.hexists(group.key("load"), "w")


def test_a_paused_group_or_channel_gives_nothing(group):
    group.append(2)
    lease = group.take().lease
    for key in (group.key("group"), group.base + "meta"):
        group.store.hset(key, "paused", "1")
        taken = group.take()
        assert (taken.state, taken.ids) == ("paused", [])
        group.store.hdel(key, "paused")
    assert group.ack(lease)[0] == [1]
    assert group.take().ids == [2]


def test_a_lease_number_is_above_all_before_it(group):
    group.append(3)
    assert group.take().lease > 2**50
    group.store.hset(group.base + "meta", "lease", 2**53 - 10)
    assert group.take().lease == 2**53 - 9
    lease = group.take().lease
    assert lease == 2**53 - 8
    assert group.ack((3, lease)) == [[3], [], []]


def test_ids_up_to_2_to_the_53(group):
    top = 2**53 - 1
    group.append(1)
    group.take(0)
    group.store.hset(group.base + "meta", mapping={"head": top, "floor": top - 4})
    taken = group.take(9)
    assert taken.runs == [(top - 4, top, 1)]
    assert group.nack((top - 1, taken.lease), (top, taken.lease)) == [[top - 1, top], [], []]
    assert group.ack((top - 3, taken.lease), (top, taken.lease)) == [[top - 3], [], [top]]
    assert group.take(9).runs == [(top - 1, top, 2)]


def test_consumers_are_seen(group):
    group.append(2)
    taken = group.take(consumer="c")
    assert group.store.zscore(group.key("consumers"), "c") == taken.now_ms
    group.store.zadd(group.key("consumers"), {"c": 5, "old": 5})
    group.ack(taken.lease)
    assert group.store.zscore(group.key("consumers"), "c") >= taken.now_ms
    group.lapse()
    assert group.store.zrange(group.key("consumers"), 0, -1) == [b"c"]


def test_whatever_can_be_taken_again_is_announced(group):
    group.append(9)
    listener = group.store.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("zrb:takeable")
    listener.get_message(timeout=5)

    def announced():
        group.store.publish("zrb:takeable", "end")
        heard = []
        while True:
            message = listener.get_message(timeout=5)
            if message and message["data"] == b"end":
                return heard
            if message:
                heard.append(message["data"])

    lease = group.take().lease
    group.ack(lease)
    lease = group.take().lease
    group.nack(lease, delay_ms=3600000)
    assert announced() == []
    group.nack(group.take().lease)
    assert announced() == [b"orders g"]
    group.lapsed(3)
    assert announced() == [b"orders g"]
    group.run("release", "leases", group.take(5).lease)
    assert announced() == [b"orders g"]
    group.ack(group.take(2, consumer="w", window=2).lease)
    assert announced() == [b"orders g"]


def test_a_lease_of_ten_thousand_runs(group):
    group.append(20000, pack=1000)
    lease = group.take(20000).lease
    for low in range(1, 20001, 2000):
        assert len(group.ack(*[(id_, lease) for id_ in range(low, low + 2000, 2)])[0]) == 1000
    assert group.leased == 10000
    assert group.ack(lease)[0] == list(range(2, 20001, 2))
    _empty(group)


def test_where_memory_ends_nothing_is_taken_and_what_is_held_can_be_settled(group):
    group.append(3)
    lease = group.take(2).lease
    group.store.config_set("maxmemory", 1)
    #  Later versions of redis-py leave the word OOM away.
    with pytest.raises(redis.ResponseError, match="OOM|used memory > 'maxmemory'"):
        group.take()
    assert group.ack(lease) == [[1, 2], [], []]
    group.store.config_set("maxmemory", 0)
    assert group.take().ids == [3]
    assert group.leased == 1
