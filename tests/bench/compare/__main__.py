"""Measures all in turn, round after round, and tells what it has shown. See tests/bench/run."""

import argparse
import fnmatch
import json
import pathlib
import shutil
import sys
import tempfile
import time

import redis

from harness.wire import ROOT

from . import growth, plot
from .measures import MEASURES
from .report import Report, machine, versions
from .stage import Failed, Stage

RESULTS = ROOT / "tests" / "bench"
PLOTS = (("Messages a second", "rates.svg", plot.rates), ("Latency", "latencies.svg", plot.latencies))
QUICK = 0.02

#  What ends one measure, and not the run.
TROUBLE = (Failed, AssertionError, OSError, redis.RedisError)


def _arguments():
    names = [*MEASURES, *growth.NAMES]
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__,
                                     epilog="Measures: " + ", ".join(names) + ". Exit status: 0 all that is wanted was "
                                     "shown (with --quick: all was measured), 1 not, 2 wrong usage.")
    parser.add_argument("--only", action="append", metavar="NAME", help="a measure, or a glob of some; any number")
    parser.add_argument("--quick", action="store_true", help="few messages: shows whether it works, not how fast")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds (3; with --quick 1)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR", help="of the programs")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    only = options.only or ["*"]
    options.names = [name for name in names if any(fnmatch.fnmatchcase(name, glob) for glob in only)]
    if not options.names:
        parser.error("--only: there is no such measure")
    return options


class Run:
    """Owns the rounds' figures while they grow."""

    def __init__(self, number):
        self.rounds = [{} for _ in range(number)]
        self.failed = {}

    def measure(self, index, name, measure):
        started = time.monotonic()
        try:
            figures = measure()
            self.rounds[index].update(figures)
            told = ", ".join(f"{key} {value:,.2f}" if value < 1000 else f"{key} {value:,.0f}"
                             for key, value in figures.items())
        except TROUBLE as error:
            told = self.failed[name] = str(error) or type(error).__name__
        print(f"round {index + 1}  {name:18} {time.monotonic() - started:6.1f} s  {told}", file=sys.stderr, flush=True)


def _run_all(stage, options):
    run = Run(options.rounds)
    scale = QUICK if options.quick else 1
    for index in range(options.rounds):
        for name in options.names:
            if name in MEASURES:
                run.measure(index, name, lambda: MEASURES[name](stage, scale, run.rounds[index]))
    if set(growth.NAMES) & set(options.names):
        try:
            for index, name, measure in growth.rounds(stage, scale, options.rounds, options.names):
                run.measure(index, name, measure)
        except TROUBLE as error:
            run.failed["growth"] = str(error)
    return run


def main():
    options = _arguments()
    started = time.monotonic()
    options.build.mkdir(exist_ok=True)
    #  Short, since a unix socket's path is; on the disk, as users have it.
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=options.build))
    stage = Stage(directory, options.build)
    try:
        run = _run_all(stage, options)
    finally:
        stage.close()
        shutil.rmtree(directory)
    report = Report(run.rounds, run.failed, time.monotonic() - started, machine(), versions(options.build))
    print(report.text())
    (options.build / "bench.json").write_text(json.dumps(report.json(), indent=1) + "\n", encoding="utf-8")
    if not options.quick and not options.only and options.rounds >= 3:
        for _, name, draw in PLOTS:
            (RESULTS / name).write_text(draw(report), encoding="utf-8")
        (RESULTS / "RESULTS.md").write_text(report.markdown([plot[:2] for plot in PLOTS]), encoding="utf-8")
    return 0 if report.is_good or (options.quick and not report.failed) else 1


if __name__ == "__main__":
    sys.exit(main())
