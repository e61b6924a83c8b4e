"""Requests and replies on ROUTER: framing, errors, order."""

import pytest
import zmq

from harness import log
from harness.client import receive
from harness.wire import pack, raw_values, unpack, vectors

ARRAYS_17_DEEP = b"\x91" * 17 + b"\xc0"


@pytest.fixture(scope="module", params=[1048576, 1024], ids=["", "small"])
def asked(request, shared_lab):
    """A bridge with that limit: (vectors for it, client, store)."""
    server = shared_lab.redis()
    bridge = shared_lab.bridge(server, ingest={"max_message_bytes": request.param})
    chosen = [vector for vector in vectors("requests")
              if vector.get("max_message_bytes", 1048576) == request.param]
    assert chosen
    return chosen, bridge.client(), server.client()


def _answer(client, frame):
    """Asks as REQ does: a frame that is empty is then a request too."""
    client.socket.send_multipart([b"", frame])
    frames = receive(client.socket)
    assert len(frames) == 2 and frames[0] == b""
    return frames[1]


def test_every_bad_request_gets_its_error_and_its_seq_back(asked):
    chosen, client, store = asked
    before = store.dbsize()
    for vector in chosen:
        if "code" not in vector:
            continue
        raw = _answer(client, bytes.fromhex(vector["frame"]))
        reply = unpack(raw)
        expected = {"ok": False, "code": vector["code"], "message": vector["message"]}
        if "index" in vector:
            expected["index"] = vector["index"]
        assert raw_values(raw)["seq"].hex() == (vector["seq"] or "c0"), vector["name"]
        assert {key: reply[key] for key in reply if key != "seq"} == expected, vector["name"]
    assert store.dbsize() == before


def test_every_good_request_is_answered_with_its_seq(asked):
    chosen, client, _ = asked
    good = [vector for vector in chosen if "op" in vector]
    assert good
    for vector in good:
        raw = _answer(client, bytes.fromhex(vector["frame"]))
        reply = unpack(raw)
        assert reply["ok"] is True or reply["code"] in ("not_found", "unsafe"), (vector["name"], reply)
        assert raw_values(raw)["seq"].hex() == (vector["seq"] or "c0"), vector["name"]


def test_req_is_answered(bridge):
    req = bridge.req()
    for number in range(100):
        req.send(pack({"op": "ping", "seq": number}))
        assert unpack(receive(req)[0])["seq"] == number


def test_req_with_correlate_is_answered(bridge):
    req = bridge.socket(zmq.REQ, "router", req_correlate=1, req_relaxed=1)
    for number in range(100):
        req.send(pack({"op": "ping", "seq": number}))
        assert unpack(receive(req)[0])["seq"] == number


def test_req_that_gave_up_gets_the_reply_to_its_newest_request(bridge):
    req = bridge.socket(zmq.REQ, "router", req_correlate=1, req_relaxed=1)
    for number in range(50):
        req.send(pack({"op": "ping", "seq": number}))
    assert unpack(receive(req)[0])["seq"] == 49


@pytest.mark.parametrize("stack", [[], [b""], [b"a", b""], [b"a", b"b", b""], [b"\0\0\0\1", b""],
                                   [b"x" * 300, b""], [b"a"] * 14 + [b""]], ids=lambda stack: str(len(stack)))
def test_frames_up_to_the_first_empty_one_come_back(client, stack):
    client.socket.send_multipart([*stack, pack({"op": "ping", "seq": "s"})])
    frames = receive(client.socket)
    assert frames[:-1] == stack
    assert unpack(frames[-1])["seq"] == "s"


@pytest.mark.parametrize("frames, stack", [
    ([b"a", pack({"op": "ping"})], []),
    ([pack({"op": "ping"}), pack({"op": "ping"})], []),
    ([b"", pack({"op": "ping"}), b"x"], [b""]),
    ([b"", pack({"op": "ping"}), b""], [b""]),
    ([b"", b"", pack({"op": "ping"})], [b""]),
    ([b"a", b"", b"b", pack({"op": "ping"})], [b"a", b""]),
    ([b"", *[pack({"op": "ping"})] * 1000], [b""]),
], ids=["no empty frame", "two maps", "a frame behind", "an empty frame behind", "two empty frames",
        "two frames behind the empty one", "a thousand maps"])
