"""Stock ZeroMQ clients of a bridge: asking, sending, receiving."""

import itertools
import time
import uuid

import zmq

from .wait import PATIENCE_S
from .wire import decode, id_of, pack, unpack


def receive(socket, patience_s=PATIENCE_S):
    """The next multipart of a socket; fails when none comes."""
    if not socket.poll(patience_s * 1000):
        raise AssertionError(f"nothing came within {patience_s} s")
    return socket.recv_multipart()


class Client:
    """Asks over DEALER, any number of requests at a time, each with a seq of its own."""

    def __init__(self, context, endpoint, **options):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0
        for option, value in options.items():
            setattr(self.socket, option, value)
        self.socket.connect(endpoint)
        self._seqs = itertools.count(1)
        self._replies = {}

    def send(self, **request):
        """Sends a request and returns its seq."""
        seq = next(self._seqs)
        self.socket.send(pack({**request, "seq": seq}))
        return seq

    def reply(self, seq, patience_s=PATIENCE_S):
        """The reply to that request, in whatever order replies come."""
        deadline = time.monotonic() + patience_s
        while seq not in self._replies:
            frames = receive(self.socket, max(0, deadline - time.monotonic()))
            assert len(frames) == 1, frames
            reply = unpack(frames[0])
            self._replies[reply["seq"]] = reply
        return self._replies.pop(seq)

    def ask(self, **request):
        return self.reply(self.send(**request))

    def ok(self, **request):
        """Asks, and expects success."""
        reply = self.ask(**request)
        assert reply["ok"] is True, reply
        return reply

    def raw(self, **request):
        """Asks and returns the reply's bytes. Not while other requests are under way."""
        self.socket.send(pack(request))
        frames = receive(self.socket)
        assert len(frames) == 1, frames
        return frames[0]

    def publish(self, channel, *payloads):
        """Publishes and returns the ids."""
        return self.ok(op="publish", messages=[[channel, payload] for payload in payloads])["ids"]

    def replay_all(self, channel, after=0, **options):
        """All messages above `after`, by as many replays as it takes: [(id, time_ms, headers, payload)]."""
        messages = []
        while True:
            reply = self.ok(op="replay", channel=channel, after=after, **options)
            messages += [tuple(envelope) for _, envelope in reply["messages"]]
            assert reply["next"] > after or not reply["more"], reply
            after = reply["next"]
            if not reply["more"]:
                return messages

    def replay_whole(self, channel, limit=1000):
        """([message], [(first, last, why)]) of a channel. Each id from 1 to the head is a message, or in a gap."""
        messages, gaps, after, more = [], [], 0, True
        while more:
            reply = self.ok(op="replay", channel=channel, after=after, limit=limit)
            messages += [tuple(envelope) for _, envelope in reply["messages"]]
            gaps += [tuple(gap[1:]) for gap in reply["gaps"]]
            after, more = reply["next"], reply["more"]
        covered = sorted([(id_, id_) for id_, *_ in messages] + [(first, last) for first, last, _ in gaps])
        assert [first for first, _ in covered] + [reply["head"] + 1] == [1] + [last + 1 for _, last in covered], covered
        return messages, gaps


class Subscriber:
    """A SUB that is known to be subscribed once it is made."""

    def __init__(self, context, bridge, *topics, hwm=0, **options):
        self.socket = context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvhwm = hwm
        for option, value in options.items():
            setattr(self.socket, option, value)
        for topic in topics:
            self.socket.subscribe(topic)
        self._probe = f"probe.{uuid.uuid4().hex}".encode()
        self.socket.subscribe(self._probe)
        self.socket.connect(bridge.endpoint("pub"))
        self._wait_subscribed(bridge.client(**options))

    def _wait_subscribed(self, client):
        """Publishes probes until one comes: subscriptions take effect in the order in which they were made."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            client.publish(self._probe.decode(), b"")
            if self.socket.poll(50):
                frames = self.socket.recv_multipart()
                if frames[0] == self._probe:
                    self.socket.unsubscribe(self._probe)
                    return
        raise AssertionError("the subscription did not take effect")

    def next(self, patience_s=PATIENCE_S):
        """The next (channel, envelope bytes); probes, of others too, are skipped."""
        while True:
            channel, envelope = receive(self.socket, patience_s)
            if not channel.startswith(b"probe."):
                return channel, envelope

    def take(self, count, patience_s=PATIENCE_S):
        return [self.next(patience_s) for _ in range(count)]

    def ids(self, count):
        return [id_of(envelope) for _, envelope in self.take(count)]

    def payloads(self, count):
        return [decode(envelope)[3] for _, envelope in self.take(count)]

    def is_silent(self, ms=100):
        """True when nothing but probes comes for that long: only to show that something does not come."""
        deadline = time.monotonic() + ms / 1000
        while self.socket.poll(max(0, (deadline - time.monotonic()) * 1000)):
            if not self.socket.recv_multipart()[0].startswith(b"probe."):
                return False
        return True
