"""A stranger: connects again and again, at a given rate, and never has a key that counts.

flood KIND RATE SERVER_KEY PORT…: until SIGTERM; prints what it did. flood sink: accepts and closes, at a port that it
prints."""

import collections
import json
import os
import resource
import signal
import socket
import struct
import sys
import threading
import time

import zmq

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15)
CLIENT, SERVER = GREETING + bytes(32), GREETING + b"\x01" + bytes(31)
HELLO_BYTES = 202
#  How long a connection is left open that the bridge is to work on.
HELD_S = 0.2
#  So that no port of the host is kept busy.
RESET = struct.pack("ii", 1, 0)


def recorded_hello(server_key):
    """The greeting and HELLO of one who knows the bridge's public key; they are good as often as they are sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener, zmq.Context() as context:
        peer = context.socket(zmq.DEALER)
        peer.linger = 0
        peer.curve_serverkey = server_key
        peer.curve_publickey, peer.curve_secretkey = zmq.curve_keypair()
        peer.connect(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        raw, _ = listener.accept()
        raw.settimeout(10)
        with raw:
            raw.sendall(SERVER)
            said = b""
            while len(said) < len(CLIENT) + HELLO_BYTES:
                said += raw.recv(1024)
        peer.close()
    return said


def _garbage():
    return os.urandom(200)


#  What is sent, and for how long the connection stays.
RAW = {
    "knock": (None, 0),                     # connects, and closes
    "silent": (None, 10),                   # connects, and never speaks
    "garbage": (_garbage, HELD_S),          # random bytes
    "greeting": (lambda: CLIENT, 10),       # begins a handshake, and leaves it open
    #  A HELLO for another's key: the bridge has to compute to see that.
    "wrong hello": (lambda: CLIENT + b"\x04\xc8\x05HELLO\x01\x00" + bytes(72) + os.urandom(120), HELD_S),
    "hello": (None, HELD_S),                # a good HELLO, recorded once: the bridge computes its WELCOME
}
#  Whole handshakes of ZeroMQ.
SOCKETS = ("no key", "unknown key")
KINDS = (*RAW, *SOCKETS)


class Stranger:
    def __init__(self, kind, server_key):
        self.kind, self.server_key = kind, server_key
        self.attempts = self.connected = 0
        self._held = collections.deque()
        self._hello = recorded_hello(server_key) if kind == "hello" else None
        self._context = zmq.Context() if kind in SOCKETS else None
        if self._context:
            self._context.max_sockets = 65535

    def _open_raw(self, port):
        text, held_s = RAW[self.kind]
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        raw.setblocking(False)
        raw.connect_ex(("127.0.0.1", port))
        try:
            raw.send(self._hello or (text() if text else b""))
            self.connected += 1
        except OSError:
            pass  #  nobody listens just now
        return raw, held_s

    def _open_socket(self, port):
        peer = self._context.socket(zmq.DEALER)
        peer.linger = 0
        if self.kind == "unknown key":
            peer.curve_serverkey = self.server_key
            peer.curve_publickey, peer.curve_secretkey = zmq.curve_keypair()
        peer.connect(f"tcp://127.0.0.1:{port}")
        self.connected += 1
        return peer, HELD_S

    def open(self, port):
        self.attempts += 1
        peer, held_s = self._open_socket(port) if self._context else self._open_raw(port)
        self._held.append((time.monotonic() + held_s, peer))
        while self._held and self._held[0][0] <= time.monotonic():
            self._held.popleft()[1].close()


def flood(kind, rate, server_key, ports):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stranger = Stranger(kind, server_key)
    print("ready", flush=True)
    began, before = time.monotonic(), time.process_time()
    while not stop.is_set():
        while not stop.is_set() and stranger.attempts < (time.monotonic() - began) * rate:
            stranger.open(ports[stranger.attempts % len(ports)])
        time.sleep(0.002)
    print(json.dumps({"attempts": stranger.attempts, "connected": stranger.connected,
                      "seconds": time.monotonic() - began, "cpu_s": time.process_time() - before}), flush=True)
    os._exit(0)  #  what is open goes with it


def sink():
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            listener.accept()[0].close()


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink()
    flood(sys.argv[1], float(sys.argv[2]), sys.argv[3].encode(), list(map(int, sys.argv[4:])))
