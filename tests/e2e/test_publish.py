"""publish: ids, durability, all or nothing."""

import pytest

from harness import log
from harness.wait import eventually
from harness.wire import decode, vectors


def test_ids_are_those_in_the_log(client, store):
    assert client.publish("orders", b"a") == [1]
    assert client.publish("orders", b"b", b"c") == [2, 3]
    assert log.payloads(store, "orders") == [b"a", b"b", b"c"]
    log.expect_sound(store, "orders")


def test_a_reply_says_what_was_stored(client):
    reply = client.ok(op="publish", channel="orders", payload=b"a")
    assert reply.keys() == {"seq", "ok", "ids", "duplicates", "durability"}
    assert (reply["ids"], reply["duplicates"]) == ([1], [])


@pytest.mark.parametrize("fsync, options, durability", [
    (None, [], "memory"),
    ("no", [], "memory"),
    ("everysec", [], "everysec"),
    ("always", ["--no-appendfsync-on-rewrite", "no"], "fsync"),
])
def test_durability_is_what_redis_guarantees(lab, fsync, options, durability):
    client = lab.bridge(lab.redis(fsync=fsync, options=options)).client()
    assert client.ok(op="publish", channel="orders", payload=b"a")["durability"] == durability
    assert client.ok(op="info")["durability"] == durability


def test_messages_of_several_channels_keep_their_places(client, store):
    ids = client.ok(op="publish", messages=[["a", b"1"], ["b", b"2"], ["a", b"3"], ["c", b"4"], ["b", b"5"]])["ids"]
    assert ids == [1, 1, 2, 1, 2]
    assert log.payloads(store, "a") == [b"1", b"3"]
    assert log.payloads(store, "b") == [b"2", b"5"]
    assert log.payloads(store, "c") == [b"4"]


def test_a_thousand_messages_at_once(client, store):
    payloads = [b"%d" % number for number in range(1000)]
    assert client.publish("orders", *payloads) == list(range(1, 1001))
    assert log.payloads(store, "orders") == payloads


def test_a_thousand_channels_at_once(client):
    reply = client.ok(op="publish", messages=[[f"channel-{number}", b"x"] for number in range(1000)])
    assert reply["ids"] == [1] * 1000


def test_one_bad_message_keeps_all_others_out(client, store):
    reply = client.ask(op="publish", messages=[["a", b"1"], ["b", b"2"], ["b ad", b"3"], ["c", b"4"]])
    assert (reply["ok"], reply["code"], reply["index"]) == (False, "bad_channel", 2)
    assert [log.count(store, channel) for channel in "abc"] == [0, 0, 0]
    assert client.publish("a", b"1") == [1]


def test_a_refused_publish_is_answered_and_not_told_in_rejected(client):
    client.ask(op="publish", channel="a b", payload=b"x")
    assert client.ok(op="replay", channel="$rejected")["head"] == 0


def test_headers_reach_redis_byte_for_byte(client, store):
    for vector in vectors("envelopes"):
        if "envelope" not in vector or not vector["headers"]:
            continue
        headers = bytes.fromhex(vector["headers"])
        frame = (b"\x84\xa2op\xa7publish\xa7channel\xa6orders\xa7payload\xa1x\xa7headers" + headers)
        client.socket.send(frame)
        assert client.reply(None)["ok"]
        assert log.members(store, "orders")[-1][1][19:19 + len(headers)] == headers


def test_a_replay_after_the_reply_sees_the_message(client):
    for number in range(200):
        [id_] = client.publish("orders", b"%d" % number)
        reply = client.ok(op="replay", channel="orders", after=id_ - 1)
        assert reply["head"] == id_
        assert reply["messages"][0][1][3] == b"%d" % number


def test_the_channel_becomes_known(client, store):
    client.publish("orders", b"x")
    assert b"orders" in (store.smembers("zrb:channels") if store.type("zrb:channels") == b"set"
                         else store.zrange("zrb:channels", 0, -1))


def test_published_and_pushed_messages_share_the_ids(bridge, client, store):
    push = bridge.push()
    seqs = []
    for number in range(1000):
        push.send_multipart([b"orders", b"push %d" % number])
        seqs.append(client.send(op="publish", channel="orders", payload=b"publish %d" % number))
    ids = [client.reply(seq)["ids"][0] for seq in seqs]
    assert ids == sorted(set(ids))
    sub = bridge.subscriber(b"end")
    push.send_multipart([b"end", b"x"])
    sub.next()
    kept = log.expect_sound(store, "orders")
    assert len(kept) == 2000
    for number, id_ in enumerate(ids):
        assert decode(kept[id_ - 1][1])[3] == b"publish %d" % number


def test_publishes_that_gather_behind_redis_share_a_batch(server, client):
    def counters():
        return client.ok(op="info")["counters"]

    client.publish("orders", b"first")
    before = counters()["stored_batches"]
    server.suspend()
    seqs = [client.send(op="publish", channel="orders", payload=b"%d" % number) for number in range(200)]
    eventually(lambda: counters()["in_flight_messages"] == 200, "all to have come to the lane")
    server.resume()
    assert [client.reply(seq)["ids"] for seq in seqs] == [[id_] for id_ in range(2, 202)]
    #  Two that Redis had already, and one with the rest.
    assert counters()["stored_batches"] - before <= 3
