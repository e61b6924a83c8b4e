"""What is measured in each round, in this order: limits, peers, zrbridge.

A measure is a function of the stage, of how large it is to be (1: in full), and of what the round has measured so
far. It returns figures by name.
"""

import concurrent.futures

from .stage import Failed, memory_mb

PACKED = 256

#  As many messages fill Redis's hash table of a sorted set (2^20 places) as 25 million fill theirs.
MEMORY_COUNT = 780_000


def _count(number, scale):
    return max(1000, int(number * scale))


def _rate(told):
    return told["messages_per_s"]


#  Limits

def zeromq(stage, scale, _):
    return {"zeromq": _rate(stage.peer("zeromq", "stream", _count(3_000_000, scale)))}


def forward(stage, scale, _):
    return {"forward": _rate(stage.peer("zeromq", "forward", _count(2_000_000, scale)))}


def pauses(stage, scale, _):
    told = stage.peer("pauses", "clock", max(1000, int(4000 * scale)))
    return {"pauses_longest": told["longest_ms"], "pauses_share": told["paused_percent"]}


def zadd(stage, scale, _):
    with stage.redis() as path:
        return {"zadd": _rate(stage.peer("zadd", path, "stream", _count(1_000_000, scale)))}


def rounds(stage, scale, _):
    with stage.redis() as path:
        there = stage.peer("zeromq", "round", _count(20_000, scale))
        stored = stage.peer("zadd", path, "round", _count(20_000, scale))
    return {"zeromq_p50": there["p50_us"], "zeromq_p99": there["p99_us"],
            "redis_p50": stored["p50_us"], "redis_p99": stored["p99_us"]}


#  Peers

def _on_redis(name, program, mode, count):
    def measure(stage, scale, _):
        with stage.redis() as path:
            return {name: _rate(stage.peer(program, path, mode, _count(count, scale)))}
    return measure


def _jetstream(name, mode, count):
    def measure(stage, scale, _):
        with stage.nats() as url:
            return {name: _rate(stage.peer("jetstream", url, mode, _count(count, scale)))}
    return measure


def beanstalkd(stage, scale, _):
    with stage.beanstalkd() as path:
        return {"beanstalkd": _rate(stage.peer("beanstalkd", path, "stream", _count(200_000, scale)))}


#  zrbridge

def _bench(name, mode, count, *args, **bridge_options):
    def measure(stage, scale, _):
        with stage.bridge(**bridge_options) as bridge:
            return {name: _rate(stage.bench(bridge, mode, "-n", _count(count, scale), *args))}
    return measure


def stream(stage, scale, _):
    with stage.bridge() as bridge:
        idle_mb = memory_mb(bridge.process.pid)
        return {"stream": _rate(stage.bench(bridge, "stream", "-n", _count(1_000_000, scale))), "idle_mb": idle_mb}


def replay(stage, scale, _):
    """Of its memory: how much more a tenfold history takes at its most."""
    with stage.bridge() as bridge:
        stage.bench(bridge, "replay", "-n", _count(100_000, scale))
        short_mb = memory_mb(bridge.process.pid, "VmHWM")
        told = stage.bench(bridge, "replay", "-n", _count(1_000_000, scale))
        return {"replay": _rate(told), "replay_memory": memory_mb(bridge.process.pid, "VmHWM") / short_mb}


def _one_at_a_time(name, **bridge_options):
    def measure(stage, scale, _):
        with stage.bridge(**bridge_options) as bridge:
            told = stage.bench(bridge, "stream", "-n", _count(10_000, scale), "-w", 1)
            return {f"{name}_p50": told["p50_us"], f"{name}_p99": told["p99_us"]}
    return measure


def half_peak(stage, scale, so_far):
    """At half of what this round's stream has reached."""
    if "stream" not in so_far:
        so_far = {**so_far, **stream(stage, scale, so_far)}
    seconds = max(1, 4 * scale)
    with stage.bridge() as bridge:
        told = stage.bench(bridge, "stream", "-r", int(so_far["stream"] / 2), "-t", seconds)
        if told["seconds"] > 1.1 * seconds:
            raise Failed("half the peak rate was not kept: something else runs here")
        return {"half_p50": told["p50_us"], "half_p99": told["p99_us"]}


def _memory(name, pack):
    def measure(stage, scale, _):
        count = _count(MEMORY_COUNT, scale)
        with stage.bridge(pack=pack) as bridge:
            redis = bridge.embedded()
            before = redis.info("memory")["used_memory"]
            stage.bench(bridge, "stream", "-n", count, "--size", 16)
            memory = redis.info("memory")
            #  What clients and the AOF hold for the moment is no message's.
            now = memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"]
            return {name: (now - before) / count}
    return measure


def full_load(stage, scale, _):
    """Floods, takers and readers at once."""
    runs = (("stream", 1_000_000, "-p", 4, "--subscribers", 4), ("stream", 50_000, "--size", 10_000),
            ("publish", 200_000, "-b", 100), ("queue", 200_000, "--takers", 4), ("replay", 200_000))
    with stage.bridge() as bridge, concurrent.futures.ThreadPoolExecutor(len(runs)) as pool:
        for done in [pool.submit(stage.bench, bridge, mode, "-n", _count(count, scale), *args)
                     for mode, count, *args in runs]:
            done.result()
        return {"load_mb": memory_mb(bridge.process.pid, "VmHWM")}


def channels(stage, scale, _):
    with stage.bridge() as bridge:
        number = 10_000 if scale == 1 else 500
        return {"channels": _rate(stage.bench(bridge, "stream", "-n", _count(1_000_000, scale), "-c", number))}


MEASURES = {
    "zeromq": zeromq,
    "forward": forward,
    "zadd": zadd,
    "rounds": rounds,
    "streams_read": _on_redis("streams_read", "streams", "read", 1_000_000),
    "streams_group": _on_redis("streams_group", "streams", "group", 500_000),
    "streams_crowd": _on_redis("streams_crowd", "streams", "crowd", 500_000),
    "script": _on_redis("script", "script", "stream", 500_000),
    "jetstream_ordered": _jetstream("jetstream_ordered", "ordered", 300_000),
    "jetstream_pull": _jetstream("jetstream_pull", "pull", 200_000),
    "jetstream_publish": _jetstream("jetstream_publish", "publish", 300_000),
    "beanstalkd": beanstalkd,
    "stream": stream,
    "stream_always": _bench("stream_always", "stream", 1_000_000, fsync="always"),
    "stream_no": _bench("stream_no", "stream", 1_000_000, fsync="no"),
    "stream_packed": _bench("stream_packed", "stream", 2_000_000, pack=PACKED),
    "publish": _bench("publish", "publish", 500_000),
    "publish_batched": _bench("publish_batched", "publish", 1_000_000, "-b", 16, "-w", 16),
    "queue": _bench("queue", "queue", 500_000),
    "queue_packed": _bench("queue_packed", "queue", 500_000, pack=PACKED),
    "queue_crowd": _bench("queue_crowd", "queue", 500_000, "--takers", 3),
    "queue_crowd_packed": _bench("queue_crowd_packed", "queue", 500_000, "--takers", 3, pack=PACKED),
    "replay": replay,
    "replay_packed": _bench("replay_packed", "replay", 1_000_000, pack=PACKED),
    "one_at_a_time": _one_at_a_time("one"),
    "one_spinning": _one_at_a_time("spinning", spin_us=50),
    "pauses": pauses,
    "half_peak": half_peak,
    "memory": _memory("memory", 1),
    "memory_packed": _memory("memory_packed", PACKED),
    "full_load": full_load,
    "channels": channels,
}
