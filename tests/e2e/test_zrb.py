"""zrb's subcommands that send, read and look, each end to end against a bridge."""

import base64
import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time
import types

import pytest

from harness.bridge import PACK
from harness.proxy import Proxy
from harness.wait import PATIENCE_S, eventually
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="clients see no difference")
BINARY = b"a\0b\n\xff"


@pytest.fixture(scope="module")
def bridge(shared_lab):
    return shared_lab.bridge(shared_lab.redis())


@pytest.fixture(scope="module")
def client(bridge):
    return bridge.client()


@pytest.fixture(scope="module")
def zrb(bridge, tmp_path_factory):
    zrb = Zrb(bridge, tmp_path_factory.mktemp("home"))
    yield zrb
    zrb.end()


def _stored(client, channel):
    """[(id, headers, payload)]"""
    return [(id_, headers, payload) for _, (id_, _, headers, payload) in
            client.ok(op="replay", channel=channel)["messages"]]


def _payloads(client, channel):
    return [payload for _, _, payload in _stored(client, channel)]


def _publish(client, channel, first, last):
    """Publishes the numbers from first to last."""
    for n in range(first, last + 1, 1000):
        client.publish(channel, *(b"%d" % m for m in range(n, min(n + 1000, last + 1))))


def _json(text):
    return [json.loads(line) for line in text.splitlines()]


def _absent(argv):
    """Runs it where no bridge is."""
    lonely = Zrb(None, "/nonexistent")
    began = time.monotonic()
    output, errors = lonely.run(*argv, "-s", "ipc:///tmp/zrb-nobody", "--wait", "100ms", status=3)
    assert output == b"" and errors.startswith(b"zrb: no bridge ") and errors.count(b"\n") == 1
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.parametrize("argv", [
    ["pub", "a", "b"], ["pub", "a"], ["pub", "a", "b", "--push", "ipc:///tmp/zrb-nobody-pull"], ["replay", "a"],
    ["sub", "a", "--sub", "ipc:///tmp/zrb-nobody-pub"], ["flush", "a", "--all"], ["status"], ["status", "--watch"],
    ["status", "--json"], ["info"], ["ping"],
], ids=" ".join)
def test_without_a_bridge_one_line_says_what_to_do(argv):
    _absent(argv)


def test_a_peer_that_hangs_up_is_not_called_without_pause(zrb):
    with socket.create_server(("127.0.0.1", 0)) as server:
        calls, began = [], time.monotonic()

        def hang_up():
            while True:
                try:
                    calls.append(server.accept()[0].close())
                except OSError:
                    return

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        zrb.run("ping", "-s", f"tcp://127.0.0.1:{server.getsockname()[1]}", "--wait", "1s", status=3)
        assert 1 <= len(calls) <= 2 + 20 * (time.monotonic() - began)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


#  pub

def test_pub_publishes_arguments_and_says_their_ids(zrb, client):
    assert zrb.out("pub", "args", "one", "two") == "args: 2 stored, ids 1 to 2, memory\n"
    assert zrb.out("pub", "args", "x", "-n", "2500") == "args: 2500 stored, ids 3 to 2502, memory\n"
    assert _payloads(client, "args")[:3] == [b"one", b"two", b"x"]
    assert _json(zrb.out("pub", "args", "y", "z", "--json")) == [
        {"channel": "args", "id": 2503}, {"channel": "args", "id": 2504}]


def test_pub_takes_headers(zrb, client):
    zrb.out("pub", "headed", "x", "-H", "a=b=c", "--header", "ttl_ms=3600000", "-H", "front=true")
    [(_, headers, payload)] = _stored(client, "headed")
    assert payload == b"x" and headers.pop("msg_id") and headers == {"a": "b=c", "ttl_ms": 3600000, "front": True}
    assert zrb.out("pub", "headed", "x", "-H", "msg_id=mine") == "headed: 1 stored, id 2, memory\n"
    assert zrb.out("pub", "headed", "x", "-H", "msg_id=mine") == \
        "headed: 0 stored, id 2, 1 were known already, memory\n"
    [delayed] = _json(zrb.out("pub", "headed", "x", "-H", "delay_ms=3600000", "--json"))
    assert delayed == {"channel": "headed", "id": None}


