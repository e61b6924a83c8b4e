"""Clients that insist through faults: what they send is numbered, and what they get is checked as it comes.

A payload is its publisher's letter, its number, and dots up to SIZE bytes.
"""

import collections
import contextlib
import hashlib
import os
import pathlib
import subprocess
import threading
import time

from harness.background import Background
from harness.recorder import Runner

from .numbers import Numbers

SIZE = 100
DIGITS = 12
PAD = b"." * (SIZE - 1 - DIGITS) + b"\n"
#  Messages that a publisher may be ahead of those who get them.
WINDOW = 10000
CHUNK = 1000
TICK_S = 0.01
#  What was not sent while all stood still is sent later, as far as it is that young.
OWED_S = 2


def _number(payload):
    return int(payload[1:1 + DIGITS])


class Program(Background):
    """A `zrb` that goes on, and a thread at its pipe."""

    def __init__(self, zrb, name, *argv, **pipe):
        super().__init__()
        self.name = name
        self._errors = pathlib.Path(zrb.env["HOME"]) / f"{name}.err"
        with open(self._errors, "wb") as errors:
            self.child = zrb.popen(*map(str, argv), stdout=subprocess.PIPE, stderr=errors, **pipe)

    def __str__(self):
        return f"zrb of {self.name}"

    @property
    def said(self):
        """What it told on stderr, its end."""
        return self._errors.read_text(encoding="utf-8", errors="replace")[-2000:]

    def kill(self):
        self.child.kill()
        self.child.wait()


class Publisher(Program):
    """Feeds `zrb pub` with numbered lines. `got ()`: how many of them everybody has got."""

    def __init__(self, zrb, letter, channel, *argv):
        super().__init__(zrb, f"publisher-{letter}", "pub", channel, *argv, stdin=subprocess.PIPE)
        self.letter, self.channel = letter, channel
        self.code = ord(letter)
        self.sent = 0
        self.got = lambda: 0
        self.pace(None)

    def pace(self, rate):
        """So many a second from now on; None: as fast as it goes."""
        self._pace = (rate, time.monotonic(), self.sent)

    def _due(self):
        rate, since, before = self._pace
        if rate is None:
            return CHUNK
        due = before + int((time.monotonic() - since) * rate) - self.sent
        if due > OWED_S * rate:
            self.pace(rate)
        return due

    def run(self):
        with contextlib.suppress(BrokenPipeError), self.child.stdin as pipe:
            while not self._stop.is_set():
                count = min(self._due(), CHUNK, self.got() + WINDOW - self.sent)
                if count > 0:
                    pipe.write(b"".join([b"%c%0*d%s" % (self.code, DIGITS, number, PAD)
                                         for number in range(self.sent + 1, self.sent + count + 1)]))
                    pipe.flush()
                    self.sent += count
                else:
                    self._stop.wait(TICK_S)
            return
        raise AssertionError(f"{self} ended: {self.said}")

    def finish(self, patience_s):
        """Sends no more. What it says when all has been sent."""
        self.join(patience_s)
        status = self.child.wait(patience_s)
        assert status == 0, f"{self} ended with {status}: {self.said}"
        return self.child.stdout.read().decode()


class Follower(Program):
    """Reads what `zrb sub` prints: each publisher's messages, each once, in order. `last`: {publisher's letter's code:
    its newest number}; `id`: the newest; `digest`: of all that was printed."""

    def __init__(self, zrb, name, channel, codes):
        super().__init__(zrb, f"follower-{name}-{channel}", "sub", channel, "--from", 1, "--format", "%i %p\\n")
        self.channel = channel
        self.last = dict.fromkeys(codes, 0)
        self.id = 0
        self.digest = hashlib.blake2b()

    def run(self):
        rest = b""
        while chunk := os.read(self.child.stdout.fileno(), 1 << 18):
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            if newline:
                self.digest.update(whole + newline)
                self._check(whole.split())
        assert self._stop.is_set(), f"{self} ended: {self.said}"

    def _check(self, words):
        ids, payloads = list(map(int, words[::2])), words[1::2]
        assert ids == sorted(set(ids)) and ids[0] > self.id, f"{self}: ids do not ascend behind {self.id}"
        assert set(map(len, payloads)) == {SIZE}, f"{self}: a payload is not whole"
        self.id = ids[-1]
        count = 0
        for code, last in self.last.items():
            own = [_number(payload) for payload in payloads if payload[0] == code]
            wanted = list(range(last + 1, last + 1 + len(own)))
            assert own == wanted, f"{self}: behind {last} of {code:c} " + self._first_fault(own, wanted)
            self.last[code] = last + len(own)
            count += len(own)
        assert count == len(payloads), f"{self}: what nobody sent"

    def _first_fault(self, own, wanted):
        return next(f"came {one}, not {other}, id {self.id}" for one, other in zip(own, wanted) if one != other)

    def stop(self):
        self._stop.set()
        self.child.terminate()
        self.join(10)


class Queue:
    """What takers have been given, and what they settled: {publisher's letter's code: numbers}. `again`: how often a
    message came once more."""

    def __init__(self, codes):
        self._lock = threading.Lock()
        self.delivered = {code: Numbers() for code in codes}
        self._done = {code: Numbers() for code in codes}
        self.again = 0

    @staticmethod
    def _by_code(payloads):
        numbers = collections.defaultdict(list)
        for payload in payloads:
            numbers[payload[0]].append(_number(payload))
        return numbers.items()

    def deliver(self, payloads):
        with self._lock:
            self.again += sum(self.delivered[code].add(numbers) for code, numbers in self._by_code(payloads))

    def settle(self, payloads):
        with self._lock:
            for code, numbers in self._by_code(payloads):
                assert self._done[code].add(numbers) == 0, "an ack was done twice"


class Taker(Runner):
    """Takes and acks, whole leases at a time."""

    def __init__(self, bridge, channel, name, queue):
        self._take = {"op": "take", "channels": [channel], "max": 500, "lease_ms": 5000, "wait_ms": 300,
                      "consumer": name}
        self._channel, self._queue = channel, queue
        super().__init__(bridge)

    def step(self):
        reply = self.ask(**self._take)
        if not reply or not reply["ok"]:
            self.rest()
            return
        leases = collections.defaultdict(dict)
        for _, (id_, _, _, payload), lease, _ in reply["messages"]:
            leases[lease][id_] = payload
        for lease, held in leases.items():
            self._queue.deliver(held.values())
            told = self.insist(op="ack", channel=self._channel, lease=lease)
            self._queue.settle([held[id_] for id_ in told["done"]])
