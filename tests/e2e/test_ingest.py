"""What arrives on PULL and SUB: stored under ids in order, or told in $rejected."""

import re
import time

import pytest
import zmq

from harness import log
from harness.wait import eventually
from harness.wire import decode, encode, pack, unpack, vectors


def _frames(vector):
    return [bytes.fromhex(frame) for frame in vector["frames"]]


def _channel(vector):
    return None if vector["channel"] is None else bytes.fromhex(vector["channel"]).decode()


def _headers(vector):
    return unpack(bytes.fromhex(vector["headers"])) if vector.get("headers") else {}


def _stays(vector):
    """It is stored at once, and for long."""
    headers = _headers(vector)
    return not (headers.get("delay_ms") or headers.get("at_ms", 0) > time.time() * 1000 or headers.get("ttl_ms") == 1)


def _vectors(max_message_bytes):
    return [vector for vector in vectors("ingest")
            if vector.get("max_message_bytes", 1048576) == max_message_bytes and _stays(vector)]


def _send_all(bridge, kind, what, chosen):
    """Sends every vector in order, behind a first message that shows that the way is open."""
    socket = bridge.socket(kind, what)
    client = bridge.client()
    eventually(lambda: socket.send_multipart([b"open", b"x"]) or
               client.ok(op="status", channel="open")["channels"]["open"]["head"], "an open way")
    for vector in chosen:
        socket.send_multipart(_frames(vector))
    socket.send_multipart([b"last", b"x"])
    eventually(lambda: client.ok(op="status", channel="last")["channels"]["last"]["head"], "the last message")
    return client


@pytest.fixture(scope="module", params=[(zmq.PUSH, "pull", 1048576), (zmq.PUB, "sub", 1048576),
                                        (zmq.PUSH, "pull", 1024), (zmq.PUB, "sub", 1024)],
                ids=["PUSH", "PUB", "PUSH-small", "PUB-small"])
def sent(request, shared_lab):
    """All vectors of one limit, sent to a bridge with that limit: (vectors, store, client)."""
    kind, what, limit = request.param
    server = shared_lab.redis()
    bridge = shared_lab.bridge(server, ingest={"max_message_bytes": limit})
    chosen = _vectors(limit)
    assert chosen
    return chosen, server.client(), _send_all(bridge, kind, what, chosen)


def test_every_refused_message_is_told_with_its_reason(sent):
    chosen, store, client = sent
    refused = [vector for vector in chosen if vector.get("reason")]
    kept = log.expect_sound(store, "$rejected")
    assert len(kept) == len(refused)
    for vector, (_, member) in zip(refused, kept):
        headers = decode(member)[2]
        assert headers["reason"] == vector.get("reason"), vector["name"]
        assert headers.get("channel") == _channel(vector), vector["name"]
        assert set(headers) <= {"reason", "channel", "peer"}
        assert "127.0.0.1" in headers["peer"]
    shown = client.replay_all("$rejected")
    assert [envelope[2]["reason"] for envelope in shown] == [vector.get("reason") for vector in refused]


def test_a_refused_message_keeps_its_payload_up_to_4_kib(sent):
    chosen, store, _ = sent
    refused = [vector for vector in chosen if vector.get("reason")]
    for vector, payload in zip(refused, log.payloads(store, "$rejected")):
        frames = _frames(vector)
        if len(frames) in (2, 3):
            assert payload == frames[1][:4096], vector["name"]
        elif vector.get("reason").startswith("frame"):
            assert payload == frames[0][:4096], vector["name"]


def _without_repeats(chosen):
    """The vectors whose msg_id no earlier one has."""
    first = {}
    for vector in chosen:
        msg_id = _headers(vector).get("msg_id", vector["name"])
        first.setdefault(msg_id.encode() if isinstance(msg_id, str) else msg_id, vector)
    return list(first.values())


