"""A random walk through the ops on groups, at several bridges, in step with the model."""

import collections
import itertools
import random

from harness.wait import eventually
from model import Channel

LONG_MS = 3600000       #  a lease or a delay that never runs out by accident
LOST_LEASE = 1 << 52    #  that was never given
GROUPS = ["a", "b"]
CONSUMERS = ["ann", "bob", None]


def same(found, expected):
    assert found == expected, f"\n  found    {found}\n  expected {expected}"


class Walk:
    """`clients`: of the bridges, None for one that is dead; whoever drives the walk may replace them."""

    def __init__(self, seed, clients, channels):
        self.random = random.Random(seed)
        self.clients = clients
        self.channels = channels            #  {name: Channel}
        self.numbers = itertools.count(1)
        self.given = {}                     #  (channel, group): [(id, lease)], as they were handed out
        self.trace = collections.deque(maxlen=20)       #  what was asked and answered last

    #  Asking

    def client(self):
        return self.random.choice([client for client in self.clients if client])

    def ask(self, **request):
        if request not in self.trace:       #  else it is asked again and again
            self.trace.append(request)
        reply = self.client().ask(**request)
        del reply["seq"]
        if reply not in self.trace:
            self.trace.append(reply)
        return reply

    def ok(self, **request):
        reply = self.ask(**request)
        assert reply["ok"] is True, (request, reply)
        return reply

    def some_channel(self):
        return self.random.choice(list(self.channels.items()))

    def some_group(self):
        """A group that is there: (channel's name, Channel, group's name, Group), or None."""
        name, channel = self.some_channel()
        if not channel.groups:
            return None
        group = self.random.choice(list(channel.groups))
        return name, channel, group, channel.groups[group]

    #  Expecting

    def expect_status(self, name):
        """The numbers are the model's; where the floor follows, by and by."""
        self.channels[name].follow()
        expected = self.channels[name].status()

        def found():
            numbers = self.ok(op="status", channel=name)["channels"][name]
            groups = {group: {key: counts[key] for key in ("waiting", "leased", "dead")}
                      for group, counts in numbers["groups"].items()}
            return {**{key: numbers[key] for key in expected}, "groups": groups}

        if self.channels[name].acked:
            eventually(lambda: found()["floor"] == expected["floor"], f"the floor of {name} at {expected['floor']}")
        same(found(), expected)

    def expect_leased(self, name, group):
        """Until leases that have run out were taken back."""
        leased = len(self.channels[name].groups[group].held)
        eventually(lambda: self.ok(op="status", channel=name)["channels"][name]["groups"][group]["leased"] == leased,
                   f"{leased} leased in {name} {group}")

    def expect_order(self, name, group):
        expected = self.channels[name].groups[group].order

        def found():
            return [envelope[0] for _, envelope in
                    self.ok(op="peek", channel=name, group=group, max=100000)["messages"]]

        eventually(lambda: len(found()) == len(expected), f"{len(expected)} in {name} {group}")
        same(found(), expected)

    def expect_group(self, name, group):
        """Who holds what, and what is dead."""
        model = self.channels[name].groups[group]
        leases = self.ok(op="pending", channel=name, group=group, max=100000)["leases"]
        assert [(id_, lease, attempt, consumer or None) for id_, lease, attempt, consumer, _, _ in leases] == [
            (id_, model.places[id_].lease, model.places[id_].attempts, model.leases[model.places[id_].lease][0])
            for id_ in sorted(model.held)]
        dead = self.ok(op="dead", channel=name, group=group, max=100000)["messages"]
        assert {envelope[0]: (envelope[3], why["attempts"], why["reason"]) for _, envelope, why in dead} == {
            id_: (self.channels[name].payloads[id_], model.places[id_].attempts, model.reasons[id_])
            for id_ in model.dead}

    def expect_all(self):
        for name, channel in self.channels.items():
            self.expect_status(name)
            for group in channel.groups:
                self.expect_order(name, group)
                self.expect_group(name, group)

    #  Steps

    def publish(self):
        name, channel = self.some_channel()
        front = self.random.random() < 0.2
        payloads = [b"%d" % next(self.numbers) for _ in range(self.random.choice([1, 1, 2, 5, 20]))]
        messages = [[name, payload, {"front": True} if front else None] for payload in payloads]
        assert self.ok(op="publish", messages=messages)["ids"] == channel.publish(payloads, front)

    def publish_short(self):
        """Messages that expire at once, and those with a delay that is over at once."""
        name, channel = self.some_channel()
        delayed, front = self.random.random() < 0.5, self.random.random() < 0.2
        headers = {"delay_ms" if delayed else "ttl_ms": 1, "front": front}
        payloads = [b"%d" % next(self.numbers) for _ in range(self.random.choice([1, 3]))]
        ids = self.ok(op="publish", messages=[[name, payload, headers] for payload in payloads])["ids"]
        expected = channel.publish(payloads, front, not delayed)
        assert ids == ([None] * len(ids) if delayed else expected)
        eventually(lambda: self.counts(name) == (channel.head, 0, len(channel.expired)), f"{headers} to be over")

    def counts(self, name):
        """The head, how many are delayed, and how many have expired, floor or not."""
        numbers = self.ok(op="status", channel=name)["channels"][name]
        below = [id_ for id_ in self.channels[name].expired if id_ < numbers["floor"]]
        return (numbers["head"], numbers["delayed"],
                numbers["head"] - numbers["floor"] + 1 - numbers["count"] + len(below))

    def take(self, lapses=False):
        names = self.random.sample(list(self.channels), self.random.choice([1, 1, 1, 2]))
        group, consumer = self.random.choice(GROUPS), self.random.choice(CONSUMERS)
        for name in names:
            if self.channels[name].acked and group not in self.channels[name].groups:
                self.expect_status(name)
        globs = [name[:-1] + "?" if self.channels[name].head and self.random.random() < 0.1 else name for name in names]
        request = {"op": "take", "channels": globs, "group": group, "max": self.random.choice([1, 1, 3, 10, 100]),
                   "lease_ms": 1 if lapses else LONG_MS}
        if consumer:
            request["consumer"] = consumer
        if not lapses and self.random.random() < 0.05:
            request["ack"] = "none"
        messages = self.ok(**request)["messages"]
        self.took({**request, "channels": names}, messages)
        for name, lease in {(message[0], message[2]) for message in messages} if lapses else ():
            self.channels[name].groups[group].lapse(lease)
        for name in {message[0] for message in messages} if lapses else ():
            self.expect_leased(name, group)

    def take_short(self):
        self.take(lapses=True)

    def took(self, request, messages):
        """Holds what a take gave against the model."""
        left, keep, at = request["max"], request.get("ack") != "none", 0
        for name in request["channels"]:
            if left == 0:       #  the next channel is not asked
                break
            channel = self.channels[name]
            group = channel.group(request["group"])
            mine = [message for message in messages if message[0] == name]
            assert messages[at:at + len(mine)] == mine      #  channel by channel
            for lease, some in itertools.groupby(mine, lambda message: message[2]):
                some = list(some)
                assert lease > channel.newest_lease if keep else lease == 0
                given = group.take(len(some), lease, request.get("consumer"), keep)
                same([(id_, payload, attempt) for _, (id_, _, _, payload), _, attempt in some],
                     [(id_, channel.payloads[id_], attempt) for id_, attempt in given])
                self.given.setdefault((name, request["group"]), []).extend((id_, lease) for id_, _ in given if keep)
            at, left = at + len(mine), left - len(mine)
            assert left == 0 or not group.order or group.paused or channel.paused
        assert at == len(messages)

    def take_waiting(self):
        """A take that waits gets what comes, at whichever bridge."""
        chosen = self.some_group()
        if not chosen or chosen[1].paused or chosen[3].paused or chosen[3].order:
            return
        name, channel, group, _ = chosen
        client = self.client()
        request = {"op": "take", "channels": [name], "group": group, "max": self.random.choice([1, 100]),
                   "lease_ms": LONG_MS, "wait_ms": 60000}
        seq = client.send(**request)
        self.trace.append(request)
        payloads = [b"%d" % next(self.numbers) for _ in range(self.random.choice([1, 3]))]
        ids = self.ok(op="publish", messages=[[name, payload] for payload in payloads])["ids"]
        assert ids == channel.publish(payloads)
        reply = client.reply(seq)
        self.trace.append(reply)
        self.took(request, reply["messages"])

    def settle(self):
        chosen = self.some_group()
        if not chosen:
            return
        name, channel, group, model = chosen
        op = self.random.choice(["ack", "ack", "ack", "nack", "nack", "touch", "bury"])
        request = {"op": op, "channel": name, "group": group}
        reason = self.random.choice([None, "why"]) if op in ("nack", "bury") else None
        if reason:
            request["reason"] = reason
        delay_ms = self.random.choice([0, 0, 0, 1, LONG_MS]) if op == "nack" else 0
        if delay_ms:
            request["delay_ms"] = delay_ms
        if op == "touch":
            request["lease_ms"] = LONG_MS
        pairs, whole = self.some_pairs(name, group, model)
        if not pairs:
            return
        request.update({"lease": pairs[0][1]} if whole else {"items": [list(pair) for pair in pairs]})
        later = {id_ for id_, place in model.places.items() if place.state == "later"}
        expected = model.settle(op, pairs, reason, bool(delay_ms))
        if not whole and self.random.random() < 0.2:
            del request["channel"]
            request["items"] = [[name, *pair] for pair in pairs]
        reply = self.ok(**request)
        for key in expected if "channel" not in request else ():
            assert {channel for channel, _ in reply[key]} <= {name}
            reply[key] = [id_ for _, id_ in reply[key]]
        if whole:       #  of what is no longer the lease's, it may or may not speak
            assert sorted(reply["done"]) == sorted(expected["done"])
            assert {*reply["already"], *reply["stale"]} <= {id_ for id_, _ in pairs} - {*expected["done"]}
        else:
            assert {key: sorted(reply[key]) for key in expected} == {
                key: sorted(ids) for key, ids in expected.items()}, self.explain(name, group, pairs)
        if delay_ms == 1:
            model.due({id_ for id_, place in model.places.items() if place.state == "later"} - later)
            self.expect_order(name, group)

    def some_pairs(self, name, group, model):
        """[(id, lease)] to settle, and whether it is all of a lease."""
        running = sorted({model.places[id_].lease for id_ in model.held})
        old = self.given.get((name, group), [])
        if self.random.random() < 0.15 and old:
            pairs = {self.random.choice(old)[0]: None for _ in range(3)}
            return [(id_, self.random.choice([lease for other, lease in old if other == id_] + [LOST_LEASE]))
                    for id_ in pairs], False
        lapsed = sorted({place.lease for place in model.places.values() if place.lease} - {*running})
        leases = lapsed if lapsed and self.random.random() < 0.2 else running
        if not leases:
            return [], False
        lease = self.random.choice(leases)
        if self.random.random() < 0.4:
            return [(id_, lease) for id_ in model.leases[lease][1]], True
        ids = model.leases[lease][1]
        return [(id_, lease) for id_ in self.random.sample(ids, self.random.randint(1, len(ids)))], False

    def explain(self, name, group, pairs):
        model = self.channels[name].groups[group]
        return [(id_, lease, vars(model.places[id_]) if id_ in model.places else None) for id_, lease in pairs]

    def run_out(self):
        """A lease that is held runs out."""
        chosen = self.some_group()
        if not chosen or not chosen[3].held:
            return
        name, _, group, model = chosen
        lease = model.places[self.random.choice(sorted(model.held))].lease
        self.ok(op="touch", channel=name, group=group, lease=lease, lease_ms=1)
        model.lapse(lease)
        self.expect_leased(name, group)

    def release(self):
        chosen, consumer = self.some_group(), self.random.choice(CONSUMERS[:2])
        if chosen:
            name, _, group, model = chosen
            reply = self.ok(op="release", channel=name, group=group, consumer=consumer)
            assert reply["released"] == model.release(consumer)

    def redrive(self):
        chosen = self.some_group()
        if not chosen or not chosen[3].dead:
            return
        name, _, group, model = chosen
        self.expect_status(name)
        if self.random.random() < 0.5:
            assert self.ok(op="redrive", channel=name, group=group, all=True)["redriven"] == model.redrive(model.dead)
        else:
            ids = self.random.sample(sorted(model.dead), 1) + [1]
            assert self.ok(op="redrive", channel=name, group=group, ids=ids)["redriven"] == model.redrive(ids)

    def some_start(self, channel):
        """What a request says, and the id to be delivered first."""
        id_ = self.random.randint(1, channel.head + 1)
        return self.random.choice([("first", channel.floor), ("last", channel.head + 1), (id_, id_)])

    def create(self):
        (name, channel), group = self.some_channel(), self.random.choice(GROUPS)
        self.expect_status(name)
        start, first = self.some_start(channel)
        self.ok(op="group_create", channel=name, group=group, start=start)
        channel.group(group, first)

    def seek(self):
        chosen = self.some_group()
        if chosen:
            name, channel, group, model = chosen
            self.expect_status(name)
            start, first = self.some_start(channel)
            self.ok(op="group_seek", channel=name, group=group, start=start)
            model.seek(channel.cursor_at(first))

    def delete(self):
        chosen = self.some_group()
        if not chosen:
            return
        name, channel, group, model = chosen
        self.expect_status(name)
        reply = self.ask(op="group_delete", channel=name, group=group)
        at_risk = len(model.waiting) + len(model.held) + len(model.dead)
        if at_risk:
            assert reply["code"] == "unsafe" and reply["at_risk"] == {name: {group: at_risk}}
            if self.random.random() < 0.5:
                return
            self.ok(op="group_delete", channel=name, group=group, force=True)
        del channel.groups[group]

    def pause(self):
        """Nothing can be taken, until `resume`: at once, or some steps later."""
        name, channel = self.some_channel()
        group = self.random.choice([None, *channel.groups])
        model = channel.groups[group] if group else channel
        request = {"channel": name, **({"group": group} if group else {})}
        model.paused = not model.paused
        self.ok(op="pause" if model.paused else "resume", **request)
        if model.paused:
            self.take()
            if self.random.random() < 0.7:
                model.paused = False
                self.ok(op="resume", **request)

    def flush(self):
        name, channel = self.some_channel()
        self.expect_status(name)
        before = self.random.choice([channel.floor, channel.floor + 3, max(1, channel.head), channel.head + 1])
        force = self.random.random() < 0.5
        request = {"all": True} if before > channel.head else {"before": before}
        flushed, risks = channel.flush(before, force)
        reply = self.ask(op="flush", channel=name, force=force, **request)
        if risks and not force:
            assert reply["code"] == "unsafe" and reply["at_risk"] == {name: risks}
        else:
            assert reply["ok"] and reply["flushed"] == flushed, reply

    #  The weights of the steps
    STEPS = {publish: 20, publish_short: 2, take: 30, take_short: 3, take_waiting: 3, settle: 30, run_out: 3,
             release: 1, redrive: 2, create: 1, seek: 1, delete: 0.6, pause: 1.5, flush: 1.5, expect_all: 2}

    def step(self):
        self.trace.clear()
        step = self.random.choices(list(self.STEPS), self.STEPS.values())[0]
        try:
            step(self)
        except AssertionError:
            print(f"in {step.__name__}:", *self.trace, sep="\n  ")
            raise

    def drain(self):
        """All that can be delivered is, and is acked."""
        for name, channel in self.channels.items():
            for group, model in channel.groups.items():
                for where in ({"group": group}, {}):
                    self.ok(op="resume", channel=name, **where)
                model.paused = channel.paused = False
                for lease in {model.places[id_].lease for id_ in model.held}:
                    pairs = [(id_, lease) for id_ in model.leases[lease][1]]
                    done = self.ok(op="ack", channel=name, group=group, lease=lease)["done"]
                    assert sorted(done) == sorted(model.settle("ack", pairs)["done"])
                while model.order:
                    request = {"op": "take", "channels": [name], "group": group, "max": 1000}
                    messages = self.ok(**request)["messages"]
                    assert messages
                    self.took(request, messages)
                    pairs = [(message[1][0], message[2]) for message in messages]
                    done = self.ok(op="ack", channel=name, group=group, lease=pairs[0][1])["done"]
                    assert sorted(done) == sorted(model.settle("ack", pairs)["done"])
        self.expect_all()


def channels():
    """What a walk walks in, and the sections of bridge.toml that say the same."""
    sections = [{"match": "acked", "retain": "acked", "max_deliveries": 4}, {"match": "work", "max_deliveries": 0},
                {"match": "jobs", "pack": 8, "max_deliveries": 4}, {"match": "*", "max_deliveries": 4}]
    return {"orders": Channel(4), "jobs": Channel(4), "acked": Channel(4, acked=True)}, sections
