"""A real redis-server on a private unix socket."""

import signal

import redis

from .process import Process
from .wait import eventually


class RedisServer:
    """Owns one redis-server and its directory. Nothing runs before `start`.

    `bridges`: those that ask it. A kill returns when each of them that runs has noticed, a start when each has found
    it again, so that a test asks a bridge that knows what happened.
    `fsync`: always, everysec, no; None: no AOF. `port`: of TCP on loopback, beside the unix socket.
    `env`: of its process, beside the tests' own.
    """

    def __init__(self, directory, fsync=None, options=(), port=0, env=None):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "redis.sock"
        self.fsync = fsync
        self.options = list(options)
        self.port = port
        self.env = env
        self.process = None
        self.bridges = []

    @property
    def url(self):
        return f"unix://{self.path}"

    def start(self):
        aof = ["--appendonly", "yes", "--appendfsync", self.fsync] if self.fsync else ["--appendonly", "no"]
        self.process = Process(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--unixsocket", self.path,
                                "--dir", self.directory, "--save", "", "--daemonize", "no", *aof, *self.options],
                               env=self.env)
        eventually(self._answers, "redis-server")
        for bridge in self.bridges:
            bridge.wait_redis(is_up=True)

    def _answers(self):
        assert self.process.running, "\n".join(self.process.output)
        try:
            return self.client().ping()
        except redis.AuthenticationError:
            return True
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    @property
    def aof(self):
        """Where its newest writes are."""
        files = (self.directory / "appendonlydir").glob("*.incr.aof")
        return max(files, key=lambda path: int(path.name.split(".")[-3]))

    def client(self, **options):
        return redis.Redis(unix_socket_path=str(self.path), **options)

    def kill(self):
        self.process.kill()
        for bridge in self.bridges:
            bridge.wait_redis(is_up=False)

    def stop(self):
        if self.process.running:
            self.process.signal(signal.SIGCONT)
            self.process.signal(signal.SIGTERM)
            self.process.wait()

    def suspend(self):
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def restart(self):
        self.kill()
        self.start()
