"""A child process whose output can be waited for."""

import os
import pathlib
import signal
import subprocess
import threading
import time

from .wait import PATIENCE_S


def is_running(pid):
    """False also for a process that has ended and that nobody has asked after."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Process:
    """Owns one child. A thread collects its stderr; `lines` only ever grows."""

    def __init__(self, argv, env=None, cwd=None, preexec_fn=None):
        self.argv = [str(arg) for arg in argv]
        self.child = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})}, cwd=cwd, preexec_fn=preexec_fn)
        self.lines = []
        self._grown = threading.Condition()
        self._ended = False
        self._readers = [threading.Thread(target=self._collect, args=(stream, keep), daemon=True)
                         for stream, keep in ((self.child.stderr, True), (self.child.stdout, False))]
        self.output = []
        for reader in self._readers:
            reader.start()

    def _collect(self, stream, is_log):
        for line in stream:
            with self._grown:
                (self.lines if is_log else self.output).append(line.decode("utf-8", "replace").rstrip("\n"))
                self._grown.notify_all()
        stream.close()
        with self._grown:
            self._ended = self._ended or is_log
            self._grown.notify_all()

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child.poll() is None

    def wait_line(self, part, after=0, patience_s=PATIENCE_S):
        """The first log line with `part` in it, at or behind index `after`."""
        deadline = time.monotonic() + patience_s
        with self._grown:
            seen = after
            while True:
                for line in self.lines[seen:]:
                    if part in line:
                        return line
                seen = max(seen, len(self.lines))
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(f"no line with {part!r} from {self.argv[0]}:\n" + self.log)
                self._grown.wait(left)

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, patience_s=PATIENCE_S):
        """Waits for its end and returns the exit status."""
        try:
            status = self.child.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv[0]} did not end:\n" + self.log) from None
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return status

    def kill(self):
        if self.running:
            self.signal(signal.SIGKILL)
        return self.wait()

    @property
    def log(self):
        return "\n".join(self.lines)
