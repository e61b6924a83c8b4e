"""Everything at once: two bridges and their Redis are broken in one way after the other, under load. What was ok is
there, once and in order, and reaches everyone.

ZRBRIDGE_SEED=n breaks in the same order again; ZRBRIDGE_LONG=1 breaks each thing 20 times, alone and among all."""

import collections
import os
import random

import pytest
from harness.bridge import PACK
from harness.client import Client
from harness.clock import Clock
from harness.follower import Follower
from harness.nemesis import DEEDS, Nemesis
from harness.proxy import Proxy
from harness.recorder import Publisher, Taker, check_stored, wait_settled
from harness.wait import eventually

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
#  What breaks, and how often.
ROUNDS = {"everything": 20 if LONG else 1}
if LONG:
    ROUNDS.update({deed: 50 if deed == "kill_bridge" else 20 for deed in DEEDS})

pytestmark = pytest.mark.skipif(PACK > 1, reason="test_pack breaks packed channels")


def _endpoints(directory):
    """A port is anybody's while its bridge is dead; a path is not."""
    sockets = {"ingest": ("pull", "sub"), "fanout": ("pub",), "control": ("router",)}
    return {section: {what: [f"ipc://{directory}/{what}"] for what in names} for section, names in sockets.items()}


Ipc = collections.namedtuple("Ipc", "path")


class Far:
    """A bridge as clients see it that reach it through proxies."""

    def __init__(self, bridge, directory):
        self.context = bridge.context
        self.proxies = {what: Proxy(directory / f"far-{what}", Ipc(directory / what)) for what in ("router", "pub")}

    def endpoint(self, what):
        return f"ipc://{self.proxies[what].path}"

    def client(self):
        return Client(self.context, self.endpoint("router"))


@pytest.fixture
def proxies():
    """To be named before `lab`, whose bridges end first."""
    proxies = []
    yield proxies
    for proxy in proxies:
        proxy.close()


def _far_bridge(lab, server, directory, proxies):
    directory.mkdir()
    proxies.append(Proxy(directory / "redis", server))
    bridge = lab.bridge(proxies[-1], monitor={"http": ""}, **_endpoints(directory))
    server.bridges.append(bridge)
    far = Far(bridge, directory)
    proxies.extend(far.proxies.values())
    return far


def _possible(deeds, disk):
    """Where no disk may be mounted, all but fill_disk."""
    if not disk.trouble:
        return deeds
    print(f"not checked: fill_disk, since {disk.trouble}")
    possible = [deed for deed in deeds if deed != "fill_disk"]
    return possible or pytest.skip(f"not checked: {disk.trouble}")


def _case(name, rounds):
    deeds = DEEDS if name == "everything" else [name]
    faults = sorted({fault for deed in deeds for fault in DEEDS[deed]})
    return pytest.param(deeds, rounds, id=name, marks=pytest.mark.fault(*faults, rounds=rounds))


@pytest.mark.parametrize("deeds, rounds", [_case(*each) for each in ROUNDS.items()])
def test_what_was_ok_is_there_once_and_reaches_everyone_whatever_breaks(disk, proxies, lab, tmp_path, deeds, rounds):
    seed = int(os.environ.get("ZRBRIDGE_SEED") or random.randrange(1 << 32))
    print("seed", seed)
    deeds = _possible(deeds, disk)
    clock = Clock(tmp_path)
    server = lab.redis(disk.path, fsync="always", env=clock.env)
    far = [_far_bridge(lab, server, tmp_path / name, proxies) for name in "ab"]
    nemesis = Nemesis(server, server.bridges, random.Random(seed), deeds, disk=disk, clock=clock, proxies=proxies)
    followers = [Follower(bridge, "orders") for bridge in far]
    publishers = [Publisher(bridge, "orders", b"%c%d" % (97 + number, insists), insists)
                  for number, bridge in enumerate(far) for insists in (False, True)]
    takers = [Taker(bridge, "orders", f"taker-{number}") for number, bridge in enumerate(far)]
    for _ in range(rounds * len(deeds)):
        before = [len(publisher.ok) for publisher in publishers]
        nemesis.strike()
        eventually(lambda before=before: all(len(publisher.ok) > count + 20
                                             for publisher, count in zip(publishers, before)), "all to go on")
    for publisher in publishers:
        publisher.stop()
    client = server.bridges[0].client()
    messages = [(id_, payload) for id_, _, _, payload in client.replay_all("orders")]
    found = check_stored(publishers, messages)
    again = wait_settled(client, takers, found)
    for follower in followers:
        follower.wait_got("orders", messages)
        follower.stop()
    print(len(found), "stored,", sum(len(publisher.unknown) for publisher in publishers), "unknown,",
          sum(len(publisher.failed) for publisher in publishers), "failed,", again, "delivered again,", nemesis.deeds)
