"""The daemon under test."""

import contextlib
import http.client
import itertools
import os
import pathlib
import re
import signal
import socket

import redis
import zmq

from .client import Client, Subscriber
from .process import Process
from .wait import PATIENCE_S, eventually
from .wire import ROOT

ANY_PORT = "tcp://127.0.0.1:*"
#  Messages that may share a member, where a test does not say it.
PACK = int(os.environ.get("ZRBRIDGE_TEST_PACK") or 1)


def daemon():
    """The path of the zrbridge to test: $ZRBRIDGE, else the one that deploy/run builds."""
    path = pathlib.Path(os.environ.get("ZRBRIDGE") or ROOT / "build" / "zrbridge")
    assert path.is_file(), f"no daemon at {path}: build it, or name one in $ZRBRIDGE"
    return path


def toml(sections):
    """Writes {section: {key: value}} as TOML: strings, integers, booleans, lists of strings; a list of such as
    [[section]]s."""
    def value(item):
        if isinstance(item, list):
            return "[" + ", ".join(value(inner) for inner in item) + "]"
        if isinstance(item, int):
            return str(item).lower()
        return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def block(title, keys):
        return f"{title}\n" + "".join(f"{key} = {value(item)}\n" for key, item in keys.items())

    return "\n".join(block(f"[{name}]", section) if isinstance(section, dict) else
                     "".join(block(f"[[{name}]]", keys) for keys in section) for name, section in sections.items())


def packed(sections):
    """The same sections, with all channels packed as $ZRBRIDGE_TEST_PACK says."""
    if PACK == 1:
        return sections
    policies = [{"pack": PACK, **policy} for policy in sections.get("channels", [])]
    return {**sections, "channels": [*policies, {"match": "*", "pack": PACK}]}


