"""Endpoints and certificates that may not be served are told at start, in one line."""

import os
import subprocess

import pytest

from harness.bridge import ANY_PORT, PACK, daemon, toml

pytestmark = pytest.mark.skipif(PACK > 1, reason="nothing is stored")


def _check(directory, **sections):
    """What --check says: (status, stderr)."""
    path = directory / "bridge.toml"
    path.write_text(toml({"control": {"router": [ANY_PORT]}, **sections}), encoding="utf-8")
    done = subprocess.run([daemon(), "--check", "-c", path], cwd=directory, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("section, key, endpoint", [
    ("ingest", "pull", "tcp://*:5551"), ("ingest", "sub", "tcp://0.0.0.0:5552"), ("fanout", "pub", "tcp://[::]:5553"),
    ("control", "router", "tcp://10.1.2.3:5555"), ("control", "router", "tcp://eth0:5555"),
    ("control", "router", "tcp://1.127.0.1:5555"), ("workers", "push", "tcp://*:*")])
def test_endpoint_that_others_reach_is_refused_without_curve(tmp_path, section, key, endpoint):
    keys = {key: ["ipc:///tmp/x", endpoint]}
    sections = {section: [keys] if section == "workers" else keys}
    status, error = _check(tmp_path, **sections)
    assert status == 2
    assert error.count("\n") == 1
    for part in (f"{section}.{key}", endpoint, "curve", "allow_plaintext"):
        assert part in error
    assert _check(tmp_path, **sections, security={"allow_plaintext": True}) == (0, "")


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "tcp://127.9.9.9:1", "tcp://[::1]:5555", "tcp://lo:5555",
                                      "ipc:///tmp/zrb-test"])
def test_endpoint_of_this_host_needs_nothing(tmp_path, endpoint):
    assert _check(tmp_path, control={"router": [endpoint]}) == (0, "")


def test_curve_needs_certificates_that_can_be_read(tmp_path):
    secret = tmp_path / "bridge.cert_secret"
    clients = tmp_path / "clients"

    def expect(*parts, secret_key=str(secret), clients_dir=str(clients)):
        status, error = _check(tmp_path, security={"curve": True, "secret_key": secret_key, "clients_dir": clients_dir})
        assert (status, error.count("\n")) == (2, 1), error
        for part in parts:
            assert part in error

    expect("security.secret_key", secret_key="")
    expect("security.secret_key", str(secret), "No such file")
    for text in ("", "\0\xff", "curve\n    public-key = \"short\"\n", "curve\n    public-key = \"" + "a" * 40 + "\"\n"):
        secret.write_text(text, encoding="latin-1")
        secret.chmod(0o600)
        expect("security.secret_key", str(secret))
    secret.unlink()
    os.mkfifo(secret)  # nobody will ever write to it
    expect("security.secret_key", str(secret), "not a file")
    secret.unlink()
    secret.touch(0o600)
    key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
    secret.write_text(f'curve\n    public-key = "{key}"\n    secret-key = "{key}"\n', encoding="ascii")
    expect("security.clients_dir", clients_dir="")
    expect("security.clients_dir", str(clients), "No such file")
    clients.mkdir()
    secret.chmod(0o644)
    expect("security.secret_key", "open to all")
    secret.chmod(0o640)
    assert _check(tmp_path, security={"curve": True, "secret_key": str(secret), "clients_dir": str(clients)})[0] == 0


@pytest.mark.parametrize("rule, part", [
    ({"subscribe": ["a.*.b"]}, "access.subscribe"), ({"subscribe": ["a?"]}, "access.subscribe"),
    ({"publish": ["a b"]}, "access.publish"), ({"client": ""}, "access.client"), ({"write": ["*"]}, "access.write")])
def test_access_rules_are_checked(tmp_path, rule, part):
    status, error = _check(tmp_path, access=[{"client": "a"}, rule])
    assert status == 2
    assert part in error


def test_variables_set_security(tmp_path):
    done = subprocess.run([daemon(), "--check"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "ZRB_SECURITY_CURVE": "true", "ZRB_SECURITY_SECRET_KEY": "/nowhere"})
    assert done.returncode == 2
    assert "/nowhere" in done.stderr
