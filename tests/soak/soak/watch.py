"""Looks at the processes each second, and judges whether they have grown."""

import csv
import os
import pathlib
import re
import statistics
import time

import redis
from harness.background import Background

BRIDGE_COLUMNS = ("rss_mb", "descriptors", "threads", "cpu_s")
TICKS_S = os.sysconf("SC_CLK_TCK")
#  What the last quarter may be of the second, before which all warms up; and descriptors of clients that come and go.
MOST_GROWTH = 1.1
MORE_DESCRIPTORS = 2


def _look(pid):
    """The columns of a process; of one that is just being killed: nothing."""
    proc = pathlib.Path(f"/proc/{pid}")
    try:
        status = (proc / "status").read_text(encoding="ascii", errors="replace")
        times = (proc / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[11:13]
        descriptors = len(os.listdir(proc / "fd"))
        return (round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, 1), descriptors,
                int(re.search(r"Threads:\s+(\d+)", status)[1]), sum(map(int, times)) / TICKS_S)
    except (OSError, TypeError):
        return ("",) * len(BRIDGE_COLUMNS)


class Watch(Background):
    """`rows`: {column: value} of each second; also lines of a CSV file. `count ()`: messages done."""

    def __init__(self, path, server, bridges, nemesis, count):
        super().__init__()
        self._path, self._server, self._bridges = path, server, bridges
        self._nemesis, self._count = nemesis, count
        self._columns = ["second", "strikes", "messages", "redis_mb",
                         *(f"{name}_{column}" for name in bridges for column in BRIDGE_COLUMNS)]
        self.rows = []

    def run(self):
        began = time.monotonic()
        with open(self._path, "w", encoding="ascii", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            while not self._stop.wait(max(0, began + len(self.rows) - time.monotonic())):
                values = [round(time.monotonic() - began), sum(self._nemesis.deeds.values()), self._count(),
                          self._redis_mb()]
                for bridge in self._bridges.values():
                    values += _look(bridge.process.pid)
                self.rows.append(dict(zip(self._columns, values)))
                writer.writerow(self.rows[-1])
                file.flush()

    def _redis_mb(self):
        try:
            client = self._server.client(socket_timeout=0.3)
            return round(client.info("memory")["used_memory"] / 1048576, 1)
        except (redis.RedisError, OSError, AttributeError):
            return ""  #  it is broken just now

    def quarters(self, column):
        """The median of each quarter of the time."""
        size = len(self.rows) // 4
        return [statistics.median([row[column] for row in self.rows[at * size:(at + 1) * size] if row[column] != ""])
                for at in range(4)]

    def growth(self, name):
        """What the last quarter is of the second in memory, and how many descriptors more it has."""
        resident, descriptors = self.quarters(f"{name}_rss_mb"), self.quarters(f"{name}_descriptors")
        return resident[3] / resident[1], descriptors[3] - descriptors[1]

    def is_flat(self, name):
        ratio, more = self.growth(name)
        return ratio <= MOST_GROWTH and more <= MORE_DESCRIPTORS