class Bridge:
    """Owns one zrbridge, its bridge.toml, and what it leaves behind when it is killed.

    `sections` stand above the defaults of the tests: any free ports, a level of log that tells all.
    Nothing runs before `start`.
    """

    def __init__(self, context, directory, sections, path=None, env=None):
        self.context = context
        self.directory = directory
        self.path = path or daemon()
        self.env = env
        self.process = None
        self.endpoints = {}
        self.sockets = []
        self._held_ports = []
        self.sections = {"bridge": {"log_level": "debug"}, "redis": {},
                         "ingest": {"pull": [ANY_PORT], "sub": [ANY_PORT]},
                         "fanout": {"pub": [ANY_PORT]}, "control": {"router": [ANY_PORT]},
                         "monitor": {"http": "127.0.0.1:*"}}
        for section, keys in sections.items():
            many = isinstance(keys, list)
            self.sections[section] = [dict(one) for one in keys] if many else {**self.sections.get(section, {}), **keys}
        directory.mkdir(parents=True, exist_ok=True)

    #  Life

    def start(self, redis_is_up=True):
        """Returns once it serves, and unless Redis is down also stores."""
        config = self.directory / "bridge.toml"
        config.write_text(toml(packed(self.sections)), encoding="utf-8")
        self.process = Process([self.path, "-c", config], env=self.env, cwd=self.directory)
        as_json = self.sections["bridge"].get("log_format") == "json"
        line = self.process.wait_line('"event": "ready"' if as_json else "event=ready")
        line = re.sub(r'"(\w+)": "([^"]*)",?', r"\1=\2", line)
        for what, section, key in (("pull", "ingest", "pull"), ("sub", "ingest", "sub"),
                                   ("pub", "fanout", "pub"), ("router", "control", "router")):
            self.endpoints[what] = re.search(rf"\b{what}=(\S+)", line).group(1).split(",")
            #  A restarted bridge is found where the first one was.
            self.sections[section][key] = self.endpoints[what]
        found = re.search(r"\bhttp=(\S+)", line)
        if found:
            self.sections["monitor"]["http"] = found.group(1)
        for workers, endpoints in zip(self.sections.get("workers", []), re.findall(r"\bpush=(\S+)", line)):
            workers["push"] = endpoints.split(",")
        self._let_ports_go()
        if redis_is_up:
            self.wait_redis(is_up=True)

    def wait_redis(self, is_up):
        """Returns when all that ask Redis have found it, or have noticed that it is gone; at once when nothing runs."""
        eventually(lambda: not self.process or not self.process.running or self._redis_is_up() == is_up,
                   f"redis_{'up' if is_up else 'down'} in the log of {self.directory.name}")

    def _redis_is_up(self):
        """True: for all actors; False: for none; None: for some."""
        states = {"lane": False, "control": False}
        for line in list(self.process.lines):
            change = re.search(r"actor=(\S+) event=redis_(up|down)\b", line)
            if change:
                states[change.group(1)] = change.group(2) == "up"
        return True if all(states.values()) else None if any(states.values()) else False

    def _hold_ports(self):
        """Of a bridge that is gone: who connects is not given them by the system, and the bridge may bind them."""
        ends = [*itertools.chain(*self.endpoints.values()), "tcp://" + self.sections["monitor"]["http"]]
        for host, port in re.findall(r"tcp://([\d.]+):(\d+)", "\n".join(ends)):
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                held.bind((host, int(port)))
            self._held_ports.append(held)

    def _let_ports_go(self):
        for held in self._held_ports:
            held.close()
        self._held_ports.clear()

    def stop(self):
        """SIGTERM; it must end well."""
        self.process.signal(signal.SIGTERM)
        status = self.process.wait()
        self._hold_ports()
        assert status == 0, f"exit status {status}:\n{self.process.log}"
        self.expect_clean()

    def kill(self):
        """SIGKILL. An embedded redis-server stays."""
        self.process.kill()
        self._hold_ports()
        self.expect_clean()

    def restart(self):
        self.stop()
        self.start()

    def expect_clean(self):
        """No sanitizer has reported anything."""
        for sign in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "AddressSanitizer:"):
            assert sign not in self.process.log, self.process.log

    def lose(self, *sockets):
        """Closes sockets that are connected to it, and waits until it has noticed."""
        files = pathlib.Path(f"/proc/{self.process.pid}/fd")
        before = len(list(files.iterdir()))
        for socket in sockets:
            socket.close()
        eventually(lambda: len(list(files.iterdir())) <= before - len(sockets), "the bridge to notice")

    def end(self):
        """For fixtures: ends whatever is left, and expects that it was well."""
        if not self.process:
            return
        try:
            if self.process.running:
                self.process.signal(signal.SIGCONT)
                self.stop()
            else:
                self.expect_clean()
        finally:
            self.process.kill()
            self._let_ports_go()
            self.end_embedded()

    #  The embedded redis-server

    @property
    def data_dir(self):
        return self.directory / self.sections["redis"].get("data_dir", "data")

    def embedded(self, **options):
        return redis.Redis(unix_socket_path=str(self.data_dir / "redis.sock"), **options)

    def embedded_pid(self):
        """None when none answers."""
        try:
            return self.embedded(socket_timeout=2).info("server")["process_id"]
        except (redis.RedisError, OSError, AttributeError):
            #  The last for redis-py 4.3, which stumbles over its own message when a unix socket is reset.
            return None

    def end_embedded(self):
        """Ends a redis-server that a killed bridge has left in this bridge's data_dir."""
        if not (self.data_dir / "redis.sock").exists():
            return
        pid = self.embedded_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: self.embedded_pid() is None, "the embedded redis-server's end")

    #  Over HTTP

    def get(self, path, method="GET"):
        """(status, headers, text) of a page of the monitor."""
        host, _, port = self.sections["monitor"]["http"].rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode("utf-8")
        finally:
            connection.close()

    def metrics(self):
        """{name and labels, as they stand there: number}"""
        status, _, text = self.get("/metrics")
        assert status == 200
        return {name: float(number) for name, number in
                (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}

    #  Clients

    def endpoint(self, what):
        return self.endpoints[what][0]

    def client(self, **options):
        return Client(self.context, self.endpoint("router"), **options)

    def subscriber(self, *topics, **options):
        return Subscriber(self.context, self, *topics, **options)

    def socket(self, kind, what, **options):
        """A connected socket of that kind, without limit of its own unless options say so.

        It lives as long as the bridge does: a socket that is dropped takes with it what it has not yet sent.
        """
        socket = self.context.socket(kind)
        self.sockets.append(socket)
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 0
        for option, value in options.items():
            setattr(socket, option, value)
        socket.connect(self.endpoint(what))
        return socket

    def push(self, **options):
        return self.socket(zmq.PUSH, "pull", **options)

    def worker(self, section=0, **options):
        """A PULL socket at one of the [[workers]]."""
        socket = self.context.socket(zmq.PULL)
        self.sockets.append(socket)
        socket.linger, socket.rcvhwm = 0, 1
        for option, value in options.items():
            setattr(socket, option, value)
        socket.connect(self.sections["workers"][section]["push"][0])
        return socket

    def req(self, **options):
        return self.socket(zmq.REQ, "router", **options)
