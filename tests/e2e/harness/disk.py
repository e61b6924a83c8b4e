"""A small disk that a test may fill: a tmpfs, which only root may mount, and not everywhere."""

import os
import subprocess

ROOM = 1 << 30


def _mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


class Disk:
    """Owns a mounted directory. `trouble`: why there is none, "" when there is."""

    def __init__(self, path):
        path.mkdir()
        self.path = path
        self.trouble = _mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", path).stderr.strip()

    def fill(self):
        """There is no room any more but that of a page or so in which a file ends."""
        while True:
            found = os.statvfs(self.path)
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            #  Refused when somebody has written meanwhile.
            if not _mount("-o", f"remount,size={used}", self.path).stderr:
                return

    def free(self):
        assert not _mount("-o", f"remount,size={ROOM}", self.path).stderr

    def close(self):
        if not self.trouble:
            subprocess.run(["umount", "--lazy", self.path], check=True)
