"""Access rules: who may publish, subscribe, consume and administer what, by the name in the certificate; read again on
SIGHUP, and nobody is dropped who may stay."""

import signal

import pytest
import zmq

from harness.bridge import PACK, toml
from harness.certificates import Certificates
from harness.client import receive
from harness.wait import eventually
from harness.wire import decode, pack, unpack

pytestmark = pytest.mark.skipif(PACK > 1, reason="rules know nothing of members")
RULES = [
    {"client": "root", "publish": ["*"], "subscribe": ["*"], "consume": ["*", "$*"], "admin": ["*"]},
    {"client": "sensor-*", "publish": ["data.*"], "subscribe": ["orders.*", "alarm"]},
    {"client": "reader", "consume": ["data.*"]},
    {"client": "keeper", "admin": ["data.*"]},
]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """{name: socket options}, and the certificates."""
    certificates = Certificates(tmp_path_factory.mktemp("certificates"))
    names = ["root", "sensor-1", "reader", "keeper", "nobody"]
    return {"certificates": certificates, **{name: certificates.client(name) for name in names}}


@pytest.fixture(scope="module")
def bridge(shared_lab, keys):
    bridge = shared_lab.bridge(shared_lab.redis(), security=keys["certificates"].security, access=RULES)
    bridge.client(**keys["root"]).publish("data.1", b"a", b"b")
    bridge.client(**keys["root"]).publish("secret", b"c")
    return bridge


@pytest.fixture(scope="module")
def clients(bridge, keys):
    return {name: bridge.client(**options) for name, options in keys.items() if name != "certificates"}


def _settled(channel):
    return {"group": "g", "channel": channel, "items": [[1, 1]]}


#  What each needs beside its channel.
CONSUME = {"replay": {}, "peek": {}, "take": {}, "ack": {}, "nack": {}, "touch": {}, "bury": {},
           "release": {"group": "g", "consumer": "me"}, "pending": {"group": "g"}, "dead": {"group": "g"}}
ADMIN = {"flush": {"before": 1}, "redrive": {"group": "g", "all": True}, "group_create": {"group": "h"},
         "group_seek": {"group": "h", "start": "first"}, "group_delete": {"group": "h", "force": True},
         "pause": {"group": "g"}, "resume": {"group": "g"}}


def _request(op, channel):
    if op == "take":
        return {"op": op, "channels": [channel], "group": "g"}
    if op in ("ack", "nack", "touch", "bury"):
        return {"op": op, **_settled(channel)}
    return {"op": op, "channel": channel, **{**CONSUME, **ADMIN}[op]}


@pytest.mark.parametrize("op", [*CONSUME, *ADMIN])
def test_op_needs_its_right_in_its_channel(clients, op):
    able, unable = ("reader", "keeper") if op in CONSUME else ("keeper", "reader")
    clients["root"].ok(op="group_create", channel="data.1", group="g")
    if op in ("group_seek", "group_delete"):
        clients["root"].ok(op="group_create", channel="data.1", group="h")
    for name, channel in ((unable, "data.1"), (able, "secret"), ("nobody", "data.1"), ("sensor-1", "data.1")):
        reply = clients[name].ask(**_request(op, channel))
        assert (reply["ok"], reply.get("code")) == (False, "denied"), (name, reply)
        assert channel in reply["message"]
    assert clients[able].ask(**_request(op, "data.1")).get("code") != "denied"


def test_one_channel_of_many_is_enough_to_be_denied(clients):
    reader = clients["reader"]
    for request in ({"op": "replay", "channels": {"data.1": 0, "secret": 0}},
                    {"op": "take", "channels": ["data.1", "secret"]},
                    {"op": "ack", "items": [["data.1", 1, 1], ["secret", 1, 1]]}):
        reply = reader.ask(**request)
        assert (reply["ok"], reply["code"]) == (False, "denied")
        assert "secret" in reply["message"]


