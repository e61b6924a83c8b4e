"""pack: messages that arrive together share a member of the log, and nobody sees a difference but Redis."""

import random
import struct

import msgpack
import pytest
from harness import log, scripts
from harness.client import Subscriber
from harness.wait import eventually
from harness.wire import decode, encode, pack, raw_messages, split

LATER_MS = 300
FRONT = 1 + 9 + 9 + 1  #  bytes of an envelope without headers before its payload's head
HEADERS = [None, {"a": None}, {"list": [1, -1, 2 ** 40, 1.5, True, b"x" * 300]}, {"map": {"b": "y" * 40}},
           {"ext": msgpack.ExtType(5, b"12345678"), "more": msgpack.ExtType(6, b"z" * 300)},
           {f"key {number}": number for number in range(40)}]


def _bridge(lab, server, limit, **policy):
    return lab.bridge(server, channels=[{"match": "*", "pack": limit, **policy}])


def _fill(client, count, channel="orders"):
    assert client.publish(channel, *[b"%d" % id_ for id_ in range(1, count + 1)]) == list(range(1, count + 1))


def _ids(reply):
    return [envelope[0] for _, envelope in reply["messages"]]


def _sizes(store, channel="orders"):
    """How many envelopes each member holds; the log is sound."""
    log.expect_sound(store, channel)
    return [len(split(member)) for _, member in log.raw_members(store, channel)]


#  What is stored

@pytest.mark.parametrize("limit, sizes", [(1, [1] * 10), (2, [2] * 5), (4, [4, 4, 2]), (10, [10]), (1024, [10])])
def test_what_arrives_together_shares_members(lab, server, store, limit, sizes):
    bridge = _bridge(lab, server, limit)
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    client = bridge.client()
    _fill(client, 10)
    received = [envelope for _, envelope in subscriber.take(10)]
    time_ms = decode(received[0])[1]
    assert received == [encode(id_, time_ms, None, b"%d" % id_) for id_ in range(1, 11)]
    members = log.raw_members(store, "orders")
    assert b"".join(member for _, member in members) == b"".join(received)
    assert _sizes(store) == sizes
    assert raw_messages(client.raw(op="replay", channel="orders")) == [("orders", envelope) for envelope in received]
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert (status["count"], status["bytes"]) == (10, sum(map(len, received)))


def test_what_comes_later_does_not_join_a_member(lab, server, store):
    client = _bridge(lab, server, 256).client()
    client.publish("orders", b"a", b"b")
    client.publish("orders", b"c")
    assert _sizes(store) == [2, 1]


@pytest.mark.parametrize("last, sizes", [(32752, [2, 1]), (32753, [1, 2])])
def test_a_member_of_several_holds_64_kib_at_most(lab, server, store, last, sizes):
    client = _bridge(lab, server, 256).client()
    client.publish("orders", *[b"x" * (size - FRONT - 3) for size in (32768, last)], b"y")
    assert _sizes(store) == sizes


def test_a_large_message_stands_alone(lab, server, store):
    client = _bridge(lab, server, 256).client()
    payloads = [b"a", b"b", b"c" * 65537, b"d", b"e" * 800000, b"f" * 65000, b"g" * 10]
    client.publish("orders", *payloads)
    assert _sizes(store) == [2, 1, 1, 1, 2]
    assert [message[3] for message in client.replay_all("orders")] == payloads


def test_other_channels_have_their_own_policy(lab, server, store):
    bridge = lab.bridge(server, channels=[{"match": "p*", "pack": 3}, {"match": "*", "pack": 1}])
    for channel in ("packed", "single"):
        _fill(bridge.client(), 6, channel)
    assert (_sizes(store, "packed"), _sizes(store, "single")) == ([3, 3], [1] * 6)


def test_many_at_full_speed_are_each_stored_once(lab, server, store):
    bridge = _bridge(lab, server, 1024)
    subscriber = Subscriber(bridge.context, bridge, b"orders")
    push = bridge.push()
    for number in range(20000):
        push.send_multipart([b"orders", b"%d" % number])
    assert [int(payload) for payload in subscriber.payloads(20000)] == list(range(20000))
    assert len(_sizes(store)) < 10000
    assert log.payloads(store, "orders") == [b"%d" % number for number in range(20000)]


