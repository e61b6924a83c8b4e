"""Breaks what a test has built, in one way after the other, and mends it again."""

import signal
import time

from .clock import HOUR_S
from .wait import eventually

#  Each with the faults of FAULTS.md that it is.
DEEDS = {"kill_bridge": (1, 10), "kill_redis": (2,), "stop_redis": (4,), "stop_bridge": (10,), "cut": (5,),
         "delay": (5,), "forget_scripts": (7,), "fill": (6,), "fill_disk": (6,), "want_replicas": (6,),
         "be_busy": (6,), "shift_clock": (13,)}
BUSY = """
local function now () local time = redis.call ('TIME') return time[1] * 1e6 + time[2] end
local till = now () + ARGV[1]
repeat until now () > till
"""


class Nemesis:
    """Does those deeds to a server and its bridges, of which it kills the `mortal` ones: all, unless they are named.
    Some deeds need the disk that the server is on, the clock that it goes by, or the proxies through which the bridges
    reach it. `deeds`: how often each was done."""

    def __init__(self, server, bridges, choice, deeds, mortal=None, disk=None, clock=None, proxies=()):
        self.server, self.bridges, self.mortal = server, bridges, mortal or bridges
        self.disk, self.clock, self.proxies = disk, clock, proxies
        self.choice, self.deeds = choice, dict.fromkeys(deeds, 0)

    def strike(self):
        """Each deed once before any comes again."""
        fewest = min(self.deeds.values())
        deed = self.choice.choice([deed for deed, count in self.deeds.items() if count == fewest])
        self.deeds[deed] += 1
        print(deed)
        getattr(self, deed)()

    def _while(self):
        time.sleep(self.choice.uniform(0.05, 0.5))  # how long it stays broken

    def kill_bridge(self):
        bridge = self.choice.choice(self.mortal)
        bridge.kill()
        self._while()
        bridge.start()

    def kill_redis(self):
        self.server.kill()
        self._while()
        self.server.start()

    def stop_redis(self):
        self.server.suspend()
        self._while()
        self.server.resume()

    def stop_bridge(self):
        bridge = self.choice.choice(self.bridges)
        bridge.process.signal(signal.SIGSTOP)
        self._while()
        bridge.process.signal(signal.SIGCONT)

    def cut(self):
        for kind in ("normal", "pubsub"):
            self.server.client().client_kill_filter(_type=kind, skipme=True)

    def delay(self):
        for proxy in self.proxies:
            proxy.delay(self.choice.uniform(0.02, 0.2))
        time.sleep(1)
        for proxy in self.proxies:
            proxy.delay(0)

    def forget_scripts(self):
        self.server.client().script_flush()

    def fill(self):
        """OOM: Redis refuses to write."""
        self._set("maxmemory", 1, 0)

    def fill_disk(self):
        """A Redis that promised to have all on disk ends where it can't write."""
        self.disk.fill()
        eventually(lambda: not self.server.process.running, "Redis to meet the end of its disk")
        self.disk.free()
        self.server.restart()

    def shift_clock(self):
        """Back and forth: what is taken meanwhile lapses at once when the hour is over. Not forth and back, after which
        it would be held for an hour."""
        self.clock.set(-HOUR_S)
        self._while()
        self.clock.set(0)

    def want_replicas(self):
        """NOREPLICAS: Redis refuses to write."""
        self._set("min-replicas-to-write", 1, 0)

    def _set(self, name, bad, good):
        self.server.client().config_set(name, bad)
        self._while()
        self.server.client().config_set(name, good)

    def be_busy(self):
        """A script holds Redis for longer than it lets others wait without a word."""
        store = self.server.client()
        store.config_set("busy-reply-threshold", 50)
        store.eval(BUSY, 0, self.choice.randrange(100000, 400000))
        store.config_set("busy-reply-threshold", 5000)
