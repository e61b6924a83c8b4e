"""What a run has shown: as text, as JSON, as RESULTS.md."""

import dataclasses
import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

from .bars import BARS, FIGURES


def _first_line(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip().partition("\n")[0] or "unknown"


def _package(name):
    return _first_line("dpkg-query", "-W", "-f", "${Version}", name)


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(), "memory": f"{memory:.0f} GiB",
            "system": platform.freedesktop_os_release()["PRETTY_NAME"],
            "kernel": ".".join(platform.release().split(".")[:2])}


def versions(build):
    return {"zrbridge": f"{_first_line(build / 'zrbridge', '--version').split()[-1]}, "
                        f"commit {_first_line('git', 'describe', '--always', '--dirty', '--abbrev=10')}",
            "redis-server": _package("redis-server"), "libzmq": _package("libzmq5"),
            "hiredis": _package("libhiredis-dev"), "nats-server": _package("nats-server"),
            "libnats": _package("libnats-dev"), "beanstalkd": _package("beanstalkd")}


@dataclasses.dataclass
class Report:
    """`rounds`: of each, figures by name. `failed`: what has no figure, and why."""

    rounds: list
    failed: dict
    seconds: float
    machine: dict
    versions: dict
    date: str = dataclasses.field(default_factory=lambda: datetime.date.today().isoformat())

    def values(self, name):
        return [values[name] for values in self.rounds if name in values]

    def figures(self):
        """(name, unit, title, median, least, greatest) of what was measured."""
        return [(name, unit, title, statistics.median(values), min(values), max(values))
                for name, (unit, title) in FIGURES.items() if (values := self.values(name))]

    def bars(self):
        """(bar, median) of those that can be told."""
        return [(bar, figure) for bar in BARS if (figure := bar.median(self.rounds)) is not None]

    @property
    def is_good(self):
        return not self.failed and all(bar.is_passed(figure) for bar, figure in self.bars())

    def json(self):
        return {"date": self.date, "seconds": round(self.seconds, 1), "machine": self.machine,
                "versions": self.versions, "rounds": self.rounds, "failed": self.failed,
                "figures": [dict(zip(("name", "unit", "title", "median", "least", "greatest"), row))
                            for row in self.figures()],
                "bars": [{"what": bar.what, "figure": figure, "wanted": bar.wanted, "passed": bar.is_passed(figure)}
                         for bar, figure in self.bars()]}

    def tables(self):
        """Two lists of rows of cells, the first of each the heads."""
        figures = [(title, _number(median, unit), f"{_number(least, unit)} – {_number(most, unit)}", unit)
                   for _, unit, title, median, least, most in self.figures()]
        bars = [(bar.what, f"{figure:.2f} {bar.unit}" if figure < 10 else f"{figure:.1f} {bar.unit}", bar.wanted,
                 "yes" if bar.is_passed(figure) else "NO") for bar, figure in self.bars()]
        return ([("what", "median", "least – greatest", "unit"), *figures],
                [("ratio, or limit", "median", "wanted", "passed"), *bars])

    def text(self):
        lines = []
        for table in self.tables():
            widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
            for row in table:
                lines.append("  ".join(cell.ljust(width) if at in (0, 3) else cell.rjust(width)
                                       for at, (cell, width) in enumerate(zip(row, widths))).rstrip())
            lines.append("")
        lines += [f"no figure: {name}: {why}" for name, why in self.failed.items()]
        return "\n".join(lines + [f"{len(self.rounds)} rounds, {self.seconds:.0f} s"])

    def markdown(self, plots):
        """RESULTS.md; `plots`: (title, file name)."""
        lines = ["# What zrbridge does beside its limits and its peers", "",
                 f"Written by `tests/bench/run` on {self.date}: {len(self.rounds)} rounds in {self.seconds:.0f} s, in "
                 "which everything runs in turn,", "alone on the machine. Payloads are of 100 bytes, AOF is everysec, "
                 "where nothing else is said; packed: up to 256", "messages share a member. All Redis are set alike. "
                 "A ratio is one of figures of the same round; of both the median", "is told. JetStream has its "
                 "default, which leaves the disk to the system for up to two minutes; beanstalkd has a log that",
                 "reaches the disk each second.", ""]
        lines += [f"- {key}: {value}" for key, value in {**self.machine, **self.versions}.items()] + [""]
        for title, name in plots:
            lines += [f"![{title}]({name})", ""]
        for table in reversed(self.tables()):
            lines += [_row(table[0]), "|---|--:|--:|---|", *map(_row, table[1:]), ""]
        lines += [f"No figure: {name}: {why}" for name, why in self.failed.items()]
        return "\n".join(lines).rstrip("\n") + "\n"


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _number(value, unit):
    return f"{value:,.0f}" if unit == "/s" else f"{value:.1f}"
