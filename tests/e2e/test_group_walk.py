"""A random walk of a group's steps against a small model: each id in one state, each answer as the model's."""

import random

import pytest

from harness.group import Group, envelope
from harness.wait import eventually

STEPS = 1500
MOST = 4


class Model:
    """What PROTOCOL.md says of each id: `state` new, front, ready, later, leased, dead or settled."""

    def __init__(self):
        self.state, self.attempts, self.lease, self.lapsed = {}, {}, {}, {}
        self.consumer, self.redriven, self.floor, self.newest = {}, set(), 1, 0

    def append(self, ids, state):
        for id_ in ids:
            self.state[id_], self.attempts[id_] = state, 0

    def having(self, *states):
        return [id_ for id_, state in sorted(self.state.items()) if state in states]

    def gone(self, id_):
        return id_ < self.floor and id_ not in self.redriven

    def order(self):
        """What waits, in the order of delivery."""
        return [id_ for id_ in self.having("front")[::-1] + self.having("ready") + self.having("new")
                if not self.gone(id_)]

    def take(self, max_, lease, consumer, ack_none):
        got = []
        for id_ in self.order()[:max_]:
            self.attempts[id_] += 1
            self.lapsed.pop(id_, None)
            got.append((id_, self.attempts[id_]))
            if ack_none:
                self.settle(id_)
            else:
                self.state[id_], self.lease[id_], self.consumer[lease] = "leased", lease, consumer
        return got

    def settle(self, id_):
        self.state[id_] = "settled"
        self.lapsed.pop(id_, None)
        self.redriven.discard(id_)

    def give_back(self, id_, state, lease=None, counted=True):
        self.attempts[id_] -= not counted
        if self.gone(id_):
            self.settle(id_)
        elif counted and self.attempts[id_] >= MOST:
            self.state[id_], self.attempts[id_] = "dead", 0
            self.redriven.discard(id_)
        else:
            self.state[id_] = state
            if lease:
                self.lapsed[id_] = lease

    def answer(self, step, id_, lease):
        """And what it does."""
        state = self.state.get(id_)
        if state is None or lease > self.newest:
            return "stale"
        if state == "leased" and self.lease[id_] == lease:
            if self.gone(id_):
                if step != "touch":
                    self.settle(id_)
                return "already"
            if step == "ack":
                self.settle(id_)
            elif step in ("nack", "later"):
                self.give_back(id_, "ready" if step == "nack" else "later")
            elif step == "bury":
                self.state[id_], self.attempts[id_] = "dead", 0
                self.redriven.discard(id_)
            return "done"
        if state in ("leased", "dead") or id_ in self.redriven:
            return self._late(step, id_, lease)
        if self.gone(id_) or state == "settled":
            return "already"
        return self._late(step, id_, lease)

    def _late(self, step, id_, lease):
        if step == "ack" and self.lapsed.get(id_) == lease:
            self.settle(id_)
            return "done"
        return "stale"


