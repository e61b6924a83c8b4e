"""Senders that go on while something breaks, and what must be true of their channel afterwards."""

import zmq

from . import log
from .background import Background
from .wait import PATIENCE_S, eventually
from .wire import decode, id_of, pack, unpack

CODES = {"busy", "unavailable", "unknown_outcome"}


class Pusher:
    """PUSHes `p 1`, `p 2`, … to a channel, at most `window` ahead of what a SUB of its own has got.

    `received`: the envelopes that SUB got.
    """

    def __init__(self, bridge, channel, window=400):
        self.channel, self.window = channel.encode(), window
        self.sent, self.back, self.received = 0, 0, []
        self._push = bridge.push()
        self.socket = bridge.subscriber(self.channel).socket

    @property
    def is_done(self):
        return self.back == self.sent

    def send(self):
        while self.sent - self.back < self.window:
            self.sent += 1
            self._push.send_multipart([self.channel, b"p %d" % self.sent])

    def take(self, frames):
        if frames[0] == self.channel:
            self.received.append(frames[1])
            self.back += decode(frames[1])[3].startswith(b"p ")


class Publisher:
    """Publishes `name 1`, `name 2`, … to a channel, `window` requests at a time; records how each ended."""

    def __init__(self, bridge, channel, name, window=10):
        self.channel, self.name, self.window = channel, name, window
        self.ok, self.refused, self.unknown = {}, [], []  #  payload: id; payloads
        self._sent, self._waiting = 0, set()
        self.socket = bridge.client().socket

    @property
    def is_done(self):
        return not self._waiting

    def send(self):
        while len(self._waiting) < self.window:
            self._sent += 1
            self._waiting.add(self._sent)
            self.socket.send(pack({"op": "publish", "seq": self._sent, "channel": self.channel,
                                   "payload": b"%s %d" % (self.name, self._sent)}))

    def take(self, frames):
        reply = unpack(frames[0])
        self._waiting.remove(reply["seq"])
        payload = b"%s %d" % (self.name, reply["seq"])
        if reply["ok"]:
            self.ok[payload] = reply["ids"][0]
        else:
            assert reply["code"] in CODES and reply["retry_ms"] > 0, reply
            (self.unknown if reply["code"] == "unknown_outcome" else self.refused).append(payload)


class Load(Background):
    """A Pusher and some Publishers to one channel; one thread drives them until `stop`."""

    def __init__(self, bridge, channel="orders", publishers=2):
        super().__init__()
        self.channel = channel
        self.pusher = Pusher(bridge, channel)
        self.publishers = [Publisher(bridge, channel, b"%c" % (97 + i)) for i in range(publishers)]
        self.start()

    def run(self):
        senders = {sender.socket: sender for sender in (self.pusher, *self.publishers)}
        poller = zmq.Poller()
        for socket in senders:
            poller.register(socket, zmq.POLLIN)
        while not self._stop.is_set() or not all(sender.is_done for sender in senders.values()):
            if not self._stop.is_set():
                for sender in senders.values():
                    sender.send()
            ready = poller.poll(PATIENCE_S * 1000)
            assert ready, f"nothing came within {PATIENCE_S} s"
            for socket, _ in ready:
                senders[socket].take(socket.recv_multipart())

    def wait_more(self, count=1):
        """Until `count` more messages that were pushed have come back."""
        self.wait(lambda wanted=self.pusher.back + count: self.pusher.back >= wanted, f"{count} more messages")

    def wait(self, condition, what):
        eventually(lambda: self.failure or condition(), what)
        self.check()

    def stop(self):
        """Sends no more, and returns when all has come back."""
        self.join(2 * PATIENCE_S)

    def expect_each_once(self, store, holes=False):
        """All is stored once, in the order in which it was sent, under the ids that were told; what was refused is
        not; a SUB got exactly what is stored. Returns the log's members."""
        if not holes:
            log.expect_sound(store, self.channel)
        members = log.members(store, self.channel)
        assert [id_of(member) for _, member in members] == [id_ for id_, _ in members]
        found = {}
        for id_, member in members:
            payload = decode(member)[3]
            assert payload not in found, f"{payload} under {found[payload]} and {id_}"
            found[payload] = id_
        self._expect_order(found)
        for publisher in self.publishers:
            assert publisher.ok
            assert {payload: found.get(payload) for payload in publisher.ok} == publisher.ok
            assert not found.keys() & set(publisher.refused)
        told = {payload for publisher in self.publishers for payload in (*publisher.ok, *publisher.unknown)}
        assert {payload for payload in found if not payload.startswith(b"p ")} <= told
        #  SUB may still be on its way through what came behind the last pushed message.
        received = self.pusher.received
        assert received and received == [member for _, member in members][:len(received)]
        return members

    def _expect_order(self, found):
        numbers = {}
        for payload in found:
            name, number = payload.split()
            numbers.setdefault(name, []).append(int(number))
        assert numbers.pop(b"p") == list(range(1, self.pusher.sent + 1))
        for own in numbers.values():
            assert own == sorted(own)