def test_globs_bring_only_what_is_allowed(clients):
    root, reader, keeper = clients["root"], clients["reader"], clients["keeper"]
    root.publish("data.glob", b"x")
    root.publish("secret.glob", b"y")
    reply = reader.ok(op="replay", pattern="*.glob")
    assert [channel for channel, _ in reply["messages"]] == ["data.glob"]
    assert set(reader.ok(op="status", pattern="*glob")["channels"]) == {"data.glob"}
    assert set(root.ok(op="status", pattern="*glob")["channels"]) == {"data.glob", "secret.glob"}
    taken = reader.ok(op="take", channels=["*.glob"], max=10)["messages"]
    assert [message[0] for message in taken] == ["data.glob"]
    assert keeper.ok(op="flush", pattern="*.glob", all=True, force=True)["channels"] == {"data.glob": 1}
    assert root.ok(op="status", channel="secret.glob")["channels"]["secret.glob"]["count"] == 1
    assert clients["nobody"].ok(op="status", pattern="*")["channels"] == {}


def test_waiting_take_by_glob_wakes_for_what_is_allowed_alone(clients):
    root, reader = clients["root"], clients["reader"]
    first = reader.send(op="take", channels=["*.wait"], group="w", wait_ms=20000)
    other = root.send(op="take", channels=["*.wait"], group="w", wait_ms=20000)
    sender = clients["root"]
    sender.publish("secret.wait", b"for root")
    assert [message[0] for message in root.reply(other)["messages"]] == ["secret.wait"]
    sender.publish("data.wait", b"for reader")
    assert [message[0] for message in reader.reply(first)["messages"]] == ["data.wait"]


def test_publish_is_denied_by_channel(clients):
    sensor = clients["sensor-1"]
    head = clients["root"].ok(op="status", channel="data.2")["channels"]["data.2"]["head"]
    reply = sensor.ask(op="publish", messages=[["data.2", b"a"], ["secret", b"b"]])
    assert (reply["ok"], reply["code"], reply["index"]) == (False, "denied", 1)
    assert clients["root"].ok(op="status", channel="data.2")["channels"]["data.2"]["head"] == head
    assert sensor.ok(op="publish", channel="data.2", payload=b"a")["ids"] == [head + 1]
    assert clients["reader"].ask(op="publish", channel="data.2", payload=b"a")["code"] == "denied"


@pytest.mark.parametrize("kind, what", [(zmq.PUSH, "pull"), (zmq.PUB, "sub")])
def test_denied_messages_go_to_rejected(bridge, keys, clients, kind, what):
    root = clients["root"]
    before = root.ok(op="status", channel="$rejected")["channels"]["$rejected"]["head"]
    head = root.ok(op="status", channel="secret")["channels"]["secret"]["head"]
    sensor = bridge.socket(kind, what, **keys["sensor-1"])
    #  PUB drops until the bridge has subscribed.
    mark = f"data.{what}"
    eventually(lambda: sensor.send_multipart([mark.encode(), b"first"]) or root.ok(op="status", channel=mark)[
        "channels"][mark]["head"], "the first message")
    sensor.send_multipart([b"secret", b"denied payload"])
    sensor.send(pack(["secret", b"as one frame"]))
    sensor.send_multipart([mark.encode(), b"last"])
    eventually(lambda: root.replay_all(mark)[-1][3] == b"last", "the last message")
    rejected = root.replay_all("$rejected", after=before)
    assert [(headers["reason"], headers["channel"], payload) for _, _, headers, payload in rejected] == [
        ("denied", "secret", b"denied payload"), ("denied", "secret", b"as one frame")]
    assert root.ok(op="status", channel="secret")["channels"]["secret"]["head"] == head
    assert clients["reader"].ask(op="replay", channel="$rejected")["code"] == "denied"


