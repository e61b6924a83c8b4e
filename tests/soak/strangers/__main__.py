"""Strangers without a key at a bridge that speaks CURVE. First what each kind of them costs a bridge that has nothing
else to do; then what clients with keys notice while strangers come. Strangers, clients, bridge and Redis share one
machine here, so the clients are measured beside strangers who do the same at another port, where nobody computes: what
is slower than that is what the bridge did for them."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import zmq
from harness.bridge import Bridge
from harness.certificates import Certificates
from harness.redis_server import RedisServer
from harness.wire import ROOT

from .flood import KINDS

#  Of each kind alone: below the rate that the bridge lets in, so that it works on all.
COST_RATE, COST_S = 80, 5
MEASURE_S = 4
#  As fast as it goes, but so that no subscriber falls behind as far as SUB allows.
PEAK = ("-w", "10000")
LEAST_RATE = 0.9
SOAK = pathlib.Path(__file__).resolve().parents[1]


def _threads_ns(pid):
    """Nanoseconds that all threads of a process have run, and those of ZeroMQ's own."""
    total = own = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            ran = int((task / "schedstat").read_text(encoding="ascii").split()[0])
            total += ran
            own += ran if (task / "comm").read_text(encoding="ascii").startswith("ZMQbg/IO") else 0
    return total, own


class Stage:
    """A bridge that speaks CURVE, and who comes to it."""

    def __init__(self, directory, build):
        self.build = build
        self.certificates = Certificates(directory)
        self.certificates.client("alice")
        self.context = zmq.Context()
        self.server = RedisServer(directory / "redis")
        self.server.start()
        self.bridge = Bridge(self.context, directory / "bridge", {
            "bridge": {"log_level": "info"}, "security": self.certificates.security,
            "redis": {"mode": "server", "url": self.server.url}}, path=build / "zrbridge")
        self.bridge.start()
        self.children = []
        self.ports = [self.bridge.endpoint(what).rpartition(":")[2] for what in ("pull", "pub", "router")]
        self.sink = self._start("sink").stdout.readline().strip()

    def _start(self, *argv):
        child = subprocess.Popen([sys.executable, "-B", "-m", "strangers.flood", *map(str, argv)],
                                 stdout=subprocess.PIPE, text=True, env={**os.environ})
        self.children.append(child)
        return child

    @contextlib.contextmanager
    def flood(self, kind, rate, ports=None):
        """What it did, once it is over."""
        child = self._start(kind, rate, self.certificates.bridge.public.decode(), *(ports or self.ports))
        assert child.stdout.readline() == "ready\n"
        did = {}
        yield did
        child.terminate()
        did.update(json.loads(child.stdout.readline()))
        child.wait(10)

    def bench(self, *argv):
        done = subprocess.run(
            [self.build / "zrb", "bench", "stream", "--ask", self.bridge.endpoint("router"), "--push",
             self.bridge.endpoint("pull"), "--sub", self.bridge.endpoint("pub"), "--server",
             self.certificates.bridge.path, "--cert", self.certificates.clients_dir / "alice_secret", "--json", *argv],
            capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr or done.stdout
        return json.loads(done.stdout)

    def end(self):
        for child in self.children:
            child.kill()
            child.wait()
        self.bridge.end()
        self.server.stop()
        self.context.destroy(linger=0)


def _threads_us(stage, kind, rate):
    """Of all threads of the bridge, and of ZeroMQ's: what each stranger cost, and what all did in a second."""
    before = _threads_ns(stage.bridge.process.pid)
    with stage.flood(kind, rate) as did:
        time.sleep(COST_S)
    took = [(after - start) / 1000 for after, start in zip(_threads_ns(stage.bridge.process.pid), before)]
    return [us / did["attempts"] for us in took], [us / did["seconds"] for us in took]


def _costs(stage, rate):
    print(f"{'a bridge that has only strangers':36}{'µs for each':>16}{'of ZeroMQ’s':>14}"
          f"{f'% of a core for {rate:,.0f}/s':>28}")
    costs = {kind: _threads_us(stage, kind, COST_RATE)[0] for kind in KINDS}
    for kind, (all_of_it, zeromq) in costs.items():
        share = _threads_us(stage, kind, rate)[1][0] / 10000
        print(f"{kind:36}{all_of_it:16.0f}{zeromq:14.0f}{share:28.1f}", flush=True)


def _measure(stage, argv):
    """Of a run: messages a second, latencies, and the bridge's time for a message."""
    before = _threads_ns(stage.bridge.process.pid)[0]
    told = stage.bench(*argv)
    took = _threads_ns(stage.bridge.process.pid)[0] - before
    return {"rate": told["messages_per_s"], "p50": told["p50_us"], "p99": told["p99_us"],
            "bridge": took / told["through"] / 1000}


def _compare(stage, kind, rate, argv, rounds):
    """Medians of runs with strangers, beside those where they were elsewhere, and without any; in turn."""
    runs = {"none": [], "elsewhere": [], "here": []}
    shares = []
    for _ in range(rounds):
        runs["none"].append(_measure(stage, argv))
        for where, ports in (("elsewhere", [stage.sink]), ("here", None)):
            with stage.flood(kind, rate, ports) as did:
                runs[where].append(_measure(stage, argv))
            shares.append(did["cpu_s"] / did["seconds"])
    medians = {where: {key: statistics.median(run[key] for run in some) for key in some[0]}
               for where, some in runs.items()}
    for where, figures in medians.items():
        print(f"{kind:14}{where:12}{figures['rate']:12,.0f}/s {figures['p50']:10,.0f} µs {figures['p99']:10,.0f} µs "
              f"{figures['bridge']:8.2f} µs", flush=True)
    kept = medians["here"]["rate"] / medians["elsewhere"]["rate"]
    print(f"{'':14}here / elsewhere: rate {kept:.2f}, p50 {medians['here']['p50'] / medians['elsewhere']['p50']:.2f}; "
          f"the strangers' own share of a core {statistics.median(shares):.2f}\n", flush=True)
    return kept


def _run(stage, options):
    _costs(stage, options.rate)
    peak = statistics.median(stage.bench("-t", str(MEASURE_S), *PEAK)["messages_per_s"] for _ in range(3))
    good = True
    for what, argv in ((f"a quarter of the peak, {peak / 4:,.0f}/s", ["-r", str(int(peak / 4))]),
                       ("as fast as it goes", PEAK)):
        print(f"\n{what}; {options.rate:,.0f} strangers a second\n{'':26}{'rate':>14}{'p50':>14}{'p99':>14}"
              f"{'of the bridge a message':>26}", flush=True)
        for kind in options.kind or ("knock", "hello", "unknown key"):
            kept = _compare(stage, kind, options.rate, ["-t", str(MEASURE_S), *argv], options.rounds)
            good = good and kept >= LEAST_RATE
    return good


def main():
    parser = argparse.ArgumentParser(prog="tests/soak/stranger", description=__doc__, epilog="Exit status: 0 the "
                                     f"clients kept {LEAST_RATE:g} of their rate, 1 not, 2 wrong usage.")
    parser.add_argument("--rate", type=float, default=2000, metavar="N", help="strangers a second (2000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each measure (3)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only that one; any number")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", metavar="DIR", help="of the programs")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(SOAK)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="strangers.", dir=options.build))
    stage = Stage(directory, options.build)
    try:
        return 0 if _run(stage, options) else 1
    finally:
        stage.end()
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
