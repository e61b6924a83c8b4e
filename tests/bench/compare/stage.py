"""What the measures run against: servers of their own, one at a time, on private sockets."""

import contextlib
import itertools
import json
import pathlib
import re
import shutil
import socket
import subprocess

import zmq

from harness.bridge import Bridge
from harness.process import Process
from harness.redis_server import RedisServer
from harness.wait import eventually

#  The keys in which the Redis of the peers is set as the bridge sets its own.
ALIKE = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "auto-aof-rewrite-min-size",
         "auto-aof-rewrite-percentage", "rdbcompression", "save", "maxmemory", "maxmemory-policy", "hz")

#  One run of a program; reached only by a failure.
PATIENCE_S = 300


class Failed(Exception):
    """A measure has no figure, and why."""


def memory_mb(pid, what="VmRSS"):
    """VmRSS: now; VmHWM: at its most."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(rf"{what}:\s+(\d+) kB", status).group(1)) / 1024


def _told(argv):
    """The JSON object that a program printed, which ended well."""
    try:
        done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True, timeout=PATIENCE_S,
                              check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv[0].name} took more than {PATIENCE_S} s") from None
    if done.returncode:
        raise Failed((done.stderr or done.stdout).strip()[-300:] or f"exit status {done.returncode}")
    return json.loads(done.stdout)


class Stage:
    """Owns a directory, and in it one server at a time with a directory of its own that ends with it."""

    def __init__(self, directory, build):
        self.directory = directory
        self.build = build
        self.context = zmq.Context()
        self.counter = itertools.count()
        self.alike = None

    def close(self):
        self.context.term()

    @contextlib.contextmanager
    def _folder(self):
        folder = self.directory / str(next(self.counter))
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def bridge(self, fsync="everysec", pack=1, spin_us=0):
        """A bridge that stores, with its embedded Redis."""
        with self._folder() as folder:
            bridge = Bridge(self.context, folder, {
                "bridge": {"log_level": "info", "spin_us": spin_us}, "redis": {"fsync": fsync},
                "channels": [{"match": "*", "pack": pack}]}, path=self.build / "zrbridge")
            bridge.start()
            try:
                yield bridge
            finally:
                for open_socket in bridge.sockets:
                    open_socket.close()
                bridge.end()

    @contextlib.contextmanager
    def redis(self):
        """A Redis that is set as the bridge's own; its socket's path."""
        if self.alike is None:
            with self.bridge() as bridge:
                config = bridge.embedded(decode_responses=True).config_get("*")
                self.alike = [word for key in ALIKE for word in ("--" + key, config[key])]
        with self._folder() as folder:
            server = RedisServer(folder, options=self.alike)
            server.start()
            try:
                yield server.path
            finally:
                server.stop()

    @contextlib.contextmanager
    def nats(self):
        """A nats-server with JetStream; its URL."""
        with self._folder() as folder:
            ports = folder / "ports"
            ports.mkdir()
            server = Process(["nats-server", "--jetstream", "--store_dir", folder / "store", "--addr", "127.0.0.1",
                              "--port", "-1", "--ports_file_dir", ports])
            try:
                [url] = eventually(lambda: [url for file in ports.glob("*.ports") if file.stat().st_size
                                            for url in json.loads(file.read_text(encoding="utf-8"))["nats"]],
                                   "nats-server")
                yield url
            finally:
                server.kill()

    @contextlib.contextmanager
    def beanstalkd(self):
        """A beanstalkd with a log on disk, which reaches it each second; its socket's path."""
        with self._folder() as folder:
            path = folder / "beanstalkd.sock"
            server = Process(["beanstalkd", "-l", f"unix:{path}", "-b", folder, "-f", "1000"])
            try:
                eventually(lambda: _listens(path), "beanstalkd")
                yield path
            finally:
                server.kill()

    def peer(self, name, *args):
        """What a program of tests/bench/peers told."""
        return _told([self.build / f"peer_{name}", *args])

    def bench(self, bridge, mode, *args):
        """What `zrb bench` told of a run, in which all was good. The messages stay."""
        ends = ["--ask", bridge.endpoint("router")]
        if mode == "stream":
            ends += ["--push", bridge.endpoint("pull"), "--sub", bridge.endpoint("pub")]
        return _told([self.build / "zrb", "bench", mode, *ends, "--keep", "--json", *args])


def _listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