def test_interleaved_clients_are_judged_each_by_its_own_rule(bridge, keys, clients):
    root = clients["root"]
    sockets = {name: bridge.push(**keys[name]) for name in ("root", "sensor-1", "reader")}
    for number in range(300):
        for name, socket in sockets.items():
            socket.send_multipart([b"data.mix" if number % 2 else b"other.mix", f"{name} {number}".encode()])
    for name, socket in sockets.items():
        socket.send_multipart([b"data.mix", f"{name} end".encode()])
    #  The reader's messages are all refused, so its end shows there.
    eventually(lambda: any(payload == b"reader end" for _, _, _, payload in root.replay_all("$rejected")), "its end")
    eventually(lambda: {b"root end", b"sensor-1 end"} <= {one[3] for one in root.replay_all("data.mix")}, "the ends")
    senders = [payload.split()[0] for _, _, _, payload in root.replay_all("data.mix")]
    assert (senders.count(b"root"), senders.count(b"sensor-1"), len(senders)) == (151, 151, 302)
    assert {payload.split()[0] for _, _, _, payload in root.replay_all("other.mix")} == {b"root"}


def _subscribe(bridge, options, *topics):
    """A SUB whose subscriptions the bridge has read once a beat comes: they are read in order."""
    sub = bridge.context.socket(zmq.SUB)
    bridge.sockets.append(sub)
    sub.linger = 0
    for option, value in options.items():
        setattr(sub, option, value)
    for topic in (*topics, b"$heads"):
        sub.subscribe(topic)
    sub.connect(bridge.endpoint("pub"))
    while receive(sub)[0] != b"$heads":
        pass
    return sub


def _topics(sub, end):
    """The topics of what comes, but for beats, until a message of that payload or, when it is none, two beats."""
    topics, beats = [], 0
    while True:
        topic, envelope = receive(sub)
        if topic == b"$heads":
            beats += 1
            if not end and beats == 2:
                return topics
            continue
        topics.append(topic)
        if end and decode(envelope)[3] == end:
            return topics


def test_subscription_is_granted_when_a_rule_covers_all_of_it(bridge, keys, clients):
    root = clients["root"]
    granted = _subscribe(bridge, keys["sensor-1"], b"orders.", b"alarm")
    denied = _subscribe(bridge, keys["sensor-1"], b"", b"order", b"orders", b"ala", b"alarms", b"secret", b"$rejected")
    narrow = _subscribe(bridge, keys["sensor-1"], b"orders.eu.")
    all_of_it = _subscribe(bridge, keys["root"], b"")
    for channel in ("orders", "orders.eu.1", "orders.us", "secret", "alarms", "alarm"):
        root.publish(channel, b"end" if channel == "alarm" else b"x")
    #  ZeroMQ's subscriptions are prefixes, that to a name too.
    assert _topics(granted, b"end") == [b"orders.eu.1", b"orders.us", b"alarms", b"alarm"]
    assert _topics(all_of_it, b"end")[-6:] == [b"orders", b"orders.eu.1", b"orders.us", b"secret", b"alarms", b"alarm"]
    assert _topics(narrow, None) == [b"orders.eu.1"]
    assert _topics(denied, None) == []
    assert any("event=subscription_denied" in line and "client=sensor-1" in line for line in bridge.process.lines)


def test_subscription_can_be_ended(bridge, keys, clients):
    sub = _subscribe(bridge, keys["root"], b"ended", b"kept")
    sub.unsubscribe(b"ended")
    while receive(sub)[0] != b"$heads":
        pass
    clients["root"].publish("ended", b"x")
    clients["root"].publish("kept", b"end")
    assert _topics(sub, b"end") == [b"kept"]


def test_own_routing_id_is_denied_with_curve(bridge, keys):
    """Whoever claimed it later could get the replies."""
    dealer = bridge.socket(zmq.DEALER, "router", routing_id=b"mine", **keys["root"])
    dealer.send(pack({"op": "ping", "seq": 1}))
    reply = unpack(receive(dealer)[0])
    assert (reply["ok"], reply["code"]) == (False, "denied")