class Walk:
    def __init__(self, group, seed):
        self.group, self.model, self.random = group, Model(), random.Random(seed)
        self.given = []          # (id, lease), all ever
        self.due = {}            # lease: has it run out?

    def append(self):
        front = self.random.random() < 0.3 and "cursor" in {k.decode() for k in
                                                            self.group.store.hkeys(self.group.key("group"))}
        ids = self.group.append(self.random.randint(1, 8), front=front, pack=self.random.choice([1, 1, 3]))
        self.model.append(ids, "front" if front else "new")

    def take(self):
        max_, ack_none = self.random.randint(1, 12), self.random.random() < 0.1
        consumer = self.random.choice(["", "a", "b"])
        runs_out = self.random.random() < 0.3
        taken = self.group.take(max_, lease_ms=0 if runs_out else 3600000, consumer=consumer, ack_none=ack_none)
        # What is dropped may use up a call.
        while taken.more and not taken.ids:
            taken = self.group.take(max_, lease_ms=0 if runs_out else 3600000, consumer=consumer, ack_none=ack_none)
        wanted = self.model.take(len(taken.ids), taken.lease, consumer, ack_none)
        assert taken.attempts == wanted
        assert taken.ids or not self.model.order()
        for id_, letter in taken.letters.items():
            assert letter == envelope(id_)
        assert all(id_ in taken.letters for id_ in taken.ids if id_ < self.model.floor)
        if taken.lease:
            assert taken.lease > self.model.newest
            self.model.newest = taken.lease
            self.given += [(id_, taken.lease) for id_ in taken.ids]
            self.due[taken.lease] = runs_out

    def pairs(self):
        if not self.given:
            return [(1, 1)]
        held = [(id_, self.model.lease[id_]) for id_ in self.model.having("leased")]
        late = list(self.model.lapsed.items())
        pool = self.random.choice([held, held, late, self.given, [(self.random.randint(1, self.group.head + 2),
                                                                   self.random.choice(self.given)[1])]])
        some = set(self.random.sample(pool, min(len(pool), self.random.randint(1, 6)))) or {(1, 1)}
        return sorted(some, key=lambda pair: pair[::-1])

    def settle(self):
        step = self.random.choice(["ack", "ack", "ack", "nack", "later", "bury", "touch"])
        pairs = self.pairs()
        what = pairs
        if self.random.random() < 0.4:
            lease = pairs[0][1]
            pairs = [(id_, lease) for id_ in self.model.having("leased") if self.model.lease[id_] == lease] \
                or [(id_, by) for id_, by in sorted(self.model.lapsed.items()) if by == lease]
            what = [lease]
        wanted = {"done": [], "already": [], "stale": []}
        for id_, lease in pairs:
            wanted[self.model.answer(step, id_, lease)].append(id_)
        if step in ("nack", "later"):
            told = self.group.nack(*what, delay_ms=1 if step == "later" else 0, most=MOST)
        else:
            told = getattr(self.group, step)(*what)[:3]
            if step == "touch":
                self.due.update({lease: False for id_, lease in pairs if id_ in wanted["done"]
                                 and self.model.lease.get(id_) == lease})
        if len(what) == 1 and not isinstance(what[0], tuple):
            wanted["already"] = told[1] if all(self.model.gone(id_) for id_ in told[1]) else []
        assert told == [sorted(wanted[word]) for word in ("done", "already", "stale")], (step, what)

    def release(self):
        consumer = self.random.choice(["a", "b"])
        self.group.run("release", "consumer", consumer, 1000)
        for id_ in self.model.having("leased"):
            if self.model.consumer[self.model.lease[id_]] == consumer:
                self.model.give_back(id_, "ready", counted=False)

    def lapse(self):
        later = self.group.store.zrange(self.group.key("later"), -1, -1, withscores=True)
        if later:
            eventually(lambda: self._now() >= later[0][1], "the clock")
        while self.group.lapse(self.random.randint(1, 20), most=MOST)[1]:
            pass
        for id_ in self.model.having("later"):
            self.model.state[id_] = "ready"
        for id_ in self.model.having("leased"):
            if self.due[self.model.lease[id_]]:
                self.model.give_back(id_, "ready", lease=self.model.lease[id_])

    def _now(self):
        seconds, micros = self.group.store.time()
        return seconds * 1000 + micros // 1000

    def redrive(self):
        dead = self.model.having("dead")
        if dead:
            id_ = self.random.choice(dead)
            self.group.redrive(id_)
            self.model.state[id_] = "ready"
            self.model.redriven.add(id_)

    def retention(self):
        """The floor rises, whatever is not settled."""
        floor = self.model.floor + self.random.randint(0, 3)
        if floor <= self.group.head + 1:
            self.model.floor = floor
            self.group.kill(floor - 1)
            for id_ in self.model.having("new", "front", "ready", "later"):
                if self.model.gone(id_):
                    self.model.settle(id_)

    def _present(self, ids):
        return {id_ for id_ in ids if not self.model.gone(id_) or self.model.state[id_] == "dead"}

    def check(self):
        """What lies in Redis is what the model says; but what is nowhere any more waits to be dropped by a take."""
        store, group, model = self.group.store, self.group, self.model
        names = {name: self._present(map(int, store.zrange(group.key(name), 0, -1)))
                 for name in ("ready", "later", "dead")}
        held, records = {}, {}
        for row in store.zrange(group.key("held"), 0, -1):
            first, last, lease = map(int, row.split())
            for id_ in range(first, last + 1):
                assert id_ not in held
                held[id_] = lease
        running, lapsed = {}, {}
        for lease, record in store.hgetall(group.key("leases")).items():
            deadline, _, _, _, runs = record.decode().split(" ")
            records[int(lease)] = int(deadline)
            for run in runs.split(","):
                span, attempt = run.split("*")
                first, last = map(int, span.split("-"))
                (running if int(deadline) else lapsed).update({id_: int(lease) for id_ in range(first, last + 1)})
                assert not int(deadline) or all(model.attempts[id_] == int(attempt) for id_ in range(first, last + 1))
        returned = {}
        for row in store.zrange(group.key("returned"), 0, -1):
            id_, attempts, lease = map(int, row.split())
            returned[id_] = (attempts, lease)
        returned = {id_: returned[id_] for id_ in self._present(returned)}
        lapsed = {id_: lapsed[id_] for id_ in self._present(lapsed)}
        assert held == running == {id_: model.lease[id_] for id_ in model.having("leased")}
        assert lapsed == model.lapsed == {id_: lease for id_, (_, lease) in returned.items() if lease}
        assert group.leased == len(held)
        assert names["dead"] == set(model.having("dead"))
        assert names["later"] == set(model.having("later"))
        assert names["ready"] == set(model.having("ready", "front"))
        assert set(returned) == set(model.having("ready", "later"))
        assert all(attempts == model.attempts[id_] for id_, (attempts, _) in returned.items())
        deadlines = {int(lease): int(at) for lease, at in store.zrange(group.key("deadlines"), 0, -1, withscores=True)}
        assert deadlines == {lease: deadline for lease, deadline in records.items() if deadline}
        assert {int(row.split()[1]) for row in store.zrange(group.key("of"), 0, -1)} == \
            {lease for lease in deadlines if model.consumer[lease]}
        assert {int(id_) for id_ in store.hkeys(group.key("letters"))} == names["dead"] | model.redriven
        timer = store.zscore(group.base + "timers", f"group {group.name}")
        due = list(deadlines.values()) + [at for _, at in store.zrange(group.key("later"), 0, -1, withscores=True)]
        assert not due or timer <= min(due)


@pytest.mark.parametrize("seed", [random.randrange(2**32) for _ in range(2)])
def test_a_random_walk(store, seed):
    print(f"seed {seed}")
    walk = Walk(Group(store), seed)
    steps = [walk.append] * 4 + [walk.take] * 6 + [walk.settle] * 9 + [walk.lapse] * 2 + \
        [walk.release, walk.redrive, walk.retention]
    for number in range(STEPS):
        step = walk.random.choice(steps)
        print(number, step.__name__)
        step()
        walk.check()
