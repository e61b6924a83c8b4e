"""zrb top: on a terminal, and line by line."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest

from harness.bridge import PACK
from harness.wait import eventually
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern it")
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """zrb top on a pseudo terminal of that many columns; what it draws is kept."""

    def __init__(self, zrb, columns, *argv, lines=24, env=None):
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        zrb.env = {**zrb.env, "TERM": "xterm", **(env or {})}
        self.child = zrb.popen("top", *argv, stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE,
                               start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.seen = b""

    def resize(self, columns, lines=24):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return self.seen

    def wait(self, part, after=0):
        """Until that has been drawn behind `after`; returns where."""
        eventually(lambda: self.read().find(part, after) >= 0, f"{part} in {self.seen[-1000:]}")
        return self.seen.find(part, after)

    def frame(self, after=0):
        """The lines of a whole frame that was begun behind `after`, and where the next one begins."""
        begin = self.wait(b"\x1b[H", after)
        end = self.wait(b"\x1b[J", begin)
        text = self.seen[begin + 3:end].decode()
        return [line.replace("\x1b[K", "") for line in text.split("\r\n")], end

    def end(self, status):
        assert self.child.wait(30) == status, self.child.stderr.read()
        self.read()
        assert self.seen.count(ENTER) == self.seen.count(LEAVE) == 1 and b"\x1b[?25h" in self.seen
        assert termios.tcgetattr(self.slave) == self.before
        errors = self.child.stderr.read()
        os.close(self.master)
        os.close(self.slave)
        return errors


def plain(line):
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


@pytest.fixture(scope="module")
def bridge(shared_lab):
    bridge = shared_lab.bridge()
    client = bridge.client()
    client.publish("orders.europe.a-channel-with-a-long-name", b"x", b"y")
    client.publish("jobs", *[b"x"] * 12)
    [*_, [_, _, lease, _]] = client.ok(op="take", channels=["jobs"], max=3, lease_ms=3600000, consumer="me")["messages"]
    client.ok(op="bury", channel="jobs", items=[[2, lease]])
    return bridge


@pytest.fixture
def zrb(bridge, tmp_path):
    return Zrb(bridge, tmp_path)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_frame_fits_the_terminal(zrb, columns):
    terminal = Terminal(zrb, columns, "-i", "100ms")
    lines, _ = terminal.frame()
    assert b"\x1b[1m" not in terminal.seen and b"\x1b[31m" not in terminal.seen  # NO_COLOR
    assert not [line for line in lines if len(line) > columns]
    assert "zrbridge " in lines[0] and lines[1].startswith("Redis ") and " up, durability " in lines[1]
    assert lines[3] == "waiting 9, leased 2, dead 1; rejected 0"
    titles = "CHANNEL HEAD IN/S STORED BYTES DELAYED WAITING LEASED DEAD TAKEN/S CONSUMERS OLDEST STATE".split()
    if columns == 80:
        titles = [title for title in titles if title in "CHANNEL HEAD IN/S WAITING LEASED DEAD OLDEST"]
    assert lines[4].split() == titles
    rows = {line.split()[0]: line.split() for line in lines[5:]}
    assert rows["jobs"][1] == "12" and rows["default"][:2] == ["default", "3"]
    waiting = lines[4].index("WAITING") + len("WAITING")
    [group] = [line for line in lines if line.startswith("  default")]
    assert group[:waiting].split()[-1] == "9"
    assert ("orders.europe.a-channel-with-a-long-name" in rows) == (columns == 200)
    os.write(terminal.master, b"q")
    assert terminal.end(0) == b""


def test_colour_where_it_is_wanted(zrb):
    terminal = Terminal(zrb, 80, env={"NO_COLOR": ""})
    lines, _ = terminal.frame()
    assert lines[4].startswith("\x1b[1mCHANNEL") and lines[3].startswith("\x1b[31mwaiting 9")
    assert not [line for line in lines if len(plain(line)) > 80]
    os.write(terminal.master, b"q")
    assert terminal.end(0) == b""


def test_another_size_is_drawn_at_once_and_keys_order(zrb):
    terminal = Terminal(zrb, 80, "-i", "1h")
    _, end = terminal.frame()
    terminal.resize(200)
    terminal.wait(b"CONSUMERS", end)
    end = len(terminal.read())
    for key, first in ((b"n", "jobs"), (b"w", "jobs")):
        os.write(terminal.master, key)
        lines, end = terminal.frame(end)
        assert lines[5].split()[0] == first
    os.write(terminal.master, b"q")
    assert terminal.end(0) == b""


def test_a_low_terminal_says_how_many_more(zrb):
    terminal = Terminal(zrb, 80, lines=7)
    lines, _ = terminal.frame()
    assert len(lines) == 6 and lines[5] == "… and 2 more channels"
    os.write(terminal.master, b"q")
    assert terminal.end(0) == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signals_give_the_terminal_back(zrb, number):
    terminal = Terminal(zrb, 80)
    terminal.frame()
    terminal.child.send_signal(number)
    assert terminal.end(128 + number) == b""


def test_a_crash_gives_the_terminal_back(zrb):
    terminal = Terminal(zrb, 80, env={"ASAN_OPTIONS": "handle_abort=0"})
    terminal.frame()
    terminal.child.send_signal(signal.SIGABRT)
    terminal.end(-signal.SIGABRT)


def test_a_stopped_top_leaves_the_screen_and_comes_back(zrb):
    terminal = Terminal(zrb, 80)
    terminal.frame()
    terminal.child.send_signal(signal.SIGTSTP)
    end = terminal.wait(LEAVE)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    terminal.child.send_signal(signal.SIGCONT)
    terminal.frame(terminal.wait(ENTER, end))
    os.write(terminal.master, b"q")
    assert terminal.child.wait(30) == 0 and terminal.read().count(LEAVE) == 2


#  Where stdout is no terminal

def test_lines_are_plain_and_end_after_a_count(zrb):
    output = zrb.out("top", "-i", "100ms", "-n", 2, env={"NO_COLOR": ""})
    assert "\x1b" not in output and output.count("CHANNEL ") == 2
    first, second = output.split("\n\n")
    assert first.splitlines()[3] == second.splitlines()[3] == "waiting 9, leased 2, dead 1; rejected 0"
    assert zrb.out("top", "orders.*", "-i", "100ms", "-n", 1).splitlines()[3].startswith("waiting 0, ")


def test_json_has_a_line_for_each_frame(zrb, bridge):
    run = zrb.start("top", "rates", "--json", "-i", "100ms")
    eventually(lambda: run.output, "a line")
    bridge.client().publish("rates", *[b"x"] * 100)

    def grown():
        frames = [json.loads(line) for line in list(run.output)]
        return [frame for frame in frames if frame["channels"].get("rates", {}).get("in_per_s")]
    [frame, *_] = eventually(grown, "a rate")
    assert frame["channels"]["rates"]["head"] == 100 and frame["redis"]["up"] is True and frame["away_ms"] == 0
    assert frame["stored_per_s"] > 0
    run.signal(signal.SIGINT)
    assert run.wait() == 130 and run.lines == []


def test_who_reads_no_more_ends_it_in_silence(zrb):
    child = zrb.popen("top", "-i", "100ms", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait(30) != 0


def test_an_absent_bridge_is_told_and_no_screen_opened(zrb, tmp_path):
    terminal = Terminal(zrb, 80, "-s", f"ipc://{tmp_path}/nobody", "-t", "20ms")
    assert terminal.child.wait(30) == 3
    assert terminal.child.stderr.read().startswith(b"zrb: no bridge answers at ipc://") and terminal.read() == b""


def test_a_bridge_and_a_redis_that_go_away_are_told_and_come_back(lab, server, tmp_path):
    bridge = lab.bridge(server)
    bridge.client().publish("jobs", b"x")
    terminal = Terminal(Zrb(bridge, tmp_path), 80, "-i", "100ms")
    terminal.wait(b"zrbridge ")
    server.kill()
    end = terminal.wait(b" down: ")
    lines, end = terminal.frame(end)
    assert lines[5].split()[:2] == ["jobs", "1"]  # the last numbers stay
    server.start()
    end = terminal.wait(b" up, durability", end)
    bridge.kill()
    end = terminal.wait(f"no answer from {bridge.endpoint('router')} for ".encode(), end)
    bridge.start()
    terminal.wait(b"zrbridge ", end)
    os.write(terminal.master, b"q")
    assert terminal.end(0) == b""
