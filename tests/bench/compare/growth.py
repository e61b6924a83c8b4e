"""What a message costs where much is retained, or where many groups are: in turn beside a store where little is.

The large store is filled once, and serves all rounds; each round has a small one of its own.
"""

import contextlib
import statistics

from harness.wait import eventually

from .stage import memory_mb

LARGE, SMALL = 10_000_000, 100_000
COUNT = 500_000  #  of each run
GROUPS = 1000
PAIRS = 2        #  of runs with groups, and of as many without, in a round
CHANNEL = "grown"
PATIENCE_S = 300

NAMES = ("growth", "groups")


def _fill(stage, bridge, count):
    stage.bench(bridge, "stream", "--channel", CHANNEL, "-n", max(1000, count))
    redis = bridge.embedded()
    eventually(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], "the AOF's rewrite", PATIENCE_S)


def _run(stage, bridge, mode, scale):
    return stage.bench(bridge, mode, "--channel", CHANNEL, "-n", max(1000, int(COUNT * scale)))["messages_per_s"]


def _costs(stage, large, scale):
    """A round: of each, what it costs in the large store, where it costs 1 in the small one."""
    with stage.bridge() as small:
        _fill(stage, small, int(SMALL * scale))
        costs = {}
        for name, mode in (("append", "stream"), ("replay", "replay"), ("take", "queue")):
            little = _run(stage, small, mode, scale)
            much = _run(stage, large, mode, scale)
            costs[f"growth_{name}"] = little / much
            costs[f"{name}_small"], costs[f"{name}_large"] = little, much
        return {**costs, "backlog_mb": memory_mb(large.process.pid, "VmHWM")}


def _groups(stage, scale):
    """What an append costs with idle groups, where it costs 1 without."""
    with stage.bridge() as plain, stage.bridge() as crowded:
        client = crowded.client()
        crowded.sockets.append(client.socket)
        for number in range(GROUPS if scale == 1 else 20):
            client.ok(op="group_create", channel=CHANNEL, group=f"idle.{number}")
        #  There and back, so that what slows down as a store grows slows both.
        rates = {plain: [], crowded: []}
        for bridge in PAIRS * [plain, crowded, crowded, plain]:
            rates[bridge].append(_run(stage, bridge, "stream", scale))
        return {"growth_groups": statistics.median(rates[plain]) / statistics.median(rates[crowded])}


def rounds(stage, scale, number, names):
    """Yields (name, measure), each to be called once a round, while the large store is there."""
    with contextlib.ExitStack() as stack:
        measures = []
        if "growth" in names:
            large = stack.enter_context(stage.bridge())
            _fill(stage, large, int(LARGE * scale))
            measures.append(("growth", lambda: _costs(stage, large, scale)))
        if "groups" in names:
            measures.append(("groups", lambda: _groups(stage, scale)))
        for index in range(number):
            for name, measure in measures:
                yield index, name, measure