#  Reading

@pytest.fixture(scope="module")
def twelve(shared_lab):
    """A client of a bridge, and channel `orders` with ids 1 to 12 in members of 5, 5, 2."""
    client = _bridge(shared_lab, shared_lab.redis(), 5).client()
    _fill(client, 12)
    return client


@pytest.mark.parametrize("after", range(13))
def test_a_replay_begins_anywhere(twelve, after):
    for limit in (1, 2, 4, 5, 6, 12, 100):
        reply = twelve.ok(op="replay", channel="orders", after=after, limit=limit)
        assert _ids(reply) == list(range(after + 1, min(after + limit, 12) + 1)), limit
        assert (reply["next"], reply["more"]) == (min(after + limit, 12), after + limit < 12), limit
    for until in range(max(after, 1), 14):
        reply = twelve.ok(op="replay", channel="orders", after=after, until=until)
        assert _ids(reply) == list(range(after + 1, min(until, 12) + 1)), until
        assert (reply["next"], reply["more"]) == (min(until, 12), False), until


@pytest.mark.parametrize("max_bytes", [1, 30, 100, 200, 1000])
def test_a_replay_of_few_bytes_goes_to_the_end(twelve, max_bytes):
    assert [message[0] for message in twelve.replay_all("orders", max_bytes=max_bytes)] == list(range(1, 13))
    assert [message[0] for message in twelve.replay_all("orders", after=3, max_bytes=max_bytes)] == list(range(4, 13))


@pytest.mark.parametrize("most", range(1, 14))
def test_a_peek_ends_anywhere(twelve, most):
    assert _ids(twelve.ok(op="peek", channel="orders", max=most)) == list(range(1, min(most, 12) + 1))
    tail = _ids(twelve.ok(op="peek", channel="orders", end="tail", max=most))
    assert tail == list(range(12, max(12 - most, 0), -1))


def test_a_replay_by_glob_ends_anywhere(twelve):
    for limit in range(1, 14):
        got, cursor = [], {}
        while True:
            reply = twelve.ok(op="replay", pattern="orders", limit=limit, **cursor)
            assert len(reply["messages"]) == min(limit, 12 - len(got))
            got += _ids(reply)
            cursor = {"cursor": reply["cursor"]}
            if not reply["more"]:
                break
        assert got == list(range(1, 13)), limit


def _read(store, after, limit, until="+inf", newest=0):
    """The members that read.lua gives."""
    keys = [log.key("orders", what) for what in ("log", "meta", "gaps")]
    return store.eval(scripts.text("read"), 3, *keys, after, until, limit, 8388608, newest)[4]


def test_a_small_limit_reads_few_members(lab, server, store):
    client = _bridge(lab, server, 100).client()
    _fill(client, 1000)
    assert _sizes(store) == [100] * 10
    for newest in (0, 1):
        assert len(_read(store, 0, 10, newest=newest)) == 1
        assert len(_read(store, 0, 100, newest=newest)) == 1
        assert len(_read(store, 0, 101, newest=newest)) == 2
        assert len(_read(store, 0, 1000, newest=newest)) == 10
    assert len(_read(store, 95, 10)) == 2
    assert len(_read(store, 95, 10, until=97)) == 1
    assert len(_read(store, 99, 100)) == 2


#  Flush

@pytest.mark.parametrize("before", range(1, 15))
def test_a_flush_ends_anywhere(lab, server, store, before):
    client = _bridge(lab, server, 5).client()
    _fill(client, 12)
    flushed = min(before, 13) - 1
    for dry_run in (True, False):
        assert client.ok(op="flush", channel="orders", before=before, dry_run=dry_run)["flushed"] == flushed
    left = list(range(flushed + 1, 13))
    reply = client.ok(op="replay", channel="orders", limit=3)
    assert _ids(reply) == left[:3]
    assert reply["gaps"] == ([["orders", 1, flushed, "flushed"]] if flushed else [])
    assert [message[0] for message in client.replay_all("orders", limit=2)] == left
    assert _ids(client.ok(op="peek", channel="orders", max=1)) == left[:1]
    assert _ids(client.ok(op="peek", channel="orders", end="tail", max=20)) == left[::-1]
    status = client.ok(op="status", channel="orders")["channels"]["orders"]
    assert (status["head"], status["floor"], status["count"]) == (12, flushed + 1, len(left))
    #  A member goes when nothing of it is left.
    scores = [score for score in (5, 10, 12) if score > flushed]
    eventually(lambda: [score for score, _ in log.raw_members(store, "orders")] == scores, "the freeing")
    assert client.publish("orders", b"13") == [13]
    assert [message[0] for message in client.replay_all("orders")] == [*left, 13]


