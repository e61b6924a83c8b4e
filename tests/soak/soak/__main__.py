"""Two bridges on one Redis with fsync always, and clients that insist, at half the rate that they reach when nothing
breaks. A nemesis strikes every 10 to 20 seconds; only bridge b is ever killed, so that a's memory can be judged.

Checked as it goes: each message reaches each follower at each bridge once and in order, under one id, and each of the
queue a taker; all go on after each strike. At the end: nothing waits in the queue, all followers have printed the same,
and bridge a has grown in neither memory nor descriptors."""

import argparse
import contextlib
import io
import itertools
import os
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from subprocess import DEVNULL

from conftest import Lab
from harness.background import Background
from harness.nemesis import DEEDS, Nemesis
from harness.wait import eventually
from harness.wire import ROOT
from harness.zrb import Zrb

from .load import Follower, Publisher, Queue, Taker
from .watch import Watch

#  Without what needs a proxy, a disk or a clock that are slower or faster than users have them.
STRIKES = [deed for deed in DEEDS if deed not in ("delay", "fill_disk", "shift_clock")]
STREAM, QUEUE = "events", "jobs"
WARM_S, PEAK_S = 5, 15
PAUSE_S = (10, 20)
#  Reached only where something has failed: until all have gone on, until all has been drained.
GO_ON_S, DRAIN_S = 60, 300
FLUSH_S = 5
TOLD_S = 30


class Flusher(Background):
    """Drops what all followers of a channel had got a round ago. `refused`: how often that was not done."""

    def __init__(self, zrbs, followers):
        super().__init__()
        self._zrbs, self._followers = itertools.cycle(zrbs), followers
        self.refused = 0
        self._child = None

    def kill(self):
        self._stop.set()
        if self._child:
            self._child.kill()

    def run(self):
        passed = {}
        while not self._stop.wait(FLUSH_S):
            for channel, id_ in passed.items():
                self._child = next(self._zrbs).popen("flush", channel, "--before", str(id_), "--yes", stdin=DEVNULL,
                                                     stdout=DEVNULL, stderr=DEVNULL)
                self.refused += self._child.wait() != 0
            for channel in (STREAM, QUEUE):
                passed[channel] = min(one.id for one in self._followers if one.channel == channel)


