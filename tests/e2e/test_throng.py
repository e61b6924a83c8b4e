"""Takers that do anything, while bridges and Redis die: each message is acked as done once, and none is left."""

import collections
import os
import random

import pytest
import zmq
from harness.wait import PATIENCE_S, eventually
from harness.wire import pack, unpack

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
SEED = int(os.environ.get("ZRBRIDGE_SEED") or random.randrange(1 << 32))
MESSAGES = 20000 if LONG else 1500
CHANNELS = ["high", "low"]


class Books:
    """What was told of each (channel, id)."""

    def __init__(self):
        self.published = {}                     #  payload
        self.done = collections.Counter()
        self.unknown = set()                    #  acks whose replies were lost with a taker or a bridge
        self.already = set()                    #  others were first

    def note(self, channel, reply):
        for id_ in reply["done"]:
            self.done[channel, id_] += 1
            assert self.done[channel, id_] == 1, (channel, id_)
        self.already.update((channel, id_) for id_ in reply["already"])

    def expect_complete(self):
        settled = self.done.keys() | self.unknown
        assert self.published.keys() == settled and self.already <= settled


class Taker:
    """Has up to three requests under way, and settles what it got now, later or never."""

    def __init__(self, rng, books, bridge, name):
        self.random, self.books, self.bridge, self.name = rng, books, bridge, name
        self.socket = bridge.socket(zmq.DEALER, "router")
        self.asked = {}                         #  seq: request
        self.held = []                          #  (channel, id, lease)
        self.seq = 0

    def ask(self, **request):
        self.seq += 1
        self.asked[self.seq] = request
        self.socket.send(pack({**request, "seq": self.seq}))

    def act(self):
        if len(self.asked) < 3:
            self.random.choices([self.take, self.settle, self.cancel, self.release], [10, 20, 1, 0.5])[0]()

    def take(self):
        self.ask(op="take", channels=self.random.choice([CHANNELS, ["*"], ["low"]]), consumer=self.name,
                 max=self.random.choice([1, 10, 100]), lease_ms=self.random.choice([30, 300, 3000]),
                 wait_ms=self.random.choice([0, 5, 200]))

    def settle(self):
        self.random.shuffle(self.held)
        some, self.held = self.held[:20], self.held[20:]
        if some:
            op = self.random.choice(["ack", "ack", "ack", "nack"])
            request = {"delay_ms": self.random.choice([0, 0, 20])} if op == "nack" else {}
            self.ask(op=op, items=some, **request)

    def cancel(self):
        if self.asked:
            self.ask(op="cancel", request=self.random.choice(list(self.asked)))

    def release(self):
        self.ask(op="release", channel=self.random.choice(CHANNELS), group="default", consumer=self.name)

    def hear(self):
        reply = unpack(self.socket.recv())
        request = self.asked.pop(reply["seq"])
        if not reply["ok"]:
            assert reply["code"] in ("unavailable", "unknown_outcome"), reply
            self.forget(request)
        elif request["op"] == "take":
            for channel, (id_, _, _, payload), lease, _ in reply["messages"]:
                assert payload == self.books.published[channel, id_]
                self.held.append([channel, id_, lease])
        elif request["op"] == "ack":
            for channel in CHANNELS:
                self.books.note(channel, {key: [id_ for name, id_ in reply[key] if name == channel]
                                          for key in ("done", "already", "stale")})

    def forget(self, request):
        """Nobody will say what has come of it."""
        if request["op"] == "ack":
            self.books.unknown.update((channel, id_) for channel, id_, _ in request["items"])

    def die(self):
        for request in self.asked.values():
            self.forget(request)
        self.socket.close(0)


def _publish(rng, books, client):
    for first in range(0, MESSAGES, 50):
        messages = [[rng.choice(CHANNELS), b"%d " % number + bytes(rng.choice([10, 500, 20000]))]
                    for number in range(first, first + 50)]
        ids = client.ok(op="publish", messages=messages)["ids"]
        books.published.update({(channel, id_): payload for (channel, payload), id_ in zip(messages, ids)})


def _drain(books, client):
    def is_over():
        reply = client.ok(op="take", channels=["*"], max=100, lease_ms=60000, wait_ms=10)
        if reply["messages"]:
            items = [[channel, envelope[0], lease] for channel, envelope, lease, _ in reply["messages"]]
            found = client.ok(op="ack", items=items)
            assert len(found["done"]) == len(items), found
            for channel in CHANNELS:
                books.note(channel, {"done": [id_ for name, id_ in found["done"] if name == channel], "already": []})
        groups = [numbers["groups"].get("default", {"waiting": 0, "leased": 0})
                  for numbers in client.ok(op="status")["channels"].values()]
        return not any(group["waiting"] + group["leased"] for group in groups)

    eventually(is_over, "all to be settled", 10 * PATIENCE_S)


@pytest.mark.long
def test_takers_that_do_anything_lose_nothing(lab):
    print(f"ZRBRIDGE_SEED={SEED}")
    rng, books, server = random.Random(SEED), Books(), lab.redis(fsync="always")
    #  Over ipc, since a port may be somebody else's after a death.
    bridges = [lab.bridge(server, channels=[{"match": "*", "max_deliveries": 0}],
                          ingest={"pull": [f"ipc://{lab.directory}/l{at}"], "sub": [f"ipc://{lab.directory}/s{at}"]},
                          fanout={"pub": [f"ipc://{lab.directory}/p{at}"]},
                          control={"router": [f"ipc://{lab.directory}/r{at}"], "max_reply_bytes": max_reply_bytes})
               for at, max_reply_bytes in enumerate((65536, 8388608))]
    _publish(rng, books, bridges[0].client())
    takers = [Taker(rng, books, bridges[at % 2], f"t{at}") for at in range(12)]
    poller = zmq.Poller()
    for taker in takers:
        poller.register(taker.socket, zmq.POLLIN)

    def renew(at, bridge):
        poller.unregister(takers[at].socket)
        takers[at].die()
        held = takers[at].held
        takers[at] = Taker(rng, books, bridge, f"t{at}")
        takers[at].held = held
        poller.register(takers[at].socket, zmq.POLLIN)

    for step in range(MESSAGES):
        for taker in takers:
            taker.act()
        ready = dict(poller.poll(20))
        for taker in takers:
            if taker.socket in ready:
                taker.hear()
        if rng.random() < 0.02:
            renew(rng.randrange(12), rng.choice(bridges))
        if step % 500 == 499:
            server.restart()
        if step % 300 == 299:
            bridges[0].kill()
            bridges[0].start()
            for at in [at for at, taker in enumerate(takers) if taker.bridge is bridges[0]]:
                renew(at, bridges[0])
    for taker in takers:
        taker.die()
    client = bridges[1].client()
    eventually(lambda: client.ask(op="ping")["ok"], "Redis")
    _drain(books, client)
    books.expect_complete()
