"""The programs of proto/examples, one set a language, and what they print."""

import os
import pathlib
import re
import signal
import subprocess
import sys

from .wait import eventually
from .wire import ROOT

EXAMPLES = ROOT / "proto" / "examples"
KINDS = ("producer", "subscriber", "worker")
#  How each language's programs are run as they stand, and how the others are built.
RUN = {"python": [sys.executable, "{source}.py"], "perl": ["perl", "{source}.pl"]}
if os.environ.get("NODE_PATH"):  # where tests/run has put what npm brings
    RUN["node"] = ["node", "{source}.js"]
BUILD = {"c": "cc -O1 -Wall -Wextra -Werror -o {program} {source}.c -lzmq {msgpack}",
         "cpp": "c++ -std=c++17 -Wall -Wextra -Werror -o {program} {source}.cpp -lzmq"}


def _msgpack():
    """What Debian 12 calls msgpack, Debian 13 calls msgpack-c."""
    for name in ("msgpack-c", "msgpack"):
        done = subprocess.run(["pkg-config", "--libs", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    raise AssertionError("no msgpack-c here")


def commands(directory):
    """{language: {kind: argv}}, those built that need it; $ZRBRIDGE_CLIENT names a directory with one more set:
    programs producer, subscriber and worker."""
    found = {language: {kind: [part.format(source=EXAMPLES / language / kind) for part in parts] for kind in KINDS}
             for language, parts in RUN.items()}
    builds = []
    for language, command in BUILD.items():
        found[language] = {kind: [directory / f"{kind}.{language}"] for kind in KINDS}
        builds += [subprocess.Popen(command.format(program=directory / f"{kind}.{language}", msgpack=_msgpack(),
                                                   source=EXAMPLES / language / kind).split()) for kind in KINDS]
    assert [build.wait() for build in builds] == [0] * len(builds)
    yours = os.environ.get("ZRBRIDGE_CLIENT")
    if yours:
        found["yours"] = {kind: [pathlib.Path(yours) / kind] for kind in KINDS}
    return found


class Program:
    """One program; `records` holds what it has printed in all its lives: (numbers…, payload), or a line's words.

    `numbers`: how many stand before the size of a payload. `name` says whose it is when a test fails.
    """

    def __init__(self, name, argv, directory, numbers=1):
        self.name, self.argv, self.directory = name, [str(arg) for arg in argv], directory
        self._head = re.compile(rb"(\d+) " * (numbers + 1))
        self.records, self._file, self._data, self._lives = [], None, b"", 0
        self.child = None

    def start(self, *more, stdin=b""):
        self._lives += 1
        output = self.directory / f"{self.name}-{id(self)}-{self._lives}"
        given = self.directory / f"{output.name}.in"
        given.write_bytes(stdin)
        with open(output, "wb") as out, open(given, "rb") as inlet:
            self.child = subprocess.Popen([*self.argv, *map(str, more)], stdin=inlet, stdout=out)
        self._file, self._data = open(output, "rb"), b""
        return self

    def kill(self):
        """SIGKILL; what it had not printed whole is dropped."""
        if self.child and self._file:
            self.child.kill()
            self.child.wait()
            self.read()
            self._file.close()
            self._file = None

    def signal(self, number):
        self.child.send_signal(number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def read(self):
        """Takes in what has been printed since; returns all records."""
        data, at = self._data + self._file.read(), 0
        while at < len(data):
            head = self._head.match(data, at)
            end = head.end() + int(head[head.lastindex]) if head else data.find(b"\n", at)
            if end < 0 or end >= len(data):
                break
            assert data[end] == 10, f"{self.name}: {data[at:end + 9][:200]}"
            self.records.append((*map(int, head.groups()[:-1]), data[head.end():end]) if head else
                                tuple(data[at:end].decode().split()))
            at = end + 1
        self._data = data[at:]
        return self.records

    def wait(self, condition, what):
        """Until the records are as the condition wants them; an end of the program is a failure."""
        def is_so():
            assert self.child.poll() is None, f"{self.name} has ended: {self.child.returncode}"
            return condition(self.read())
        eventually(is_so, f"{what} from {self.name}", 60)

    #  A subscriber's

    @property
    def messages(self):
        return [record for record in self.records if isinstance(record[0], int)]

    def go_on(self):
        """Starts it again behind what it has printed."""
        stores = [record[1] for record in self.records if record[0] == "store"]
        messages = self.messages
        return self.start(*([messages[-1][0] if messages else 0, stores[-1]] if stores else []))