class Soak:
    """Owns the servers, the clients, and what was measured."""

    def __init__(self, lab, options):
        self.lab, self.options = lab, options
        self.server = lab.redis(fsync="always")
        #  Short paths, and endpoints that stay a bridge's while it is dead.
        self.bridges = {name: self._bridge(name) for name in "ab"}
        self.zrbs = {name: Zrb(bridge, lab.directory) for name, bridge in self.bridges.items()}
        self.nemesis = Nemesis(self.server, list(self.bridges.values()), random.Random(options.seed), STRIKES,
                               mortal=[self.bridges["b"]])
        self.programs, self.takers, self.flusher, self.watch = [], [], None, None
        self.recoveries = []
        self.peak = self.wanted = self.seconds = 0

    def _bridge(self, name):
        ends = {"ingest": ("pull", "sub"), "fanout": ("pub",), "control": ("router",)}
        sockets = {section: {what: [f"ipc://{self.lab.directory}/{name}-{what}"] for what in names}
                   for section, names in ends.items()}
        return self.lab.bridge(self.server, path=self.options.build / "zrbridge", bridge={"log_level": "info"},
                               monitor={"http": ""}, channels=[{"match": "*", "dedupe_s": 30}], **sockets)

    #  Load

    def start_load(self):
        a, b = self.zrbs["a"], self.zrbs["b"]
        push = ("--push", self.bridges["a"].endpoint("pull"))
        self.publishers = [Publisher(a, "p", STREAM, *push, "--wait", "1h"), Publisher(b, "q", STREAM),
                           Publisher(a, "r", QUEUE), Publisher(b, "s", QUEUE)]
        codes = {channel: [one.code for one in self.publishers if one.channel == channel]
                 for channel in (STREAM, QUEUE)}
        self.programs += self.publishers
        self.followers = [Follower(zrb, name, channel, codes[channel])
                          for name, zrb in self.zrbs.items() for channel in codes]
        self.programs += self.followers
        self.queue = Queue(codes[QUEUE])
        for publisher in self.publishers:
            publisher.got = self._got(publisher)
        for program in self.programs:
            program.start()
        self.takers = [Taker(bridge, QUEUE, name, self.queue) for name, bridge in self.bridges.items()]
        self.flusher = Flusher(self.zrbs.values(), self.followers)
        self.flusher.start()

    def _got(self, publisher):
        lasts = [follower.last for follower in self.followers if follower.channel == publisher.channel]
        delivered = self.queue.delivered.get(publisher.code)

        def got():
            reached = min(last[publisher.code] for last in lasts)
            return reached if delivered is None else min(reached, len(delivered))
        return got

    def count(self):
        return sum(publisher.got() for publisher in self.publishers)

    def check(self):
        for worker in (*self.programs, *self.takers, self.flusher, *([self.watch] if self.watch else [])):
            worker.check()

    def _wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.check()
            time.sleep(min(0.2, max(0, until - time.monotonic())))

    def measure_peak(self):
        """How fast all go when each sends as soon as everybody has got what it sent."""
        self._wait(WARM_S)
        before, began = [publisher.got() for publisher in self.publishers], time.monotonic()
        self._wait(PEAK_S)
        took = time.monotonic() - began
        rates = [(publisher.got() - count) / took for publisher, count in zip(self.publishers, before)]
        assert min(rates) > 0, f"not all go: {rates}"
        self.peak, self.wanted = sum(rates), sum(rates) / 2
        for publisher, rate in zip(self.publishers, rates):
            publisher.pace(rate / 2)
        print(f"peak {self.peak:,.0f} messages/s: " + ", ".join(
            f"{publisher.letter} {rate:,.0f}" for publisher, rate in zip(self.publishers, rates)), flush=True)

    #  Breaking

    def strike(self):
        before = dict(self.nemesis.deeds)
        with contextlib.redirect_stdout(io.StringIO()):
            self.nemesis.strike()
        [deed] = [deed for deed, count in self.nemesis.deeds.items() if count > before[deed]]
        began, marks = time.monotonic(), [publisher.sent for publisher in self.publishers]

        def all_go_on():
            self.check()
            return all(publisher.got() > mark for publisher, mark in zip(self.publishers, marks))
        eventually(all_go_on, f"all to go on after {deed}", GO_ON_S)
        self.recoveries.append((deed, time.monotonic() - began))

    def endure(self):
        """Strikes until the time is over."""
        self.watch = Watch(self.options.csv, self.server, self.bridges, self.nemesis, self.count)
        self.watch.start()
        began, before, told = time.monotonic(), self.count(), 0
        until = began + self.options.seconds
        strike_at = began + self.nemesis.choice.uniform(*PAUSE_S)
        while time.monotonic() < until:
            self.check()
            if time.monotonic() >= strike_at:
                self.strike()
                strike_at = time.monotonic() + self.nemesis.choice.uniform(*PAUSE_S)
            if time.monotonic() - began >= told + TOLD_S:
                told += TOLD_S
                self._tell(time.monotonic() - began, before)
            time.sleep(0.1)
        self.seconds = time.monotonic() - began
        self.rate = (self.count() - before) / self.seconds
        self.watch.join(10)

    def _tell(self, seconds, before):
        row = self.watch.rows[-1]
        print(f"{seconds:6.0f} s  {self.count():,} messages, {(self.count() - before) / seconds:,.0f}/s, "
              f"{row['strikes']} strikes; a {row['a_rss_mb']} MB, {row['a_descriptors']} descriptors; "
              f"b {row['b_rss_mb']} MB; Redis {row['redis_mb']} MB", flush=True)

    #  The end

    def drain(self):
        """Until everybody has all; the publishers' last words."""
        words = [publisher.finish(DRAIN_S) for publisher in self.publishers]

        def has_all():
            self.check()
            return all(publisher.got() == publisher.sent for publisher in self.publishers)
        eventually(has_all, "all to have all", DRAIN_S)
        client = self.bridges["a"].client()

        def is_settled():
            group = client.ok(op="status", channel=QUEUE)["channels"][QUEUE]["groups"]["default"]
            return (group["waiting"], group["leased"], group["dead"]) == (0, 0, 0)
        eventually(is_settled, "all to be settled", DRAIN_S)
        for taker in self.takers:
            taker.stop()
        self.flusher.join(60)
        for follower in self.followers:
            follower.stop()
        for channel in (STREAM, QUEUE):
            one, other = [follower for follower in self.followers if follower.channel == channel]
            assert one.digest.digest() == other.digest.digest(), f"{one} and {other} printed different things"
        return words

    def kill(self):
        for program in (self.flusher, *self.programs):
            if program:
                program.kill()

    def report(self, words):
        """Prints what there was; whether bridge a is flat."""
        print(f"\nseed {self.options.seed}; {self.seconds:,.0f} s, peak {self.peak:,.0f} messages/s before, "
              f"then {self.rate:,.0f} where {self.wanted:,.0f} were wanted")
        print(f"{sum(publisher.sent for publisher in self.publishers):,} messages sent, stored, and printed at both "
              f"bridges, in order; {sum(map(len, self.queue.delivered.values())):,} of them taken and settled, "
              f"{self.queue.again:,} taken again")
        for publisher, line in zip(self.publishers, words):
            print(f"  {publisher.letter}: {line.strip()}")
        print(f"{self.flusher.refused} flushes refused\n")
        self._report_strikes()
        print(f"\n{'quarter':32}" + "".join(f"{quarter:10}" for quarter in range(1, 5)))
        for column in ("redis_mb", *(f"{name}_{what}" for name in self.bridges for what in ("rss_mb", "descriptors",
                                                                                            "threads"))):
            print(f"{column:32}" + "".join(f"{value:10,.1f}" for value in self.watch.quarters(column)))
        ratio, more = self.watch.growth("a")
        flat = self.watch.is_flat("a")
        print(f"a's last quarter beside its second: memory x {ratio:.2f}, descriptors {more:+.0f}: "
              f"{'flat' if flat else 'NOT FLAT'}")
        return flat

    def _report_strikes(self):
        print(f"{'strike':20} {'times':>6} {'all go on after: median':>24} {'worst':>8}")
        by_deed = {deed: [] for deed in self.nemesis.deeds}
        for deed, seconds in self.recoveries:
            by_deed[deed].append(seconds)
        by_deed["all"] = [seconds for _, seconds in self.recoveries]
        for deed, times in by_deed.items():
            if times:
                print(f"{deed:20} {len(times):6} {statistics.median(times):22.2f} s {max(times):6.2f} s")


