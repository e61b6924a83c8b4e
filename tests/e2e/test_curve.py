"""CURVE: who has a certificate uses every socket, and nobody else any; zrb keygen makes certificates."""

import os
import re
import socket
import subprocess
import time

import pytest
import zmq
import zmq.auth
import zmq.utils.monitor

from harness.bridge import ANY_PORT, PACK
from harness.certificates import Certificates, Pair
from harness.client import receive
from harness.wait import eventually
from harness.wire import decode, pack, unpack
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing shows on no connection")
SOCKETS = {"pull": zmq.PUSH, "sub": zmq.PUB, "pub": zmq.SUB, "router": zmq.DEALER, "push": zmq.PULL}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def alice(certificates):
    return certificates.client("alice")


@pytest.fixture(scope="module")
def bridge(shared_lab, certificates, alice):
    bridge = shared_lab.bridge(shared_lab.redis(), security=certificates.security,
                               workers=[{"push": [ANY_PORT], "channels": ["jobs"]}])
    bridge.endpoints["push"] = bridge.sections["workers"][0]["push"]
    return bridge


def _expect_refusal(peer):
    """Waits until the connection has failed."""
    failed = {zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
              zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL}
    monitor = peer.get_monitor_socket()
    while True:
        assert monitor.poll(20000), "not refused"
        event = zmq.utils.monitor.recv_monitor_message(monitor)["event"]
        assert event != zmq.EVENT_HANDSHAKE_SUCCEEDED
        if event in failed:
            peer.disable_monitor()
            return


def test_client_with_a_certificate_uses_every_socket(bridge, alice):
    client = bridge.client(**alice)
    subscriber = bridge.subscriber("good", **alice)
    bridge.push(**alice).send_multipart([b"good", b"pushed"])
    assert subscriber.payloads(1) == [b"pushed"]
    pub = bridge.socket(zmq.PUB, "sub", **alice)
    eventually(lambda: pub.send_multipart([b"good", b"published"]) or client.ok(op="status", channel="good")[
        "channels"]["good"]["head"] > 1, "a message of PUB")
    assert subscriber.payloads(1) == [b"published"]
    client.publish("jobs", b"work")
    worker = bridge.worker(**alice)
    channel, envelope, _ = receive(worker)
    assert (channel, decode(envelope)[3]) == (b"jobs", b"work")
    bridge.lose(worker)


@pytest.mark.fault(15)
@pytest.mark.parametrize("what", SOCKETS)
@pytest.mark.parametrize("who", ["no key", "unknown key", "wrong server key", "plain"])
def test_stranger_gets_nothing_in_or_out(bridge, certificates, alice, what, who):
    options = {"no key": {}, "unknown key": certificates.stranger(), "plain": {"plain_username": b"alice"},
               "wrong server key": {**alice, "curve_serverkey": zmq.curve_keypair()[0]}}[who]
    kind = SOCKETS[what]
    stranger = bridge.context.socket(kind)
    bridge.sockets.append(stranger)
    stranger.linger = 0
    for option, value in options.items():
        setattr(stranger, option, value)
    if kind == zmq.SUB:
        stranger.subscribe(b"")
    monitor = stranger.get_monitor_socket()
    assert monitor
    stranger.connect(bridge.endpoint(what))
    if kind in (zmq.PUSH, zmq.PUB):
        stranger.send_multipart([b"evil", b"message"])
    elif kind == zmq.DEALER:
        stranger.send(pack({"op": "publish", "channel": "evil", "payload": b"message"}))
    _expect_refusal(stranger)
    client = bridge.client(**alice)
    client.publish("jobs", b"work")
    assert client.ok(op="status", channel="evil")["channels"]["evil"]["head"] == 0
    if kind not in (zmq.PUSH, zmq.PUB):
        assert not stranger.poll(0)
    stranger.close()


def test_worker_without_a_certificate_is_given_no_work(bridge, alice):
    client = bridge.client(**alice)
    stranger = bridge.worker()
    worker = bridge.worker(rcvhwm=1000, **alice)
    missing = {b"%d" % number for number in range(20)}
    client.publish("jobs", *sorted(missing))
    while missing:
        missing.discard(decode(receive(worker)[1])[3])
    assert not stranger.poll(0)


@pytest.mark.fault(15)
@pytest.mark.parametrize("greeting", [b"\x01\0", b"\xff" + bytes(7) + b"\x01\x7f\x01\x08\0\0"],
                         ids=["ZMTP 1.0", "ZMTP 2.0"])
def test_protocols_before_curve_are_refused(bridge, greeting):
    host, port = bridge.endpoint("router")[len("tcp://"):].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(greeting)
        try:
            while raw.recv(1024):
                pass
        except ConnectionResetError:
            pass


def test_refusals_are_logged_one_line_a_second(bridge, certificates):
    reason = "no certificate in clients_dir has its key"
    pattern = re.compile(r"time=\S+T(\d+):(\d+):([\d.]+)Z .* event=refused count=(\d+) endpoint=tcp://\S+ "
                         rf'reason="{reason}"')

    def logged():
        matches = [pattern.match(line) for line in list(bridge.process.lines) if reason in line]
        assert all(matches)
        return matches

    before = sum(int(match.group(4)) for match in logged())
    options = certificates.stranger()
    strangers = []
    deadline = time.monotonic() + 20
    while sum(int(match.group(4)) for match in logged()) < before + 20:
        assert time.monotonic() < deadline
        strangers.append(bridge.push(**options))
        time.sleep(0.02)
    times = [int(match.group(1)) * 3600 + int(match.group(2)) * 60 + float(match.group(3)) for match in logged()]
    for earlier, later in zip(times, times[1:]):
        assert later - earlier > 0.9 or later < earlier
    for stranger in strangers:
        stranger.close()