def test_every_good_message_is_stored_as_it_was_sent(sent):
    chosen, store, _ = sent
    good = [vector for vector in chosen if not vector.get("reason")]
    assert len(good) > 1
    by_channel = {}
    for vector in good:
        by_channel.setdefault(_channel(vector), []).append(vector)
    for channel, sent_there in by_channel.items():
        kept = log.expect_sound(store, channel)
        sent_there = _without_repeats(sent_there)
        assert len(kept) == len(sent_there)
        for vector, (id_, member) in zip(sent_there, kept):
            headers = vector["headers"] and bytes.fromhex(vector["headers"])
            expected = encode(id_, decode(member)[1], headers, bytes.fromhex(vector["payload"]))
            assert member == expected, vector["name"]


def test_what_is_refused_makes_no_channel(sent):
    chosen, store, _ = sent
    good = {_channel(vector) for vector in chosen if not vector.get("reason")} | {"open", "last", "$rejected"}
    logs = {re.fullmatch(rb"zrb:\{(.*)\}:log", key, re.S).group(1).decode() for key in store.keys("*:log")}
    assert logs == good


def test_what_comes_later_or_does_not_stay_is_taken_too(bridge, client):
    chosen = [vector for vector in vectors("ingest") if not _stays(vector)]
    assert len(chosen) > 3
    push = bridge.push()
    for vector in chosen:
        push.send_multipart(_frames(vector))

    def status():
        return client.ok(op="status")["channels"]

    distinct = len(_without_repeats(chosen))
    eventually(lambda: sum(numbers["head"] + numbers["delayed"] for numbers in status().values()) == distinct,
               "all messages")
    assert "$rejected" not in status()


def test_n_messages_get_ids_1_to_n(bridge, client, store):
    push = bridge.push()
    for number in range(5000):
        push.send_multipart([b"orders", b"%d" % number])
    eventually(lambda: log.count(store, "orders") == 5000, "5000 members")
    log.expect_sound(store, "orders")
    assert log.payloads(store, "orders") == [b"%d" % number for number in range(5000)]


def test_identical_messages_are_stored_as_often_as_sent(bridge, store):
    push = bridge.push()
    for _ in range(100):
        push.send_multipart([b"same", b"same"])
    eventually(lambda: log.count(store, "same") == 100, "100 members")
    assert log.payloads(store, "same") == [b"same"] * 100


def test_channels_have_ids_of_their_own(bridge, store):
    push = bridge.push()
    for number in range(300):
        push.send_multipart([b"channel-%d" % (number % 30), b"%d" % number])
    for channel in range(30):
        name = f"channel-{channel}"
        eventually(lambda name=name: log.count(store, name) == 10, name)
        log.expect_sound(store, name)
        assert log.payloads(store, name) == [b"%d" % number for number in range(channel, 300, 30)]


@pytest.fixture(scope="module")
def plain(shared_lab):
    """(bridge, store) for tests that use channels of their own."""
    server = shared_lab.redis()
    return shared_lab.bridge(server), server.client()


@pytest.mark.parametrize("payload", [b"", b"\0", b"\n", b"\r\n", b"\0" * 1000, bytes(range(256)), b"\xff" * 255,
                                     b"x" * 256, b"x" * 65535, b"x" * 65536, b"z" * 1048576],
                         ids=lambda payload: f"{len(payload)}-{payload[:2].hex()}")
def test_bytes_are_identical_at_the_far_end_in_redis_and_in_replay(plain, payload):
    bridge, store = plain
    channel = f"bytes-{len(payload)}-{payload[:2].hex()}"
    sub = bridge.subscriber(channel.encode())
    bridge.push().send_multipart([channel.encode(), payload])
    topic, envelope = sub.next()
    assert topic == channel.encode()
    assert decode(envelope)[3] == payload
    assert [member for _, member in log.members(store, channel)] == [envelope]
    assert bridge.client().replay_all(channel)[0][3] == payload


def test_time_is_now(bridge, client):
    before = time.time() * 1000
    bridge.push().send_multipart([b"orders", b"x"])
    eventually(lambda: client.ok(op="peek", channel="orders")["messages"], "the message")
    _, time_ms, _, _ = client.replay_all("orders")[0]
    assert before - 1000 <= time_ms <= time.time() * 1000 + 1000


