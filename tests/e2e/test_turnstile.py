"""Strangers in numbers: no more of them are let in than the bridge can bear, and who is there notices nothing."""

import os
import socket
import time

import pytest
from harness.bridge import PACK
from harness.certificates import Certificates

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern strangers")
#  As in bridge/turnstile.h; and those who come through before the gate has seen who came.
MOST, RATE_S, UNSEEN = 500, 100, 400


def _descriptors(bridge):
    return len(os.listdir(f"/proc/{bridge.process.pid}/fd"))


def _dial(bridge, client, count):
    """Connections that are begun and never speak, as many at a time as find room where TCP lets them wait."""
    host, port = bridge.endpoint("pull").removeprefix("tcp://").split(":")
    crowd = []
    while len(crowd) < count:
        for _ in range(50):
            raw = socket.socket()
            raw.setblocking(False)
            raw.connect_ex((host, int(port)))
            crowd.append(raw)
        client.ok(op="ping")
    return crowd


def _hang_up(crowd):
    for raw in crowd:
        raw.close()


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path / "certificates")


def test_a_flood_of_strangers_is_held_back_and_a_client_stays(lab, certificates):
    alice = certificates.client("alice")
    bridge = lab.bridge(lab.redis(), security=certificates.security)
    client = bridge.client(**alice)
    client.ok(op="ping")
    first = _dial(bridge, client, MOST + 200)
    bridge.process.wait_line("event=shut count=1 ")
    before, began = _descriptors(bridge), time.monotonic()
    second = _dial(bridge, client, 1000)
    let_in = _descriptors(bridge) - before
    assert let_in < RATE_S * (time.monotonic() - began) + UNSEEN
    _hang_up(first + second)
    bridge.client(**alice).ok(op="ping")  #  it opens again


def test_a_crowd_with_keys_is_let_in(lab, certificates):
    alice = certificates.client("alice")
    bridge = lab.bridge(lab.redis(), security=certificates.security)
    clients = []
    for _ in range(6):
        some = [bridge.client(**alice) for _ in range(MOST // 5)]
        for client in some:
            client.ok(op="ping")
        clients += some
    assert len(clients) > MOST
    assert "event=shut" not in bridge.process.log
