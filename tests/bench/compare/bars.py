"""What the figures are called, and what they must show. A bar looks at one round; a run is judged by the median."""

import dataclasses
import statistics
from typing import Callable

#  Figure: (its unit, its title).
FIGURES = {
    "zeromq": ("/s", "ZeroMQ PUSH → PULL, nothing stored"),
    "forward": ("/s", "ZeroMQ PUSH → PULL → PUB → SUB, nothing stored"),
    "zadd": ("/s", "raw pipelined ZADD, 64 members a call"),
    "streams_read": ("/s", "Redis Streams XADD → XREAD"),
    "streams_group": ("/s", "Redis Streams XADD → XREADGROUP + XACK"),
    "streams_crowd": ("/s", "Redis Streams, the same with 3 XREADGROUP open"),
    "script": ("/s", "Lua INCR + ZADD + PUBLISH → PSUBSCRIBE"),
    "jetstream_ordered": ("/s", "JetStream publish → ordered consumer"),
    "jetstream_pull": ("/s", "JetStream publish → pull consumer + ack"),
    "jetstream_publish": ("/s", "JetStream publish, 256 in flight"),
    "beanstalkd": ("/s", "beanstalkd put → reserve → delete"),
    "stream": ("/s", "zrbridge PUSH → stored → SUB"),
    "stream_always": ("/s", "zrbridge PUSH → stored → SUB, fsync always"),
    "stream_no": ("/s", "zrbridge PUSH → stored → SUB, fsync no"),
    "stream_packed": ("/s", "zrbridge PUSH → stored → SUB, packed"),
    "publish": ("/s", "zrbridge publish, 256 in flight"),
    "publish_batched": ("/s", "zrbridge publish, the same in 16 requests of 16"),
    "queue": ("/s", "zrbridge publish → take → ack"),
    "queue_packed": ("/s", "zrbridge publish → take → ack, packed"),
    "queue_crowd": ("/s", "zrbridge publish → take → ack, 3 takers"),
    "queue_crowd_packed": ("/s", "zrbridge publish → take → ack, 3 takers, packed"),
    "replay": ("/s", "zrbridge replay of 1,000,000"),
    "replay_packed": ("/s", "zrbridge replay of 1,000,000, packed"),
    "channels": ("/s", "zrbridge PUSH → SUB, 10,000 channels"),
    "zeromq_p50": ("µs", "ZeroMQ round trip, p50"),
    "zeromq_p99": ("µs", "ZeroMQ round trip, p99"),
    "redis_p50": ("µs", "Redis round trip (ZADD), p50"),
    "redis_p99": ("µs", "Redis round trip (ZADD), p99"),
    "one_p50": ("µs", "zrbridge, one at a time, p50"),
    "one_p99": ("µs", "zrbridge, one at a time, p99"),
    "spinning_p50": ("µs", "zrbridge, one at a time, spin_us = 50, p50"),
    "spinning_p99": ("µs", "zrbridge, one at a time, spin_us = 50, p99"),
    "pauses_longest": ("ms", "the machine, each core reading the clock: longest pause"),
    "pauses_share": ("%", "the same: share of the time in pauses above 1 ms"),
    "half_p50": ("µs", "zrbridge, half its peak rate, p50"),
    "half_p99": ("µs", "zrbridge, half its peak rate, p99"),
    "memory": ("B", "Redis memory a message of 16 bytes"),
    "memory_packed": ("B", "Redis memory a message of 16 bytes, packed"),
    "idle_mb": ("MB", "bridge, idle"),
    "load_mb": ("MB", "bridge, at its most under full load"),
    "backlog_mb": ("MB", "bridge, at its most with 10,000,000 retained"),
    "append_small": ("/s", "append, 100,000 retained"),
    "append_large": ("/s", "append, 10,000,000 retained"),
    "replay_small": ("/s", "replay, 100,000 retained"),
    "replay_large": ("/s", "replay, 10,000,000 retained"),
    "take_small": ("/s", "publish → take → ack, 100,000 retained"),
    "take_large": ("/s", "publish → take → ack, 10,000,000 retained"),
}


@dataclasses.dataclass(frozen=True)
class Bar:
    what: str
    needs: tuple
    figure: Callable
    bound: float
    is_least: bool = True
    unit: str = "×"

    def median(self, rounds):
        """None where no round has all that it needs."""
        figures = [self.figure(*(values[name] for name in self.needs)) for values in rounds
                   if all(name in values for name in self.needs)]
        return statistics.median(figures) if figures else None

    def is_passed(self, figure):
        return figure >= self.bound if self.is_least else figure <= self.bound

    @property
    def wanted(self):
        return f"{'≥' if self.is_least else '≤'} {self.bound:g} {self.unit}"


def _ratio(what, one, other, bound):
    return Bar(what, (one, other), lambda value, beside: value / beside, bound)


def _most(what, name, bound, unit="×"):
    return Bar(what, (name,), lambda value: value, bound, False, unit)


BARS = (
    _ratio("stream / raw ZADD", "stream", "zadd", 0.65),
    _ratio("stream / JetStream ordered", "stream", "jetstream_ordered", 3.5),
    _ratio("stream packed / Streams XREAD", "stream_packed", "streams_read", 1.2),
    _ratio("stream packed / JetStream ordered", "stream_packed", "jetstream_ordered", 8),
    _ratio("stream, fsync always / everysec", "stream_always", "stream", 0.5),
    _ratio("publish / JetStream publish", "publish", "jetstream_publish", 2),
    _ratio("take + ack, one taker / Streams, one read open", "queue", "streams_group", 1),
    _ratio("take + ack, one taker, packed / the same", "queue_packed", "streams_group", 2),
    _ratio("take + ack, 3 takers / Streams, 3 reads open", "queue_crowd", "streams_crowd", 1),
    _ratio("take + ack, 3 takers, packed / the same", "queue_crowd_packed", "streams_crowd", 2),
    _ratio("replay / stream", "replay", "stream", 1.5),
    _most("bridge's memory, replay of 1,000,000 / 100,000", "replay_memory", 1.3),
    Bar("one at a time p50 / (ZeroMQ + Redis round trip)", ("one_p50", "zeromq_p50", "redis_p50"),
        lambda one, there, stored: one / (there + stored), 1.4, False),
    Bar("p99 / p50 at half the peak rate", ("half_p99", "half_p50"), lambda p99, p50: p99 / p50, 3, False),
    _most("Redis memory a message", "memory", 165, "B"),
    _most("Redis memory a message, packed", "memory_packed", 44, "B"),
    _most("bridge's memory, idle", "idle_mb", 64, "MB"),
    _most("bridge's memory, full load", "load_mb", 256, "MB"),
    _most("bridge's memory, 10,000,000 retained", "backlog_mb", 256, "MB"),
    _most("append's cost, 10,000,000 / 100,000 retained", "growth_append", 1.3),
    _most("replay's cost, the same", "growth_replay", 1.3),
    _most("take's cost, the same", "growth_take", 1.3),
    _ratio("10,000 channels in turn / one", "channels", "stream", 0.3),
    _most("append's cost with 1,000 idle groups / none", "growth_groups", 1.05),
)
