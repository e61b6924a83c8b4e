"""Everything at once: two bridges and their Redis are broken in one way after the other, under load. What was ok is
there, once and in order, and reaches everyone.

ZRBRIDGE_SEED=n breaks in the same order again; ZRBRIDGE_LONG=1 breaks each thing 20 times, alone and among all."""

import os
import random

import pytest
from harness.bridge import PACK
from harness.follower import Follower
from harness.nemesis import DEEDS, Nemesis
from harness.recorder import Publisher, Taker, check_stored, wait_settled
from harness.wait import eventually

LONG = bool(os.environ.get("ZRBRIDGE_LONG"))
#  What breaks, and how often.
ROUNDS = [("everything", DEEDS, len(DEEDS) * (20 if LONG else 1))]
if LONG:
    ROUNDS += [(deed, [deed], 50 if deed == "kill_bridge" else 20) for deed in DEEDS]

pytestmark = pytest.mark.skipif(PACK > 1, reason="test_pack breaks packed channels")


def _endpoints(directory):
    """A port is anybody's while its bridge is dead; a path is not."""
    sockets = {"ingest": ("pull", "sub"), "fanout": ("pub",), "control": ("router",)}
    return {section: {what: [f"ipc://{directory}/{what}"] for what in names} for section, names in sockets.items()}


@pytest.mark.parametrize("deeds, strikes", [pytest.param(*round[1:], id=round[0]) for round in ROUNDS])
def test_what_was_ok_is_there_once_and_reaches_everyone_whatever_breaks(lab, tmp_path, deeds, strikes):
    seed = int(os.environ.get("ZRBRIDGE_SEED") or random.randrange(1 << 32))
    print("seed", seed)
    server = lab.redis(fsync="always")
    directories = [tmp_path / "a", tmp_path / "b"]
    for directory in directories:
        directory.mkdir()
    bridges = [lab.bridge(server, monitor={"http": ""}, **_endpoints(directory)) for directory in directories]
    nemesis = Nemesis(server, bridges, random.Random(seed), deeds)
    followers = [Follower(bridge, "orders") for bridge in bridges]
    publishers = [Publisher(bridge, "orders", b"%c%d" % (97 + number, insists), insists)
                  for number, bridge in enumerate(bridges) for insists in (False, True)]
    takers = [Taker(bridge, "orders", f"taker-{number}") for number, bridge in enumerate(bridges)]
    for _ in range(strikes):
        before = [len(publisher.ok) for publisher in publishers]
        nemesis.strike()
        eventually(lambda before=before: all(len(publisher.ok) > count + 20
                                             for publisher, count in zip(publishers, before)), "all to go on")
    for publisher in publishers:
        publisher.stop()
    client = bridges[0].client()
    messages = [(id_, payload) for id_, _, _, payload in client.replay_all("orders")]
    found = check_stored(publishers, messages)
    again = wait_settled(client, takers, found)
    for follower in followers:
        follower.wait_got("orders", messages)
        follower.stop()
    print(len(found), "stored,", sum(len(publisher.unknown) for publisher in publishers), "unknown,",
          sum(len(publisher.failed) for publisher in publishers), "failed,", again, "delivered again,", nemesis.deeds)