def test_another_number_of_frames_is_a_bad_request(client, frames, stack):
    client.socket.send_multipart(frames)
    answer = receive(client.socket)
    assert answer[:-1] == stack
    reply = unpack(answer[-1])
    assert (reply["ok"], reply["code"], reply["seq"]) == (False, "bad_request", None)
    assert client.ok(op="ping")


@pytest.mark.parametrize("frames", [[b""], [b"", b""], [b"a", b""]], ids=repr)
def test_a_request_without_a_map_is_a_bad_request(client, frames):
    client.socket.send_multipart(frames)
    reply = unpack(receive(client.socket)[-1])
    assert (reply["ok"], reply["code"]) == (False, "bad_request")
    assert client.ok(op="ping")


def test_many_clients_each_get_their_own_replies(bridge):
    clients = [bridge.client() for _ in range(10)]
    reqs = [bridge.req() for _ in range(10)]
    for number, req in enumerate(reqs):
        req.send(pack({"op": "publish", "channel": f"req-{number}", "payload": b"x", "seq": number}))
    seqs = [[client.send(op="publish", channel=f"dealer-{number}", payload=b"%d" % turn) for turn in range(50)]
            for number, client in enumerate(clients)]
    for number, client in enumerate(clients):
        assert [client.reply(seq)["ids"] for seq in seqs[number]] == [[turn + 1] for turn in range(50)]
    for number, req in enumerate(reqs):
        reply = unpack(receive(req)[0])
        assert (reply["seq"], reply["ids"]) == (number, [1])


def test_publishes_of_one_client_to_one_channel_keep_their_order(bridge, store):
    clients = [bridge.client() for _ in range(4)]
    for turn in range(500):
        for number, client in enumerate(clients):
            client.send(op="publish", channel="orders", payload=b"%d %d" % (number, turn))
    for client in clients:
        ids = [client.reply(seq)["ids"][0] for seq in range(1, 501)]
        assert ids == sorted(ids)
    log.expect_sound(store, "orders")
    stored = [payload.split() for payload in log.payloads(store, "orders")]
    for number in range(4):
        assert [int(turn) for by, turn in stored if int(by) == number] == list(range(500))


def test_requests_sent_at_once_are_all_answered(client):
    seqs = [client.send(op=op) for _ in range(500) for op in ("ping", "info", "status")]
    assert all(client.reply(seq)["ok"] for seq in seqs)


def test_a_client_that_left_takes_nothing_with_it(bridge, client):
    for _ in range(20):
        gone = bridge.client()
        gone.send(op="replay", channel="orders")
        gone.socket.close()
    assert client.publish("orders", b"x") == [1]


@pytest.mark.fault(12)
def test_a_request_larger_than_a_frame_may_be_cuts_its_sender_off(bridge, client):
    other = bridge.client()
    events = other.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    other.socket.send(bytes(1048576 + 32768 + 1))
    assert events.poll(30000), "the sender was not cut off"
    other.socket.disable_monitor()
    other.socket.close()
    assert client.ok(op="ping")


def test_a_message_of_the_greatest_size_can_be_published(client):
    assert client.publish("orders", b"x" * 1048576) == [1]
    assert client.replay_all("orders")[0][3] == b"x" * 1048576


@pytest.mark.fault(11)
@pytest.mark.parametrize("data", [b"\xdd\xff\xff\xff\xff" * 100, b"\x91" * 100000, b"\x81" * 100000,
                                  b"\xdf\xff\xff\xff\xff" * 100, b"\xc6\xff\xff\xff\xff" + bytes(1000),
                                  b"\x82\xa2op\xa4ping\xa1x" + ARRAYS_17_DEEP * 1000],
                         ids=["arrays", "deep arrays", "deep maps", "maps", "bin", "many values"])
def test_bombs_are_answered_and_harm_nobody(client, data):
    client.socket.send(data)
    reply = unpack(receive(client.socket)[0])
    assert (reply["ok"], reply["code"]) == (False, "bad_request")
    assert client.ok(op="ping")
