"""listen PUB ROUTER CHANNEL: a durable subscriber as a program of its own, up to a message `end`.

It writes a line to stderr with its first message and for each hole that it saw on SUB: `begun`, `hole FIRST LAST`; at
its end one to stdout for each message that it worked: `ID`, and the beginning of its payload."""

import sys

import zmq
from durable import Durable

SHOWN = 20  #  bytes of a payload


class _Watched:
    """Stands in for a Durable's SUB socket, and tells the holes of a channel."""

    def __init__(self, sub, channel):
        self._sub, self._channel = sub, channel
        self._last = None
        self.poll = sub.poll

    def recv_multipart(self):
        frames = self._sub.recv_multipart()
        if frames[0] == self._channel:
            self._see(int.from_bytes(frames[1][2:10], "big"))
        return frames

    def _see(self, id_):
        if self._last is None:
            print("begun", file=sys.stderr, flush=True)
        elif id_ != self._last + 1:
            print("hole", self._last + 1, id_ - 1, file=sys.stderr, flush=True)
        self._last = id_


def main(pub, router, channel):
    worked = []
    durable = Durable(zmq.Context(), pub, router, [channel],
                      lambda channel, id_, payload: worked.append((id_, payload[:SHOWN])))
    durable.sub = _Watched(durable.sub, channel.encode())
    while not worked or worked[-1][1] != b"end":
        durable.step(1000)
    for id_, payload in worked[:-1]:
        print(id_, payload.decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