def test_retention_counts_messages(lab, server, store):
    client = _bridge(lab, server, 4, max_messages=6).client()
    for first in range(1, 30, 10):
        client.publish("orders", *[b"%d" % id_ for id_ in range(first, first + 10)])
        status = client.ok(op="status", channel="orders")["channels"]["orders"]
        assert (status["count"], status["floor"]) == (6, first + 4)
        assert _ids(client.ok(op="replay", channel="orders")) == list(range(first + 4, first + 10))


#  What messages ask for

def _publish(client, *messages):
    reply = client.ok(op="publish", messages=[["orders", payload, headers] for payload, headers in messages])
    return reply["ids"], reply["duplicates"]


def test_repeats_leave_their_members(lab, server, store):
    client = _bridge(lab, server, 3).client()
    assert _publish(client, *[(b"%d" % number, {"msg_id": f"{number}"}) for number in range(4)]) == ([1, 2, 3, 4], [])
    assert _sizes(store) == [3, 1]
    again = [(b"a", None), (b"1", {"msg_id": "1"}), (b"b", {"msg_id": "b", "x": [1, {"y": b"z"}]}),
             (b"2", {"msg_id": "2"}), (b"3", {"msg_id": "3"}), (b"b", {"msg_id": "b"}), (b"c", None)]
    assert _publish(client, *again) == ([5, 2, 6, 3, 4, 6, 7], [1, 3, 4, 5])
    assert _sizes(store) == [3, 1, 2, 1]
    assert [message[2:] for message in client.replay_all("orders")][4:] == \
        [(None, b"a"), ({"msg_id": "b", "x": [1, {"y": b"z"}]}, b"b"), (None, b"c")]
    assert _publish(client, (b"2", {"msg_id": "2"}), (b"3", {"msg_id": "3"})) == ([3, 4], [0, 1])
    bytes_ = client.ok(op="status", channel="orders")["channels"]["orders"]["bytes"]
    assert bytes_ == sum(len(member) for _, member in log.raw_members(store, "orders"))


def test_delayed_messages_leave_their_members(lab, server, store):
    client = _bridge(lab, server, 10).client()
    late = {"delay_ms": LATER_MS, "x": ["y"]}
    assert _publish(client, (b"a", None), (b"late", late), (b"b", None), (b"late", late)) == ([1, None, 2, None], [])
    assert _sizes(store)[0] == 2
    eventually(lambda: len(client.replay_all("orders")) == 4, "the delayed messages")
    assert [message[2:] for message in client.replay_all("orders")][2:] == [(late, b"late")] * 2
    log.expect_sound(store, "orders")


@pytest.mark.parametrize("short", [(1,), (5,), (1, 2, 3), (2, 4), (5, 6), (1, 2, 3, 4, 5), tuple(range(1, 11))])
def test_what_expired_is_hidden_in_its_member(lab, server, store, short):
    client = _bridge(lab, server, 5).client()
    _publish(client, *[(b"%d" % id_, {"ttl_ms": 1} if id_ in short else None) for id_ in range(1, 11)])
    left = [id_ for id_ in range(1, 11) if id_ not in short]

    def look():
        assert [message[0] for message in client.replay_all("orders", limit=1)] == left
        assert _ids(client.ok(op="replay", channel="orders", limit=2)) == left[:2]
        assert _ids(client.ok(op="replay", channel="orders", limit=100)) == left
        assert _ids(client.ok(op="replay", pattern="*", limit=3)) == left[:3]
        assert _ids(client.ok(op="peek", channel="orders", max=3)) == left[:3]
        assert _ids(client.ok(op="peek", channel="orders", end="tail", max=4)) == left[:-5:-1]
        gaps = client.ok(op="replay", channel="orders")["gaps"]
        assert sorted(id_ for _, first, last, _ in gaps for id_ in range(first, last + 1)) == list(short)
        assert {why for *_, why in gaps} == {"expired"}

    eventually(lambda: [message[0] for message in client.replay_all("orders")] == left, "the end of their time")
    look()
    eventually(lambda: not store.exists(log.key("orders", "expiring")), "the keeper")
    look()
    assert client.ok(op="status", channel="orders")["channels"]["orders"]["count"] == len(left)
    client.publish("orders", b"11")
    assert [message[0] for message in client.replay_all("orders", limit=1)] == [*left, 11]