def test_pub_sends_each_line_of_stdin(zrb, client):
    lines = [b"", b"a b", b"\xff\0", *(b"%d" % n for n in range(3000)), b"no newline"]
    count = len(lines)
    assert zrb.out("pub", "lines", stdin=b"\n".join(lines)) == f"lines: {count} stored, ids 1 to {count}, memory\n"
    assert client.ok(op="status", channel="lines")["channels"]["lines"]["head"] == count
    assert [message["payload"] for message in _json(zrb.out("replay", "lines", "--from", "4", "--json"))] == \
        [line.decode() for line in lines[3:]]
    assert _payloads(client, "lines")[:3] == lines[:3]
    assert zrb.out("pub", "lines") == "lines: 0 stored\n"


def test_pub_sends_all_of_stdin_as_one(zrb, client):
    whole = BINARY * 10000
    assert zrb.out("pub", "whole", "-w", stdin=whole) == "whole: 1 stored, id 1, memory\n"
    assert _payloads(client, "whole") == [whole]


def test_pub_sends_a_line_as_it_comes(zrb, client):
    pub = zrb.popen("pub", "live", "--json", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for number, line in enumerate((b"first", b"second"), 1):
        pub.stdin.write(line + b"\n")
        pub.stdin.flush()
        assert json.loads(pub.stdout.readline()) == {"channel": "live", "id": number}
        assert _payloads(client, "live")[-1] == line
    pub.send_signal(signal.SIGINT)
    assert pub.communicate(timeout=PATIENCE_S) == (b"", b"") and pub.returncode == 130


def test_pub_by_push_asks_for_no_answer(zrb, bridge, client):
    assert zrb.out("pub", "pushed", "a", "b", "-H", "k=v", "--push", bridge.endpoint("pull")) == "pushed: 2 sent\n"
    eventually(lambda: _payloads(client, "pushed") == [b"a", b"b"], "both")
    assert _stored(client, "pushed")[0][1]["k"] == "v"


def test_pub_says_which_message_is_refused(zrb, client):
    output, errors = zrb.run("pub", "refused", "ok", "x" * 100, "--header", "ttl_ms=never", status=1)
    assert output == b"" and errors == \
        b"zrb: message 1: bad_request: headers.ttl_ms: not an integer from 1 to 9007199254740991\n"
    stdin = b"fine\n" + b"x" * (1 << 20) + b"y\nnever read\n"
    output, errors = zrb.run("pub", "refused", stdin=stdin, status=1)
    assert errors == b"zrb: message 2: 1048577 bytes, and the bridge takes 1048576 at most\n"


#  replay

def test_replay_prints_in_each_form(zrb, client):
    client.publish("forms", b"text", BINARY)
    time_ms = client.ok(op="replay", channel="forms")["messages"][0][1][1]
    assert zrb.out("replay", "forms") == "forms 1 text\nforms 2 a?b??\n"
    assert zrb.run("replay", "forms", "--raw")[0] == b"text\n" + BINARY + b"\n"
    assert zrb.run("replay", "forms", "-f", "%c %i %t %s %h %%\\t%p\\0", "-n", "1")[0] == \
        b"forms 1 %d 4 {} %%\ttext\0" % time_ms
    first, second = _json(zrb.out("replay", "forms", "--json"))
    assert first == {"channel": "forms", "id": 1, "time_ms": time_ms, "headers": {}, "payload": "text"}
    assert base64.b64decode(second["payload_base64"]) == BINARY and "payload" not in second


def test_replay_prints_what_was_asked_for(zrb, client):
    _publish(client, "part.a", 1, 2500)
    client.publish("part.b", b"other")
    client.ok(op="flush", channel="part.a", before=101)
    output, errors = zrb.run("replay", "part.a", "--raw")
    assert output.split() == [b"%d" % n for n in range(101, 2501)]
    assert errors == b"zrb: part.a: no messages from 1 to 100: flushed\n"
    assert zrb.out("replay", "part.a", "--from", "200", "--until", "202", "--raw") == "200\n201\n202\n"
    assert zrb.out("replay", "part.a", "--from", "2000", "-n", "2", "--raw") == "2000\n2001\n"
    output, _ = zrb.run("replay", "part.*", "--raw", "--since", "1h")
    assert sorted(output.split()) == sorted([b"other", *(b"%d" % n for n in range(101, 2501))])
    assert zrb.out("replay", "nothing") == ""


def test_a_reader_that_is_gone_ends_it_silently(zrb, client):
    zrb.out("pub", "broken", "x" * 100, "-n", "5000")
    for argv in (["replay", "broken"], ["sub", "broken", "--from", "1"]):
        replay = zrb.popen(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert replay.stdout.readline() == b"broken 1 " + b"x" * 100 + b"\n"
        replay.stdout.close()
        assert replay.stderr.read() == b"" and replay.wait(PATIENCE_S) == -signal.SIGPIPE
        replay.stderr.close()


#  sub

def _heard(zrb, bridge, client, channel, *argv):
    """A subscriber that has printed a first message."""
    sub = zrb.start("sub", channel, *argv)
    eventually(lambda: client.publish(channel.replace("*", "x"), b"are you there") and sub.output, "its first message")
    return sub


def test_sub_prints_what_comes_from_now_on(zrb, bridge, client):
    client.publish("now.x", b"old")
    client.publish("nowhere", b"shares a prefix")
    sub = _heard(zrb, bridge, client, "now.*")
    client.publish("now.x", b"end")
    eventually(lambda: sub.output[-1].endswith(" end"), "the last one")
    sub.signal(signal.SIGINT)
    assert sub.wait() == 130 and sub.log == ""
    first = int(sub.output[0].split()[1])
    last = client.ok(op="status", channel="now.x")["channels"]["now.x"]["head"]
    assert [int(line.split()[1]) for line in sub.output] == list(range(first, last + 1)) and first > 1


@pytest.mark.parametrize("argv", [["--from", "1"], ["--since", "1h"]], ids=" ".join)
def test_sub_begins_in_the_log_and_joins_live(zrb, client, argv):
    channel = f"join{argv[0]}"
    _publish(client, channel, 1, 2000)
    sub = zrb.start("sub", channel, *argv, "-n", "3000", "--raw")
    for n in range(2001, 3001, 50):
        _publish(client, channel, n, n + 49)
    assert sub.wait() == 0
    assert sub.output == [str(n) for n in range(1, 3001)] and sub.log == ""


def test_sub_follows_several_channels_and_globs(zrb, client):
    for channel in ("many.a", "many.b", "other"):
        client.publish(channel, b"first")
    sub = zrb.start("sub", "many.*", "other", "--from", "1", "-n", "5", "--json")
    eventually(lambda: len(sub.output) == 3, "what is stored")
    client.publish("many.c", b"new channel")
    client.publish("other", b"second")
    assert sub.wait() == 0
    assert sorted((m["channel"], m["id"]) for m in map(json.loads, sub.output)) == [
        ("many.a", 1), ("many.b", 1), ("many.c", 1), ("other", 1), ("other", 2)]


def test_sub_that_falls_behind_reads_from_the_log(zrb, client):
    sub = zrb.popen("sub", "slow", "--from", "1", "-n", "30001", "-f", "%i\\n%p\\n", stdout=subprocess.PIPE)
    client.publish("slow", b"first")
    assert [sub.stdout.readline() for _ in range(2)] == [b"1\n", b"first\n"]
    zrb.out("pub", "slow", "x" * 300, "-n", "30000")  #  nobody reads what it prints: more than the pipes hold
    output, _ = sub.communicate(timeout=PATIENCE_S)
    assert sub.returncode == 0
    assert output.split() == [part for n in range(2, 30002) for part in (b"%d" % n, b"x" * 300)]


def test_sub_that_is_held_up_for_long_goes_on(zrb, bridge, client):
    """Where nobody reads what it prints it can't read on either, not even what tells it that the bridge is there."""
    sub = zrb.popen("sub", "held", "--from", "1", "-n", "30001", "-f", "%i\\n%p\\n", stdout=subprocess.PIPE)
    client.publish("held", b"first")
    assert [sub.stdout.readline() for _ in range(2)] == [b"1\n", b"first\n"]
    beats = bridge.subscriber(b"$heads")
    zrb.out("pub", "held", "x" * 300, "-n", "30000")
    beats.take(10)  #  one a second
    client.publish("held", b"last")
    output, _ = sub.communicate(timeout=PATIENCE_S)
    assert sub.returncode == 0
    assert output.split()[::2] == [b"%d" % n for n in range(2, 30002)]


def test_sub_tells_when_nothing_is_sent_where_it_listens(zrb):
    output, errors = zrb.run("sub", "a", "--sub", "ipc:///tmp/zrb-nobody-pub", "--wait", "1s", status=3)
    assert (output, errors) == (b"", b"zrb: no bridge sends at ipc:///tmp/zrb-nobody-pub: name its PUB by --sub\n")


#  flush

def test_flush_from_a_script_needs_yes(zrb, client):
    client.publish("script", *(b"%d" % n for n in range(10)))
    output, errors = zrb.run("flush", "script", "--before", "4", status=1)
    assert output == b"CHANNEL  MESSAGES\nscript          3\n"
    assert errors == b"zrb: nothing is flushed: --yes does it without asking\n" and len(_stored(client, "script")) == 10
    assert zrb.out("flush", "script", "--before", "4", "--dry-run", "--json") == \
        '{"flushed": 3, "channels": {"script": 3}, "at_risk": {}}\n'
    assert zrb.out("flush", "script", "--before", "4", "--yes") == "3 messages flushed\n"
    assert _json(zrb.out("flush", "scr*", "--all", "--yes", "--json")) == [
        {"flushed": 7, "channels": {"script": 7}, "at_risk": {}}]
    assert zrb.out("flush", "script", "--older", "1ms") == "nothing to flush\n"


def test_flush_leaves_unfinished_work_unless_forced(zrb, client):
    client.publish("work", b"a", b"b")
    client.ok(op="take", channels=["work"], group="crew")
    output, errors = zrb.run("flush", "work", "--all", status=1)
    assert b"not settled in work, group crew: 2\n" in output and b"--force does it" in errors
    assert b"unsafe: " in zrb.run("flush", "work", "--all", "--yes", status=1)[1]
    assert zrb.out("flush", "work", "--all", "--yes", "--force") == "2 messages flushed\n"


def _on_terminal(zrb, argv, answer=None, rows=24, columns=80, env=None, until=None):
    """What it writes to a terminal, and its exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(zrb.path(), ["zrb", *argv], {**os.environ, **zrb.env, **(env or {}), "TERM": "xterm"})
    subprocess.run(["stty", "rows", str(rows), "cols", str(columns)], stdin=terminal, check=True)
    text, deadline, answered = b"", time.monotonic() + PATIENCE_S, False
    while time.monotonic() < deadline and select.select([terminal], [], [], PATIENCE_S)[0]:
        try:
            text += os.read(terminal, 65536)
        except OSError:
            break  #  it has ended
        if answer and not answered and b"[y/N] " in text:
            answered = os.write(terminal, answer)
        if until and until(text):
            os.kill(pid, signal.SIGINT)
            until = None
    os.close(terminal)
    return text.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_flush_asks_at_a_terminal(zrb, client):
    client.publish("ask", b"a", b"b")
    text, status = _on_terminal(zrb, ["flush", "ask", "--all"], b"n\n")
    assert status == 1 and "Flush 2 messages? [y/N] " in text and "nothing is flushed" in text
    text, status = _on_terminal(zrb, ["flush", "ask", "--all"], b"\x03")
    assert status == 130 and len(_stored(client, "ask")) == 2
    text, status = _on_terminal(zrb, ["flush", "ask", "--all"], b"y\n")
    assert status == 0 and "2 messages flushed" in text and not _stored(client, "ask")


#  status, info, ping

def test_status_shows_channels_and_groups(zrb, client):
    client.publish("shown.a", b"a", b"b", b"c")
    client.ok(op="take", channels=["shown.a"], group="crew", max=2, lease_ms=600000)
    client.ok(op="pause", channel="shown.a")
    channels, groups = (part.splitlines() for part in zrb.out("status", "shown.*").split("\n\n"))
    assert channels[0].split() == "CHANNEL HEAD FLOOR STORED BYTES LAST DELAYED STATE".split()
    assert channels[1].split()[:4] == ["shown.a", "3", "1", "3"] and channels[1].endswith("paused")
    assert groups[0].split() == "CHANNEL GROUP CURSOR WAITING LEASED DEAD CONSUMERS OLDEST STATE".split()
    assert groups[1].split()[:6] == ["shown.a", "crew", "2", "1", "2", "0"]
    assert json.loads(zrb.out("status", "shown.a", "--json")) == client.ok(op="status", channel="shown.a")["channels"]
    assert json.loads(zrb.out("status", "none.*", "--json")) == {}


def test_status_watch_goes_on(zrb, client):
    client.publish("watched", b"a")
    watch = zrb.start("status", "watched", "--watch", "--interval", "50ms", "--json")
    eventually(lambda: len(watch.output) > 2, "some frames")
    client.publish("watched", b"b")
    eventually(lambda: json.loads(watch.output[-1])["watched"]["head"] == 2, "the change")
    watch.signal(signal.SIGTERM)
    assert watch.wait() == 143 and watch.log == ""


@pytest.mark.parametrize("columns", [80, 200])
def test_status_watch_fits_the_screen(zrb, client, columns):
    for n in range(30):
        client.publish(f"screen.{n:02}.{'long' * 30}", b"a")
    screens = _on_terminal(zrb, ["status", "screen.*", "-w", "-i", "50ms"], rows=24, columns=columns,
                           until=lambda text: text.count(b"\033[H") > 3)[0].split("\033[H\033[J")
    lines = screens[-2].split("\r\n")
    assert len(lines) <= 24 and max(map(len, lines)) <= columns
    assert lines[0].startswith("CHANNEL") and any("…" in line for line in lines[:-2]) == (columns == 80)
    assert lines[-2].startswith("… and ")


def test_colour_only_on_a_terminal_and_without_no_color(zrb, client):
    client.publish("coloured", b"a")
    assert "\033[" not in zrb.out("status", "coloured", env={"NO_COLOR": ""})
    assert "\033[" not in _on_terminal(zrb, ["status", "coloured"])[0]
    assert "\033[1mCHANNEL" in _on_terminal(zrb, ["status", "coloured"], env={"NO_COLOR": ""})[0]


def test_progress_only_on_a_terminal(zrb):
    text, status = _on_terminal(zrb, ["pub", "progress", "-n", "40000", "x" * 50])
    assert status == 0 and " messages" in text and "\r\033[Kprogress: 40000 stored" in text


def test_info_says_what_the_bridge_says(zrb, client):
    told, asked = json.loads(zrb.out("info", "--json")), client.ok(op="info")
    assert told["store"] == asked["store"] and told["limits"] == asked["limits"] and "ok" not in told
    lines = zrb.out("info").splitlines()
    assert f"store: {asked['store']}" in lines and "limits:" in lines and "  max_message_bytes: 1048576" in lines


def test_ping_has_json(zrb):
    assert json.loads(zrb.out("ping", "--json")).keys() == {"took_ms", "now_ms"}


#  A bridge that goes away and comes back

@pytest.fixture
def moving(lab, tmp_path):
    """A bridge of its own, and zrb for it."""
    bridge = lab.bridge(lab.redis())
    zrb = Zrb(bridge, tmp_path)
    yield bridge, zrb
    zrb.end()


def test_sub_prints_each_message_once_through_restarts(moving):
    bridge, zrb = moving
    _publish(bridge.client(), "orders", 1, 1500)
    sub = zrb.start("sub", "orders", "--from", "1", "--raw", "-n", "6000")
    eventually(lambda: len(sub.output) >= 1500, "what is stored")
    _publish(bridge.client(), "orders", 1501, 3000)
    bridge.restart()
    _publish(bridge.client(), "orders", 3001, 4500)
    bridge.kill()
    bridge.start()
    _publish(bridge.client(), "orders", 4501, 6000)
    assert sub.wait() == 0
    assert sub.output == [str(n) for n in range(1, 6001)] and sub.log == ""


def test_sub_finds_out_that_its_connection_has_died_without_a_word(lab, tmp_path):
    bridge = lab.bridge(lab.redis(), fanout={"pub": [f"ipc://{tmp_path}/pub"]})
    zrb, client = Zrb(bridge, tmp_path), bridge.client()
    proxy = Proxy(tmp_path / "proxy", types.SimpleNamespace(path=tmp_path / "pub"))
    try:
        sub = zrb.start("sub", "died", "--sub", f"ipc://{proxy.path}", "--raw")
        eventually(lambda: client.publish("died", b"a") and sub.output, "its first message")
        proxy.forget_all()
        client.publish("died", b"b")
        eventually(lambda: sub.output[-1] == "b", "what came meanwhile")
        client.publish("died", b"c")
        eventually(lambda: sub.output[-1] == "c", "what comes from now on")
        assert sub.log == ""
    finally:
        zrb.end()
        proxy.close()


def test_pub_stores_each_line_once_through_restarts(moving):
    bridge, zrb = moving
    pub = zrb.popen("pub", "lines", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for n in range(3):
        pub.stdin.write(b"".join(b"%d\n" % m for m in range(n * 5000, n * 5000 + 5000)))
        pub.stdin.flush()
        if n == 0:
            client = bridge.client()
            eventually(lambda: client.ok(op="status", channel="lines")["channels"]["lines"]["head"], "the first")
        bridge.kill()
        bridge.start()
    output, errors = pub.communicate(timeout=PATIENCE_S)
    assert (pub.returncode, errors) == (0, b"") and output.startswith(b"lines: ")
    assert zrb.out("replay", "lines", "--raw").split() == [str(n) for n in range(15000)]


def test_a_bridge_that_comes_later_is_waited_for(moving):
    bridge, zrb = moving
    watch = zrb.start("status", "--watch", "--interval", "50ms", "--json")
    eventually(lambda: watch.output, "a frame")
    bridge.stop()
    some = [zrb.start("pub", "late", "x"), zrb.start("info", "--json"), zrb.start("replay", "a")]
    bridge.start()
    assert [one.wait() for one in some] == [0, 0, 0] and some[0].output == ["late: 1 stored, id 1, memory"]
    eventually(lambda: "late" in watch.output[-1], "a frame of the new bridge")
    watch.signal(signal.SIGINT)
    assert watch.wait() == 130 and watch.log == ""


def test_without_redis_the_fault_is_told(lab, tmp_path):
    server = lab.redis()
    bridge = lab.bridge(server)
    zrb = Zrb(bridge, tmp_path)
    server.kill()
    bridge.wait_redis(is_up=False)
    for argv in (["pub", "a", "b"], ["replay", "a"], ["status"], ["sub", "a"]):
        output, errors = zrb.run(*argv, "--wait", "1s", status=1)
        assert output == b"" and b"unavailable: Redis is away" in errors and errors.count(b"\n") == 1
