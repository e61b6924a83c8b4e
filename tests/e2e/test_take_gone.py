"""A client that went away takes nothing with it, nor does a bridge that stops, nor a connection that breaks."""

import zmq
from harness.proxy import Proxy
from harness.wait import eventually
from harness.wire import pack
from harness.work import ids, settle, take, taken, waits


def _all_is_back(client, channel, count):
    """So many messages can be taken, each for the first time."""
    got = []

    def look():
        got.extend(take(client, channel, max=count))
        return len(got) == count
    eventually(look, "what was taken to be back")
    assert sorted(ids(got)) == list(range(1, count + 1)) and {attempt for *_, attempt in got} == {1}


def test_a_reply_to_nobody_gives_its_messages_back_uncounted(bridge, client):
    gone = bridge.client()
    seq = gone.send(op="take", channels=["jobs"], max=5, wait_ms=60000, lease_ms=600000)
    waits(gone, seq)
    bridge.lose(gone.socket)
    before = client.ok(op="info")["counters"]["undelivered_replies"]
    client.publish("jobs", b"1", b"2", b"3")
    _all_is_back(client, "jobs", 3)
    assert client.ok(op="info")["counters"]["undelivered_replies"] == before + 1


def test_many_who_went_away_hold_up_nobody(bridge, client):
    gone = [bridge.client() for _ in range(20)]
    for each in gone:
        waits(each, each.send(op="take", channels=["jobs"], wait_ms=60000, lease_ms=600000))
    bridge.lose(*(each.socket for each in gone))
    seq = client.send(op="take", channels=["jobs"], wait_ms=60000)
    waits(client, seq)
    bridge.client().publish("jobs", b"x")
    (_, id_, _, _, attempt), = taken(client.reply(seq))
    assert (id_, attempt) == (1, 1)


def test_cancel_while_redis_is_slow_gives_back(lab, server, tmp_path):
    """The take's script is under way when it is cancelled: the answer is empty, and what it brings goes back."""
    proxy = Proxy(tmp_path / "proxy.sock", server)
    bridge = lab.bridge(proxy)
    client = bridge.client()
    client.publish("jobs", b"1", b"2")
    waits(client)
    proxy.stall()
    seq = client.send(op="take", channels=["jobs"], max=2, wait_ms=60000, lease_ms=600000)
    assert client.ok(op="cancel", request=seq)["cancelled"] == 1
    assert client.reply(seq)["messages"] == []
    proxy.go_on()
    _all_is_back(lab.bridge(server).client(), "jobs", 2)
    proxy.close()


def test_an_answer_of_redis_that_comes_too_late_gives_back(lab, server, tmp_path):
    proxy = Proxy(tmp_path / "proxy.sock", server)
    bridge = lab.bridge(proxy)
    client = bridge.client()
    client.publish("jobs", b"1", b"2")
    proxy.stall()
    seq = client.send(op="take", channels=["jobs"], max=2, lease_ms=600000)
    assert client.reply(seq)["code"] == "unknown_outcome"
    proxy.go_on()
    _all_is_back(lab.bridge(server).client(), "jobs", 2)
    proxy.close()


def test_a_stop_gives_back_what_it_cannot_deliver(lab, server):
    bridge = lab.bridge(server)
    gone = bridge.client()
    seq = gone.send(op="take", channels=["jobs"], wait_ms=60000, lease_ms=600000)
    waits(gone, seq)
    bridge.lose(gone.socket)
    lab.bridge(server).client().publish("jobs", b"1")
    bridge.stop()
    _all_is_back(lab.bridges[1].client(), "jobs", 1)


def test_a_take_under_way_when_redis_is_lost_is_unknown(lab, server, tmp_path):
    """Named consumers can give back at once what may have been taken."""
    proxy = Proxy(tmp_path / "proxy.sock", server)
    bridge = lab.bridge(proxy)
    client = bridge.client()
    client.publish("jobs", b"1", b"2")
    server.suspend()
    seq = client.send(op="take", channels=["jobs"], max=2, lease_ms=600000, consumer="me")
    other = bridge.client()
    assert other.ok(op="cancel", request=0)["cancelled"] == 0
    eventually(lambda: proxy.cut_all() or seq in _replies(client), "the reply")
    assert client.reply(seq)["code"] == "unknown_outcome"
    server.resume()
    plain = lab.bridge(server).client()
    eventually(lambda: plain.ok(op="release", channel="jobs", consumer="me")["released"] == 2 or
               ids(take(plain, "jobs", group="probe", max=5)) == [1, 2], "what was taken")
    _all_is_back(plain, "jobs", 2)
    proxy.close()


def _replies(client):
    while client.socket.poll(20):
        from harness.wire import unpack
        reply = unpack(client.socket.recv())
        client._replies[reply["seq"]] = reply
    return client._replies


def test_without_redis_a_take_is_refused_and_a_wait_goes_on(lab):
    server = lab.redis(fsync="always")
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("jobs", b"1")
    first = take(client, "jobs", lease_ms=600000)
    seq = client.send(op="take", channels=["jobs"], wait_ms=60000)
    waits(client, seq)
    server.kill()
    eventually(lambda: not bridge.client().ok(op="info")["redis"]["up"], "the bridge to notice")
    assert client.ask(op="take", channels=["jobs"])["code"] == "unavailable"
    assert client.ask(op="ack", channel="jobs", items=[[1, first[0][3]]])["code"] == "unavailable"
    server.start()
    other = bridge.client()
    eventually(lambda: other.ask(op="publish", channel="jobs", payload=b"2")["ok"], "Redis to be back")
    assert [payload for _, _, payload, _, _ in taken(client.reply(seq))] == [b"2"]
    assert settle(client, "ack", "jobs", first) == ([1], [], [])


def test_a_req_that_is_gone_loses_nothing(bridge, client, store):
    req = bridge.socket(zmq.REQ, "router")
    req.send(pack({"op": "take", "channels": ["jobs"], "wait_ms": 60000, "lease_ms": 600000}))
    eventually(lambda: store.zrange("zrb:{jobs}:groups", 0, -1), "it to have looked")
    bridge.lose(req)
    client.publish("jobs", b"1")
    _all_is_back(client, "jobs", 1)
