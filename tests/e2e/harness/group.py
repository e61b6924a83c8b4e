"""A group of a channel, driven through the scripts alone: no bridge."""

import struct

from . import scripts


def envelope(id_, payload=b"x"):
    """Without headers; the time is of no matter."""
    return b"\x94\xcf" + struct.pack(">Q", id_) + b"\xcf" + struct.pack(">Q", 1000) + b"\xc0\xc4" \
        + bytes([len(payload)]) + payload


def ids(runs):
    """Of first, last; first, last … each id."""
    return [id_ for first, last in zip(runs[::2], runs[1::2]) for id_ in range(first, last + 1)]


class Taken:
    """What take.lua answered."""

    def __init__(self, reply):
        self.state, self.lease, self.deadline_ms, self.now_ms, runs, letters, self.more = reply
        self.state = self.state.decode()
        self.runs = list(zip(runs[::3], runs[1::3], runs[2::3]))
        self.attempts = [(id_, attempt) for first, last, attempt in self.runs for id_ in range(first, last + 1)]
        self.ids = [id_ for id_, _ in self.attempts]
        self.letters = dict(zip(map(int, letters[::2]), letters[1::2]))


class Group:
    """`base` and `key` name what lies in Redis; a method is one step."""

    def __init__(self, store, channel="orders", name="g"):
        self.store = store
        self.name = name
        self.base = f"zrb:{{{channel}}}:"
        self.steps = {step: store.register_script(scripts.text(step))
                      for step in ("take", "ack", "nack", "touch", "bury", "release", "lapse")}

    def key(self, what):
        return f"{self.base}{what}:{self.name}"

    def run(self, step, *args):
        return self.steps[step](keys=[self.base + "meta"], args=[self.name, *args])

    @property
    def head(self):
        return int(self.store.hget(self.base + "meta", "head") or 0)

    @property
    def leased(self):
        return int(self.store.hget(self.key("group"), "leased") or 0)

    def append(self, count=1, front=False, pack=1):
        """Returns the ids. `pack`: envelopes a member."""
        first = self.head + 1
        for low in range(first, first + count, pack):
            high = min(low + pack, first + count)
            self.store.zadd(self.base + "log", {b"".join(map(envelope, range(low, high))): high - 1})
        self.store.hset(self.base + "meta", mapping={"head": first + count - 1, "time": 1000})
        for id_ in range(first, first + count) if front else ():
            self.store.zadd(self.key("ready"), {id_: -id_})
            self.store.zadd(self.key("ahead"), {id_: id_})
        return list(range(first, first + count))

    def take(self, max_=1, lease_ms=3600000, consumer="", ack_none=False, create=True, window=0):
        return Taken(self.run("take", max_, lease_ms, consumer, "1" if ack_none else "", "1" if create else "", window))

    def settle(self, step, *what):
        """`what`: one lease, or pairs (id, lease). Returns the ids that are done, already, stale."""
        before = {"ack": (), "nack": (0, "", 10), "touch": (3600000,), "bury": ("",)}[step]
        return self._settle(step, before, what)[:3]

    def nack(self, *what, delay_ms=0, reason="", most=10):
        return self._settle("nack", (delay_ms, reason, most), what)

    def touch(self, *what, lease_ms=3600000):
        return self._settle("touch", (lease_ms,), what)

    def bury(self, *what, reason=""):
        return self._settle("bury", (reason,), what)

    def ack(self, *what):
        return self._settle("ack", (), what)

    def _settle(self, step, before, what):
        flat = [value for pair in what for value in (pair if isinstance(pair, tuple) else (pair,))]
        reply = self.run(step, *before, *flat)
        return [sorted(ids(runs)) for runs in reply[:3]] + reply[3:]

    def lapse(self, max_=1000, most=10):
        return self.run("lapse", max_, most)

    def lapse_all(self, most=10):
        while self.lapse(most=most)[1]:
            pass

    def kill(self, id_):
        """Puts it behind the floor, as retention does."""
        self.store.hset(self.base + "meta", "floor", id_ + 1)

    def expire(self, id_):
        self.store.zadd(self.base + "gaps", {f"{id_} {id_} expired": id_})

    def redrive(self, id_):
        assert self.store.zrem(self.key("dead"), id_)
        self.store.zadd(self.key("ready"), {id_: id_})
        self.store.zadd(self.key("returned"), {f"{id_} 0 0": id_})

    def letter(self, id_):
        """attempts, consumer, reason, envelope of a dead letter; None: there is none."""
        letter = self.store.hget(self.key("letters"), id_)
        if letter is None:
            return None
        attempts, _, consumer, size, rest = letter.split(b" ", 4)
        return int(attempts), consumer.decode(), rest[:int(size)].decode(), rest[int(size):]

    def lapsed(self, count=1):
        """A lease that has run out on `count` messages: what take gave."""
        taken = self.take(count, lease_ms=0)
        self.lapse_all()
        return taken
