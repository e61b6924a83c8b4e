"""A random walk through the ops on groups, at two bridges that are killed and started meanwhile, beside the model.

ZRBRIDGE_SEED=n walks one seed again, as far as time lets it; ZRBRIDGE_LONG=1 walks many, and further.
"""

import os
import random

import pytest
from harness.wait import eventually
from harness.wire import unpack
from walk import LONG_MS, Walk, channels

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
SEEDS = [int(os.environ.get("ZRBRIDGE_SEED") or random.randrange(1 << 32)) + i for i in range(20 if LONG else 1)]
STEPS = 10000 if LONG else 2000


class Fleet:
    """Two bridges at one Redis, each as a user of its own, so that Redis tells when all of one's connections have
    ended. `clients`: None for a bridge that is dead. Over ipc, since a port may be somebody else's after a death."""

    def __init__(self, lab, policies):
        self.server = lab.redis()
        self.store = self.server.client()
        self.bridges = []
        for user in ("one", "two"):
            self.store.acl_setuser(user, enabled=True, nopass=True, keys=["*"], channels=["*"], categories=["+@all"])
            pull, sub, pub, router, push = ([f"ipc://{lab.directory}/{user}-{name}"] for name in (
                "pull", "sub", "pub", "router", "push"))
            self.bridges.append(lab.bridge(
                self.server, redis={"url": f"{self.server.url}?user={user}&password=any"}, channels=policies,
                ingest={"pull": pull, "sub": sub}, fanout={"pub": pub}, control={"router": router},
                workers=[{"push": push, "channels": ["work"], "lease_ms": LONG_MS, "window": 8}]))
        self.clients = [bridge.client() for bridge in self.bridges]

    @property
    def alive(self):
        return [bridge for bridge, client in zip(self.bridges, self.clients) if client]

    def kill(self, at):
        """What the bridge has sent to Redis has been done when this returns."""
        self.bridges[at].kill()
        self.clients[at] = None
        user = ("one", "two")[at]
        eventually(lambda: not [client for client in self.store.client_list() if client["user"] == user],
                   f"the end of the connections of {user}")

    def start(self, at):
        self.bridges[at].start()
        self.clients[at] = self.bridges[at].client()


class Pushes:
    """A channel whose messages are pushed to workers that come and go. Each is acked as done once."""

    def __init__(self, walk, fleet):
        self.walk, self.fleet, self.random = walk, fleet, walk.random
        self.published, self.done = set(), set()
        self.worker = None
        self.got = {}       #  id: lease, of those that a worker has
        self.released = set()

    def publish(self):
        ids = self.walk.ok(op="publish", messages=[["work", b"x"]] * self.random.randint(1, 10))["ids"]
        assert not self.published & set(ids)
        self.published.update(ids)

    def come(self):
        self.leave()
        self.worker = self.random.choice(self.fleet.alive).worker()

    def leave(self):
        if self.worker:
            self.worker.close(0)
            self.worker = None

    def receive(self, wait_ms=0):
        while self.worker and self.worker.poll(wait_ms):
            _, envelope, lease = self.worker.recv_multipart()
            id_, lease = unpack(envelope)[0], unpack(lease)
            if (id_, lease["lease"]) in self.released:      #  while a bridge had it in its hands
                continue
            assert id_ in self.published - self.done - self.got.keys() and lease["group"] == "workers"
            self.got[id_] = lease["lease"]

    def settle(self, op=None):
        self.receive()
        for id_, lease in list(self.got.items()):
            how = op or self.random.choice(["ack", "ack", "nack", None])
            if how:
                del self.got[id_]
                reply = self.walk.ok(op=how, channel="work", group="workers", items=[[id_, lease]])
                assert reply["done"] == [id_], reply
                self.done.update([id_] if how == "ack" else [])

    def release(self):
        """What was lost with workers and bridges, and what a worker still has, goes back."""
        self.leave()
        self.got.clear()
        if "workers" in self.walk.ok(op="status", channel="work")["channels"]["work"]["groups"]:
            leases = self.walk.ok(op="pending", channel="work", group="workers")["leases"]
            self.released.update((lease[0], lease[1]) for lease in leases)
            for consumer in {lease[3] for lease in leases}:
                self.walk.ok(op="release", channel="work", group="workers", consumer=consumer)

    def step(self):
        self.random.choice([self.publish, self.publish, self.come, self.settle, self.settle, self.settle, self.settle,
                            self.leave, self.release])()

    def drain(self):
        self.publish()

        def is_done():
            if not self.worker or self.random.random() < 0.1:
                self.release()
                self.come()
            self.receive(50)
            self.settle("ack")
            return self.done == self.published

        eventually(is_done, "all work to be done")


class Fate:
    """Bridges die, idle or while they serve a take, and come back."""

    def __init__(self, walk, fleet):
        self.walk, self.fleet, self.random = walk, fleet, walk.random
        self.deaths = 0

    def step(self):
        dead = [at for at, client in enumerate(self.fleet.clients) if not client]
        if dead:
            self.fleet.start(dead[0])
            return
        at, chosen = self.random.randrange(2), self.walk.some_group()
        how = self.random.choice([self.kill_taking, self.kill_settling, None])
        if chosen and how:
            how(at, *chosen)
        else:
            self.fleet.kill(at)

    def ask_and_kill(self, at, **request):
        self.fleet.clients[at].send(**request)
        if self.random.random() < 0.7:
            self.fleet.clients[at].ok(op="ping")
        self.fleet.kill(at)

    def kill_taking(self, at, name, channel, group, model):
        """Whether the take has come to Redis shows in what its consumer holds."""
        self.deaths += 1
        consumer = f"lost-{self.deaths}"
        self.ask_and_kill(at, op="take", channels=[name], group=group, max=3, lease_ms=LONG_MS, consumer=consumer)
        leases = self.walk.ok(op="pending", channel=name, group=group, consumer=consumer)["leases"]
        if leases:
            assert leases[0][1] > channel.newest_lease
            given = model.take(3, leases[0][1], consumer)
            assert sorted(given) == [(id_, attempt) for id_, _, attempt, _, _, _ in leases]

    def kill_settling(self, at, name, _, group, model):
        """All of a lease is settled, or nothing of it."""
        if not model.held:
            return
        lease = model.places[self.random.choice(sorted(model.held))].lease
        held, op = model.holding(lease), self.random.choice(["ack", "nack", "bury"])
        self.ask_and_kill(at, op=op, channel=name, group=group, lease=lease)
        leases = self.walk.ok(op="pending", channel=name, group=group, max=100000)["leases"]
        left = [row[0] for row in leases if row[1] == lease]
        assert left in ([], sorted(held))
        if not left:
            model.settle(op, [(id_, lease) for id_ in held])


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS, ids=range(len(SEEDS)))
def test_a_random_walk_stays_with_the_model(lab, seed):
    print(f"ZRBRIDGE_SEED={seed}")
    models, policies = channels()
    fleet = Fleet(lab, policies)
    walk = Walk(seed, fleet.clients, models)
    pushes, fate = Pushes(walk, fleet), Fate(walk, fleet)
    for number in range(STEPS):
        print(f"step {number}") if LONG and number % 1000 == 0 else None
        if number % 100 == 99:
            fate.step()
        elif number % 5 == 4:
            pushes.step()
        else:
            walk.step()
    pushes.drain()
    walk.drain()