def _arguments():
    parser = argparse.ArgumentParser(prog="tests/soak/run", description=__doc__, epilog="Exit status: 0 all held, "
                                     "1 not, 2 wrong usage, 130 stopped before.")
    parser.add_argument("seconds", nargs="?", type=int, default=3600, metavar="SECONDS", help="how long (3600)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), metavar="N", help="of the strikes")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR", help="of the programs")
    parser.add_argument("--csv", type=pathlib.Path, metavar="FILE", help="what was seen each second (DIR/soak.csv)")
    options = parser.parse_args()
    options.csv = options.csv or options.build / "soak.csv"
    return options


def _run(directory, options):
    good, says_logs = False, False
    lab = Lab(directory)
    soak = None
    try:
        soak = Soak(lab, options)
        soak.start_load()
        soak.measure_peak()
        soak.endure()
        good = soak.report(soak.drain())
    except AssertionError as failure:
        says_logs = True
        print(f"\nFAILED: {failure}", flush=True)
    finally:
        if soak:
            soak.kill()
        with contextlib.redirect_stdout(sys.stderr if says_logs else io.StringIO()):
            lab.end()
    return 0 if good else 1


def _interrupt(_signal, _frame):
    raise KeyboardInterrupt


def main():
    options = _arguments()
    os.nice(5)
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ["ZRB"] = str(options.build / "zrb")
    print(f"seed {options.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="soak.", dir=options.build))
    try:
        return _run(directory, options)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