def test_takes_and_dead_letters_of_a_member_are_its_messages(lab, server, store):
    client = _bridge(lab, server, 1024, max_deliveries=1).client()
    _fill(client, 300)
    assert _sizes(store) == [300]
    first = client.ok(op="take", channels=["orders"], max=7)
    rest = client.ok(op="take", channels=["orders"], max=300)
    taken = [(envelope[0], envelope[3]) for _, envelope, *_ in first["messages"] + rest["messages"]]
    assert taken == [(id_, b"%d" % id_) for id_ in range(1, 301)]
    store.config_resetstat()
    assert len(client.ok(op="nack", channel="orders", lease=rest["messages"][0][2])["done"]) == 293
    #  The member isn't read anew for each of them.
    assert store.info("commandstats")["cmdstat_zrangebyscore"]["calls"] < 293
    assert client.ok(op="ack", channel="orders", items=[[5, first["messages"][0][2]]])["done"] == [5]
    dead = client.ok(op="dead", channel="orders", max=1000)["messages"]
    assert sorted((envelope[0], envelope[3]) for _, envelope, _ in dead) == taken[7:]


#  Several writers

def test_two_bridges_share_one_row_of_ids(lab, server, store):
    bridges = [_bridge(lab, server, limit) for limit in (7, 256)]
    subscribers = [Subscriber(bridges[0].context, bridge, b"orders") for bridge in bridges]
    pushes = [bridge.push() for bridge in bridges]
    for number in range(3000):
        for push in pushes:
            push.send_multipart([b"orders", b"%d" % number])
    eventually(lambda: len(log.members(store, "orders")) == 6000, "all messages")
    stored = [envelope for _, envelope in log.expect_sound(store, "orders")]
    for subscriber in subscribers:
        assert [envelope for _, envelope in subscriber.take(6000)] == stored
    sizes = _sizes(store)
    assert max(sizes) > 7
    client = bridges[0].client()
    assert [message[0] for message in client.replay_all("orders", limit=100)] == list(range(1, 6001))


class _Append:
    """append.lua as an application calls it: batches of one session."""

    def __init__(self, store):
        self._script, self._store, self._seq = scripts.text("append"), store, 0
        self._keys = [log.key("orders", what) for what in ("log", "meta", "gaps", "ids")]

    def __call__(self, first, time_ms, members, *wishes):
        """members: lists of encoded headers and payload. Returns what the script does."""
        self._seq += 1
        argv, id_ = [], first
        for member in members:
            envelopes = [encode(id_ + at, time_ms, *message) for at, message in enumerate(member)]
            id_ += len(member)
            argv += [id_ - 1, b"".join(envelopes)]
        size = sum(map(len, argv[1::2]))
        return self._store.eval(self._script, 4, *self._keys, "mine", self._seq, "epoch", 0, first, time_ms,
                                len(members), size, 0, "zrb:appended", "orders", *argv, *wishes)


def _messages(count):
    """Messages of many shapes: (encoded headers, payload)."""
    chance = random.Random(count)
    return [(pack(headers) if headers else None, chance.randbytes(chance.choice((0, 1, 100, 255, 256, 70000))))
            for headers in (HEADERS[number % len(HEADERS)] for number in range(count))]


