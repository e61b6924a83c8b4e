"""The clock of a redis-server, which a test may set."""

import pathlib
import struct
import subprocess

HOUR_S = 3600


class Clock:
    """`env` is for the start of a redis-server, `set` works at once."""

    def __init__(self, directory):
        library, self._path = directory / "clock.so", directory / "ahead_s"
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library,
                        pathlib.Path(__file__).with_suffix(".c")], check=True)
        self._path.write_bytes(bytes(8))
        self.env = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._path)}

    def set(self, ahead_s):
        with open(self._path, "r+b") as file:
            file.write(struct.pack("=q", ahead_s))
