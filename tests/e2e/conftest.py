"""Fixtures: what a test starts is ended here, and must have ended well. With ZRBRIDGE_LONG=1 a test that is marked
with a fault runs until that was broken ROUNDS times."""

import collections
import os

import pytest
import zmq

from harness.bridge import Bridge
from harness.disk import Disk
from harness.redis_server import RedisServer

ROUNDS = 20


def pytest_generate_tests(metafunc):
    mark = metafunc.definition.get_closest_marker("fault")
    if mark and os.environ.get("ZRBRIDGE_LONG"):
        runs = -(-ROUNDS // mark.kwargs.get("rounds", 1))
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(1, runs + 1), ids="run-{}".format)


def pytest_collection_modifyitems(items):
    for item in items:
        for mark in item.iter_markers("fault"):
            rounds = mark.kwargs.get("rounds", 1)
            item.user_properties += [("fault", (number, rounds)) for number in mark.args]
    if os.environ.get("ZRBRIDGE_LONG"):
        _spread_slow(items)


def _spread_slow(items):
    """xdist deals out rows of what follows each other: each row gets as much of what is slow as any other."""
    kinds = [item for item in items if _is_slow(item)], [item for item in items if not _is_slow(item)]
    place = {item: (number + 0.5) / len(kind) for kind in kinds for number, item in enumerate(kind)}
    items.sort(key=place.get)


def _is_slow(item):
    return item.get_closest_marker("long") or any(
        mark.kwargs.get("rounds", 1) > 1 for mark in item.iter_markers("fault"))


def pytest_terminal_summary(terminalreporter):
    """How often each fault was broken, and held."""
    rounds = collections.Counter()
    for report in terminalreporter.getreports("passed") if os.environ.get("ZRBRIDGE_LONG") else []:
        for _, (number, count) in report.user_properties:
            rounds[number] += count
    for number, count in sorted(rounds.items()):
        terminalreporter.write_line(f"fault {number}: {count} rounds")


class Lab:
    """Starts redis-servers and bridges below one directory, and ends them all."""

    def __init__(self, directory):
        self.directory = directory
        self.context = zmq.Context()
        self.context.max_sockets = 8192
        self.servers = []
        self.bridges = []

    def redis(self, directory=None, **options):
        server = RedisServer(directory or self.directory / f"redis-{len(self.servers)}", **options)
        self.servers.append(server)
        server.start()
        return server

    def bridge(self, server=None, path=None, env=None, redis_is_up=True, **sections):
        """A bridge of its own embedded redis-server, or of `server`."""
        if server:
            sections["redis"] = {"mode": "server", "url": server.url, **sections.get("redis", {})}
        directory = self.directory / f"bridge-{len(self.bridges)}"
        bridge = Bridge(self.context, directory, sections, path, env)
        self.bridges.append(bridge)
        bridge.start(redis_is_up)
        if isinstance(server, RedisServer) and sections["redis"]["url"] == server.url:
            server.bridges.append(bridge)
        return bridge

    def end(self):
        failures = []
        for server in self.servers:
            if server.process and server.process.running:
                server.resume()
        for bridge in self.bridges:
            try:
                bridge.end()
            except AssertionError as failure:
                failures.append(str(failure))
            if bridge.process:
                print(f"--- log of {bridge.directory.name}", *bridge.process.lines[-200:], sep="\n")
        for server in self.servers:
            if server.process:
                server.stop()
        self.context.destroy(linger=0)
        assert not failures, "\n".join(failures)


@pytest.fixture
def disk(tmp_path):
    """To be named before `lab`, whose redis-servers end first."""
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.close()


@pytest.fixture
def lab(tmp_path):
    lab = Lab(tmp_path)
    yield lab
    lab.end()


@pytest.fixture
def server(lab):
    """A redis-server without AOF."""
    return lab.redis()


@pytest.fixture
def store(server):
    """A connection to that redis-server, to look at what the bridge stored."""
    return server.client()


@pytest.fixture
def bridge(lab, server):
    return lab.bridge(server)


@pytest.fixture
def client(bridge):
    return bridge.client()


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    """For tests that only ask: one bridge for all of a file."""
    lab = Lab(tmp_path_factory.mktemp("shared"))
    yield lab
    lab.end()