@pytest.mark.parametrize("first, shift_ms", [(1, 0), (7, 0), (2 ** 40, 0), (1, 3600000)])
def test_members_are_stamped_anew_as_they_are(store, first, shift_ms):
    """The ids that the writer expected, or the time, are wrong: each envelope gets the right ones, and nothing else."""
    append, messages = _Append(store), _messages(24)
    now_ms = int(store.time()[0]) * 1000
    _, given, time_ms, told = append(first, now_ms + shift_ms, [messages[:1], messages[1:13], messages[13:]])
    assert (given, told) == (1, []) and (time_ms == now_ms) == (shift_ms == 0)
    envelopes = [encode(id_, time_ms, *message) for id_, message in enumerate(messages, 1)]
    assert log.raw_members(store, "orders") == \
        [(1, envelopes[0]), (13, b"".join(envelopes[1:13])), (24, b"".join(envelopes[13:]))]
    assert int(store.hget(log.key("orders", "meta"), "bytes")) == sum(map(len, envelopes))


def test_what_is_left_out_leaves_the_others_where_they_were(store):
    append, messages = _Append(store), _messages(12)
    assert append(1, 1, [messages[:1]], 1, "msg_id", "one")[3] == []
    wishes = [argument for index in (1, 2, 3, 5, 8) for argument in (index, "msg_id", "one")]
    state, first, time_ms, told = append(2, 1, [messages[1:4], messages[4:9], messages[9:]], *wishes)
    assert (state, first) == (b"stored", 2)
    assert told == [word for index in (1, 2, 3, 5, 8) for word in (b"%d" % index, b"1")]
    kept = [message for index, message in enumerate(messages[1:], 1) if index not in (1, 2, 3, 5, 8)]
    envelopes = [encode(id_, time_ms, *message) for id_, message in enumerate(kept, 2)]
    assert log.raw_members(store, "orders")[1:] == [(4, b"".join(envelopes[:3])), (7, b"".join(envelopes[3:]))]
    log.expect_sound(store, "orders")


def test_a_repeated_batch_is_known_again(store):
    append, messages = _Append(store), _messages(6)
    assert append(1, 1, [messages])[:2] == [b"stored", 1]
    append._seq -= 1  # pylint: disable=protected-access
    assert append(9, 9, [messages])[:2] == [b"again", 1]
    assert len(log.members(store, "orders")) == 6


#  Other starts

@pytest.mark.parametrize("before, after", [(256, 1), (1, 256), (3, 5)])
def test_a_log_outlives_its_policy(lab, server, store, before, after):
    bridge = _bridge(lab, server, before)
    _fill(bridge.client(), 20)
    bridge.sections["channels"][0]["pack"] = after
    bridge.restart()
    client = bridge.client()
    assert client.publish("orders", *[b"%d" % id_ for id_ in range(21, 31)]) == list(range(21, 31))
    assert [message[3] for message in client.replay_all("orders", limit=7)] == [b"%d" % id_ for id_ in range(1, 31)]
    log.expect_sound(store, "orders")
    assert client.ok(op="flush", channel="orders", before=10)["flushed"] == 9
    assert [message[0] for message in client.replay_all("orders", limit=4)] == list(range(10, 31))
    assert client.ok(op="flush", channel="orders", all=True)["flushed"] == 21
    eventually(lambda: not log.raw_members(store, "orders"), "the freeing")


def test_members_survive_redis(lab):
    server = lab.redis(fsync="always")
    bridge = _bridge(lab, server, 8)
    _fill(bridge.client(), 20)
    before = log.raw_members(server.client(), "orders")
    server.restart()
    assert log.raw_members(server.client(), "orders") == before
    client = bridge.client()
    first, = client.publish("orders", b"next")
    messages = client.replay_all("orders", limit=6)
    assert [message[0] for message in messages] == [*range(1, 21), first]
    assert [message[3] for message in messages] == [*(b"%d" % id_ for id_ in range(1, 21)), b"next"]


def test_an_id_stands_at_its_place_in_each_envelope(lab, server, store):
    """What a reader without msgpack relies on."""
    _fill(_bridge(lab, server, 256).client(), 300)
    for score, member in log.raw_members(store, "orders"):
        first, = struct.unpack_from(">Q", member, 2)
        assert score - first + 1 == len(split(member))
