"""What a message costs where much is retained, or where many groups are: in turn beside a store where little is.

The large store is filled once, and serves all rounds; each round has a small one of its own.
"""

import contextlib

from harness.wait import eventually

from .stage import memory_mb

LARGE, SMALL = 10_000_000, 100_000
COUNT = 500_000  #  of each run
GROUPS = 1000
PAIRS = 3        #  runs with and without groups that a round compares
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
        costs = []
        for _ in range(PAIRS):
            alone = _run(stage, plain, "stream", scale)
            costs.append(alone / _run(stage, crowded, "stream", scale))
        return {"growth_groups": sorted(costs)[PAIRS // 2]}


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