def test_certificates_that_are_none_are_left_out_and_told(lab, server, tmp_path):
    certificates = Certificates(tmp_path / "certificates")
    alice = certificates.client("alice", file="a")
    twin = (certificates.clients_dir / "a").read_text()
    (certificates.clients_dir / "b").write_text(twin.replace("alice", "mallory"))
    (certificates.clients_dir / "c").write_text("nonsense")
    (certificates.clients_dir / "d").write_bytes(os.urandom(5000))
    (certificates.clients_dir / "e").mkdir()
    (certificates.clients_dir / "no name").write_text(f'curve\n    public-key = "{zmq.curve_keypair()[0].decode()}"\n')
    nameless = certificates.options(Pair(certificates.clients_dir / "nameless"))
    bridge = lab.bridge(server, security=certificates.security)
    assert sum("event=certificate_left_out" in line for line in bridge.process.lines) == 5
    for options in (alice, nameless):
        assert bridge.client(**options).ok(op="ping")


def test_same_routing_id_takes_nothing_over(lab, server):
    bridge = lab.bridge(server)
    first = bridge.socket(zmq.DEALER, "router", routing_id=b"mine")
    first.send(pack({"op": "take", "channels": ["jobs"], "wait_ms": 20000, "seq": 1}))
    first.send(pack({"op": "ping", "seq": 2}))
    assert unpack(receive(first)[0])["seq"] == 2
    second = bridge.socket(zmq.DEALER, "router", routing_id=b"mine")
    second.send(pack({"op": "ping", "seq": 3}))
    bridge.client().publish("jobs", b"work")
    reply = unpack(receive(first)[0])
    assert reply["seq"] == 1
    assert len(reply["messages"]) == 1
    assert not second.poll(0)


#  zrb keygen

def _keygen(*arguments, cwd):
    done = subprocess.run([Zrb.path(), "keygen", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def test_keygen_makes_certificates_that_serve(lab, server, tmp_path):
    (tmp_path / "clients").mkdir()
    for arguments in (("-o", "bridge.cert"), ("-o", "clients/alice.cert"), ("-o", "clients/x", "--name", "bob")):
        status, _, error = _keygen(*arguments, cwd=tmp_path)
        assert (status, error) == (0, "")
    secret = tmp_path / "bridge.cert_secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert "secret" not in (tmp_path / "bridge.cert").read_text()
    bridge = lab.bridge(server, security={"curve": True, "secret_key": str(secret),
                                          "clients_dir": str(tmp_path / "clients")})
    server_key = zmq.auth.load_certificate(tmp_path / "bridge.cert")[0]
    for file in ("alice.cert", "x"):
        public, own = zmq.auth.load_certificate(tmp_path / "clients" / f"{file}_secret")
        client = bridge.client(curve_publickey=public, curve_secretkey=own, curve_serverkey=server_key)
        assert client.ok(op="ping")
        files = {"ZRB_ENDPOINT": bridge.endpoint("router"), "ZRB_SERVER": str(tmp_path / "bridge.cert"),
                 "ZRB_CERT": str(tmp_path / "clients" / f"{file}_secret")}
        assert "answers" in Zrb(None, tmp_path).out("ping", env=files)
        Zrb(None, tmp_path).run("ping", "--wait", "20s", env={**files, "ZRB_SERVER": "/nowhere"}, status=2)
        ends = ["--push", bridge.endpoint("pull"), "--sub", bridge.endpoint("pub")]
        for mode in (["stream", *ends], ["publish"], ["queue"], ["replay"]):
            assert "good" in Zrb(None, tmp_path).out("bench", *mode, "-n", "300", "--keep", env=files)
    assert 'name = "alice"' in (tmp_path / "clients" / "alice.cert").read_text()
    assert 'name = "bob"' in (tmp_path / "clients" / "x").read_text()


def test_keygen_overwrites_nothing(tmp_path):
    assert _keygen("-o", "a", cwd=tmp_path)[0] == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert _keygen("-o", "a", cwd=tmp_path)[0] == 1
    (tmp_path / "b").touch()
    status, _, error = _keygen("-o", "b", cwd=tmp_path)
    assert (status, error.count("\n")) == (1, 1)
    assert "File exists" in error
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {**before, "b": b""}


@pytest.mark.parametrize("arguments, status", [
    (["--help"], 0), (["-o"], 2), (["--colour"], 2), (["more"], 2), (["-n", "a b"], 2), (["-n", 'a"b'], 2),
    (["-o", "nowhere/a"], 1)])
def test_keygen_tells_what_is_wrong_in_one_line(tmp_path, arguments, status):
    code, out, error = _keygen(*arguments, cwd=tmp_path)
    assert code == status
    assert (error.count("\n"), bool(out)) == ((0, True) if status == 0 else (1, False))
    assert not list(tmp_path.iterdir())
