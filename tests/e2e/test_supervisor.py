"""What systemd is told: sd_notify's protocol over a datagram socket."""

import signal
import socket

import pytest


@pytest.fixture
def supervisor(tmp_path):
    """A socket that takes the bridge's words, and the environment that leads there."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(30)
        yield listener, {"NOTIFY_SOCKET": str(path)}


def _wait_word(listener, word):
    lines = []
    while word not in lines:
        lines = listener.recv(4096).decode().split("\n")
    return lines


def test_it_is_told_when_the_bridge_serves_and_when_it_stops(lab, server, supervisor):
    listener, env = supervisor
    bridge = lab.bridge(server, env=env)
    lines = listener.recv(4096).decode().split("\n")
    assert lines[0] == "READY=1"
    assert f"router={bridge.endpoint('router')}" in lines[1]
    bridge.process.signal(signal.SIGTERM)
    lines = _wait_word(listener, "STOPPING=1")
    assert int(lines[-1].removeprefix("EXTEND_TIMEOUT_USEC=")) >= 10_000_000
    assert bridge.process.wait() == 0


def test_it_is_told_again_and_again_that_the_bridge_lives(lab, server, supervisor):
    listener, env = supervisor
    lab.bridge(server, env={**env, "WATCHDOG_USEC": "100000"})
    for _ in range(5):
        _wait_word(listener, "WATCHDOG=1")


def test_nobody_is_told_without_a_supervisor(lab, server):
    bridge = lab.bridge(server)
    assert bridge.client().ok(op="ping")