def test_everything_but_admin_without_rules(lab, server, tmp_path):
    certificates = Certificates(tmp_path / "certificates")
    alice = certificates.client("alice")
    bridge = lab.bridge(server, security=certificates.security)
    client = bridge.client(**alice)
    subscriber = bridge.subscriber("a", **alice)
    assert client.publish("a", b"x") == [1]
    assert subscriber.payloads(1) == [b"x"]
    assert len(client.ok(op="take", channels=["a"])["messages"]) == 1
    assert client.ask(op="flush", channel="a", all=True)["code"] == "denied"


#  Reload

def _reload(bridge, **sections):
    """Writes the configuration anew, and waits until the bridge has read it."""
    bridge.sections.update(sections)
    (bridge.directory / "bridge.toml").write_text(toml(bridge.sections), encoding="utf-8")
    before = sum("event=reload" in line for line in list(bridge.process.lines))
    bridge.process.signal(signal.SIGHUP)
    eventually(lambda: sum("event=reload" in line for line in list(bridge.process.lines)) > before, "the reload")


def test_reload_changes_rules_and_drops_nobody(lab, server, tmp_path):
    certificates = Certificates(tmp_path / "certificates")
    alice, bob = certificates.client("alice"), certificates.client("bob", file="bob.cert")
    every = {"publish": ["*"], "subscribe": ["*"], "consume": ["*"]}
    bridge = lab.bridge(server, security=certificates.security, access=[{"client": "*", **every}])
    hers, his = bridge.client(**alice), bridge.client(**bob)
    subscriber, push = bridge.subscriber("news", **alice), bridge.push(**alice)
    push.send_multipart([b"news", b"before"])
    assert subscriber.payloads(1) == [b"before"]
    his.publish("jobs", b"x")
    assert len(his.ok(op="take", channels=["jobs"])["messages"]) == 1
    waiting = his.send(op="take", channels=["jobs"], wait_ms=20000)
    hers_too = hers.send(op="take", channels=["news.jobs"], wait_ms=20000)

    carol = certificates.client("carol")
    _reload(bridge, access=[{"client": "bob", "publish": ["bobs"]}, {"client": "*", **every}])
    assert his.reply(waiting)["code"] == "denied"
    assert his.ask(op="publish", channel="jobs", payload=b"x")["code"] == "denied"
    assert his.ok(op="publish", channel="bobs", payload=b"x")["ids"] == [1]
    push.send_multipart([b"news", b"after"])
    assert subscriber.payloads(1) == [b"after"]
    hers.publish("news.jobs", b"x")
    assert len(hers.reply(hers_too)["messages"]) == 1

    #  A client that was refused before its certificate was there has to connect anew.
    assert eventually(lambda: bridge.client(**carol).ask(op="ping")["ok"], "carol")

    certificates.remove("bob.cert")
    _reload(bridge)
    eventually(lambda: his.ask(op="ping").get("code") == "denied", "that bob is denied")
    assert hers.ok(op="ping")
    bridge.push(**bob).send_multipart([b"bobs", b"y"])
    assert hers.ok(op="status", channel="bobs")["channels"]["bobs"]["head"] == 1


def test_reload_of_what_is_wrong_changes_nothing(lab, server, tmp_path):
    certificates = Certificates(tmp_path / "certificates")
    alice = certificates.client("alice")
    bridge = lab.bridge(server, security=certificates.security)
    client = bridge.client(**alice)
    _reload(bridge, access=[{"client": "alice", "subscribe": ["a?b"]}])
    assert any("event=reload_refused" in line for line in bridge.process.lines)
    assert client.publish("a", b"x") == [1]
    _reload(bridge, access=[], security={**certificates.security, "clients_dir": str(tmp_path / "gone")})
    assert sum("event=reload_refused" in line for line in bridge.process.lines) == 2
    assert client.publish("a", b"y") == [2]