@pytest.mark.fault(12)
def test_an_oversized_frame_cuts_its_sender_off_and_harms_nobody(bridge, client, store):
    neighbour = bridge.push()
    neighbour.send_multipart([b"orders", b"before"])
    sender = bridge.context.socket(zmq.PUSH)
    sender.linger = 0
    events = sender.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    sender.connect(bridge.endpoint("pull"))
    sender.send_multipart([b"orders", bytes(1048576 + 32768 + 1)])
    assert events.poll(30000), "the sender was not cut off"
    sender.disable_monitor()
    sender.close()
    neighbour.send_multipart([b"orders", b"after"])
    eventually(lambda: log.count(store, "orders") == 2, "the neighbour's messages")
    assert log.payloads(store, "orders") == [b"before", b"after"]
    assert client.ok(op="ping")


def test_rejected_keeps_the_newest_10000(bridge, client, store):
    push = bridge.push()
    for number in range(10500):
        push.send_multipart([b"$mine", b"%d" % number])
    eventually(lambda: client.ok(op="status", channel="$rejected")["channels"]["$rejected"]["head"] == 10500,
               "10500 refusals")
    status = client.ok(op="status", channel="$rejected")["channels"]["$rejected"]
    assert (status["floor"], status["count"]) == (501, 10000)
    eventually(lambda: log.count(store, "$rejected") == 10000, "the freeing of the oldest")
    assert log.payloads(store, "$rejected")[0] == b"500"


def test_refusals_are_logged_at_a_limited_rate(bridge, client):
    push = bridge.push()
    for _ in range(2000):
        push.send_multipart([b"", b"x"])
    eventually(lambda: client.ok(op="status", channel="$rejected")["channels"]["$rejected"]["head"] == 2000,
               "2000 refusals")
    told = [line for line in bridge.process.lines if "channel: empty" in line or "event=rejected" in line]
    assert 1 <= len(told) <= 100


def test_refused_and_good_messages_between_each_other_keep_their_order(bridge, client, store):
    push = bridge.push()
    for number in range(1000):
        push.send_multipart([b"orders", b"%d" % number])
        push.send_multipart([b"or ders", b"%d" % number])
    eventually(lambda: log.count(store, "orders") == 1000 and log.count(store, "$rejected") == 1000, "all")
    assert log.payloads(store, "orders") == [b"%d" % number for number in range(1000)]
    assert log.payloads(store, "$rejected") == [b"%d" % number for number in range(1000)]


def test_messages_of_both_forms_and_both_sockets_share_a_log(bridge, client, store):
    pub = bridge.socket(zmq.PUB, "sub")
    eventually(lambda: pub.send_multipart([b"open", b"x"]) or log.count(store, "open"), "an open way")
    bridge.push().send_multipart([b"orders", b"a"])
    bridge.push().send(pack(["orders", b"b"]))
    pub.send_multipart([b"orders", b"c"])
    pub.send(pack(["orders", "d", {"k": 1}]))
    client.publish("orders", b"e")
    eventually(lambda: log.count(store, "orders") == 5, "5 messages")
    log.expect_sound(store, "orders")
    assert sorted(log.payloads(store, "orders")) == [b"a", b"b", b"c", b"d", b"e"]


def test_ipc_endpoints_serve_beside_tcp(lab, server, store):
    ends = {what: f"ipc://{lab.directory}/{what}.ipc" for what in ("pull", "sub", "pub", "router")}
    bridge = lab.bridge(server, ingest={"pull": ["tcp://127.0.0.1:*", ends["pull"]], "sub": [ends["sub"]]},
                        fanout={"pub": [ends["pub"]]}, control={"router": [ends["router"]]})
    assert bridge.endpoints["pull"][1] == ends["pull"]
    sub = bridge.subscriber(b"orders")
    push = bridge.push()
    for endpoint in bridge.endpoints["pull"]:
        push.disconnect(push.last_endpoint)
        push.connect(endpoint)
        push.send_multipart([b"orders", endpoint.encode()])
        assert sub.payloads(1) == [endpoint.encode()]
