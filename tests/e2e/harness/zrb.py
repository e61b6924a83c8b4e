"""The command line under test."""

import os
import pathlib
import subprocess

from .process import Process
from .wire import ROOT


class Zrb:
    """Runs $ZRB, else the one that deploy/run builds, against a bridge."""

    def __init__(self, bridge, home):
        self.bridge = bridge
        #  No configuration of whoever runs the tests.
        self.env = {"HOME": str(home), "XDG_CONFIG_HOME": "", "NO_COLOR": "1", "ZRB_WAIT": "30s"}
        if bridge:
            self.env |= {"ZRB_ENDPOINT": bridge.endpoint("router"), "ZRB_SUB": bridge.endpoint("pub")}

    @staticmethod
    def path():
        path = pathlib.Path(os.environ.get("ZRB") or ROOT / "build" / "zrb")
        assert path.is_file(), f"no zrb at {path}: build it, or name one in $ZRB"
        return path

    def run(self, *argv, stdin=b"", status=0, env=None):
        """Runs it to its end, expects that exit status, and returns (stdout, stderr) as bytes."""
        done = subprocess.run([self.path(), *map(str, argv)], input=stdin, capture_output=True, timeout=120,
                              check=False, env={**os.environ, **self.env, **(env or {})})
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stdout, done.stderr

    def out(self, *argv, **options):
        """As run, where nothing may be told on stderr; returns stdout as text."""
        output, errors = self.run(*argv, **options)
        assert errors == b"", errors
        return output.decode()

    def start(self, *argv):
        """A process that goes on; its stdin is empty."""
        return Process([self.path(), *argv], env=self.env)

    def popen(self, *argv, **options):
        """A process with pipes of the caller's."""
        return subprocess.Popen([self.path(), *map(str, argv)], env={**os.environ, **self.env}, **options)
