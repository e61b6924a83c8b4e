"""zrb bench: each mode against a real bridge, and between them something that loses, doubles and swaps."""

import csv
import json
import os
import pathlib
import signal
import struct
import threading
import time

import pytest
import zmq

from harness.process import Process
from harness.wait import PATIENCE_S, eventually
from harness.wire import ROOT, pack, raw_items, unpack

FAULTS = ("lost", "out_of_order", "duplicates", "damaged", "unsettled")


def zrb(*argv):
    """Starts $ZRB, else the one that deploy/run builds."""
    path = pathlib.Path(os.environ.get("ZRB") or ROOT / "build" / "zrb")
    assert path.is_file(), f"no zrb at {path}: build it, or name one in $ZRB"
    return Process([path, *argv])


def bench(bridge, mode, *argv, **endpoints):
    ends = {"ask": bridge.endpoint("router")}
    if mode == "stream":
        ends |= {"push": bridge.endpoint("pull"), "sub": bridge.endpoint("pub")}
    return zrb("bench", mode, *[f"--{name}={end}" for name, end in {**ends, **endpoints}.items()], *argv)


def measured(process, status=0):
    """What --json printed, of a run that ended so."""
    assert process.wait() == status, process.log
    [line] = process.output
    return json.loads(line)


def faults(result):
    return {name: result[name] for name in FAULTS if result[name]}


@pytest.fixture(scope="module")
def bridge(shared_lab):
    return shared_lab.bridge()


class Meddler:
    """Stands before the bridge; `meddle (frames)` gives the list of multiparts to pass on in place of one.

    It sees what PUSH sends, [channel][payload], or what DEALERs get, [map].
    """

    def __init__(self, bridge, near, far, what, meddle):
        self.near, self.far = bridge.context.socket(near), bridge.context.socket(far)
        self.near.linger = self.far.linger = 0
        self.near.bind("tcp://127.0.0.1:*")
        self.endpoint = self.near.last_endpoint.decode()
        self.far.connect(bridge.endpoint(what))
        self.meddle = meddle
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        poller = zmq.Poller()
        poller.register(self.near, zmq.POLLIN)
        poller.register(self.far, zmq.POLLIN)
        while not self.stop.is_set():
            ready = dict(poller.poll(50))
            if self.near in ready:
                frames = self.near.recv_multipart()
                if self.near.type == zmq.ROUTER:
                    self.far.send_multipart([frames[0], b"", *frames[1:]])
                else:
                    self._pass(self.far, [], frames)
            if self.far in ready:
                #  The bridge gives back what stood before the empty frame: whose request it was.
                peer, _, *frames = self.far.recv_multipart()
                self._pass(self.near, [peer], frames)
        self.near.close()
        self.far.close()

    def _pass(self, to, peer, frames):
        for passed in self.meddle(frames):
            to.send_multipart(peer + passed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def nth_pushed(number, does):
    """Meddles once, with message `number` and the one behind it: `does (one, two)`."""
    seen, held = [0], []

    def meddle(frames):
        if frames[1] == b"probe":
            return [frames]
        seen[0] += 1
        if seen[0] == number:
            held.append(frames)
            return []
        return does(held.pop(), frames) if held else [frames]
    return meddle


def first_reply(does):
    """Meddles with the messages of the first reply that has any; envelopes stay the bytes that they are."""
    done = []

    def meddle(frames):
        reply = unpack(frames[0])
        if done or not reply.pop("messages", None):
            return [frames]
        done.append(True)
        messages = [bytes([0x90 + len(items)]) + b"".join(items) for items in does(raw_items(frames[0]))]
        head = bytes([0x80 + len(reply) + 1]) + pack("messages") + struct.pack(">BH", 0xdc, len(messages))
        return [[head + b"".join(messages) + b"".join(pack(key) + pack(value) for key, value in reply.items())]]
    return meddle


#  Each mode

@pytest.mark.parametrize("argv", [
    ["stream", "-n2k"],
    ["stream", "-n1001", "--producers=3", "--subscribers=2", "--channels=5", "--size=16"],
    ["stream", "-n50", "--in-flight=1", "--subscribers=2"],
    ["stream", "--seconds=0.2", "--rate=2k", "--producers=2"],
    ["stream", "-n20", "--size=100000"],
    ["publish", "-n2k"],
    ["publish", "-n1k", "--in-flight=1", "--batch=9", "--producers=2", "--channels=4"],
    ["publish", "--seconds=0.2", "--rate=1k"],
    ["replay", "-n3k"],
    ["replay", "-n1k", "--batch=7", "--in-flight=3", "--subscribers=2", "--producers=2", "--channels=3"],
    ["replay", "-n30", "--size=1000000", "--batch=30", "--in-flight=2"],
])
def test_a_run_brings_all_messages(bridge, argv):
    result = measured(bench(bridge, *argv, "--json"))
    assert result["good"] is True and result["error"] == "" and faults(result) == {}
    assert result["mode"] == argv[0]
    receivers = result["subscribers"] or 1
    assert result["through"] == result["sent"] * receivers > 0
    assert 0 < result["min_us"] <= result["p50_us"] <= result["p99_us"] <= result["p999_us"] <= result["max_us"]
    assert result["messages_per_s"] > 0 and result["version"] and result["redis"] and result["durability"]


def test_an_open_loop_sends_what_is_due_within_its_time(bridge):
    result = measured(bench(bridge, "stream", "--seconds=0.5", "--rate=1k", "--producers=3", "--json"))
    assert result["sent"] == 500


def test_one_message_at_a_time_takes_the_time_of_the_run(bridge):
    result = measured(bench(bridge, "stream", "-n10k", "-w1", "--json"))
    assert result["max_us"] < 1e6 * result["seconds"]
    assert result["p50_us"] < 2e6 * result["seconds"] / 10_000


def test_a_bridge_that_spins_sleeps_when_nothing_comes(lab):
    spinning = lab.bridge(bridge={"spin_us": 1000})
    measured(bench(spinning, "stream", "-n1k", "-w1", "--json"))
    stat = pathlib.Path(f"/proc/{spinning.process.pid}/stat")

    def idles():
        before = sum(map(int, stat.read_text(encoding="ascii").split()[13:15]))
        time.sleep(1)  # what is measured
        return sum(map(int, stat.read_text(encoding="ascii").split()[13:15])) < before + 25

    eventually(idles, "a second with less than a quarter of it on the CPU")


def test_the_channels_are_its_own_and_are_empty_afterwards(bridge):
    client = bridge.client()
    client.publish("mine.orders", b"kept")
    for keep, stored in (([], 0), (["--keep"], 100)):
        before = client.ok(op="status")["channels"]
        measured(bench(bridge, "publish", "-n100", "--name=mine", "--channels=2", "--json", *keep))
        status = client.ok(op="status")["channels"]
        [one, other] = [numbers for name, numbers in status.items() if name not in before]
        assert one["head"] == other["head"] == 50
        assert one["count"] + other["count"] == stored
        assert status["mine.orders"]["count"] == 1


@pytest.mark.parametrize("mode", ["stream", "publish", "replay", "queue"])
def test_a_channel_that_is_there_grows_and_keeps_all(bridge, mode):
    client, channel = bridge.client(), f"there.{mode}"
    before = client.publish(channel, *[b"not of the run"] * 30)[-1]
    for run in (1, 2):
        result = measured(bench(bridge, mode, "-n200", f"--channel={channel}", "--json"))
        assert result["good"] is True and result["through"] == result["sent"] == 200
        status = client.ok(op="status", channel=channel)["channels"][channel]
        assert (status["head"], status["count"]) == (before + 200 * run, before + 200 * run)
        assert status["groups"] == {}


def test_the_three_forms(bridge):
    argv = ["stream", "-n100"]
    fields = measured(bench(bridge, *argv, "--json"))
    table = bench(bridge, *argv, "--csv")
    assert table.wait() == 0
    [row] = csv.DictReader(table.output)
    assert list(row) == list(fields)
    assert (row["mode"], row["sent"], row["good"], row["lost"]) == ("stream", "100", "true", "0")
    text = bench(bridge, *argv)
    assert text.wait() == 0 and text.log == ""
    assert text.output[0].startswith("stream: 100 messages of 100 bytes in ")
    assert text.output[-1].endswith("lost 0, out of order 0, duplicate 0, damaged 0: good")


#  What goes wrong is told

def damage(frames):
    return [frames[0], frames[1][:-1] + bytes([frames[1][-1] ^ 1])]


@pytest.mark.parametrize("does, expected", [
    (lambda one, two: [one, two], {}),
    (lambda one, two: [two], {"lost": 1}),
    (lambda one, two: [two, one], {"out_of_order": 1}),
    (lambda one, two: [one, two, one], {"duplicates": 1}),
    (lambda one, two: [damage(one), two], {"lost": 1, "damaged": 1}),
    (lambda one, two: [[one[0] + b".other", one[1]], two], {"lost": 1, "damaged": 1}),
])
def test_a_stream_tells_what_happened_on_its_way(bridge, does, expected):
    with Meddler(bridge, zmq.PULL, zmq.PUSH, "pull", nth_pushed(40, does)) as meddler:
        run = bench(bridge, "stream", "-n100", "--wait=2", "--json", push=meddler.endpoint)
        result = measured(run, 1 if expected else 0)
    assert faults(result) == expected
    assert result["good"] is not bool(expected)


def test_a_lost_last_message_is_told(bridge):
    with Meddler(bridge, zmq.PULL, zmq.PUSH, "pull", nth_pushed(100, None)) as meddler:
        result = measured(bench(bridge, "stream", "-n100", "--wait=2", "--json", push=meddler.endpoint), 1)
    assert (faults(result), result["through"]) == ({"lost": 1}, 99)


@pytest.mark.parametrize("mode", ["publish", "replay"])
@pytest.mark.parametrize("does, expected", [
    (lambda messages: messages, {}),
    (lambda messages: messages[:5] + messages[6:], {"lost": 1}),
    (lambda messages: messages + messages[-1:], {"duplicates": 1}),
    (lambda messages: messages[:5] + [messages[6], messages[5]] + messages[7:], {"out_of_order": 1}),
])
def test_what_is_read_back_is_checked(bridge, mode, does, expected):
    with Meddler(bridge, zmq.ROUTER, zmq.DEALER, "router", first_reply(does)) as meddler:
        run = bench(bridge, mode, "-n100", "--json", ask=meddler.endpoint)
        result = measured(run, 1 if expected else 0)
    assert faults(result) == expected


#  Ends before the end

@pytest.mark.parametrize("mode", ["stream", "publish"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_run_with_what_there_is(bridge, mode, number):
    run = bench(bridge, mode, "--seconds=3600", "--rate=1k", "--progress", "--json")
    run.wait_line(" messages")
    run.signal(number)
    result = measured(run)
    assert result["interrupted"] is True and result["good"] is True
    assert result["sent"] == result["through"] > 0


def test_a_bridge_that_goes_away_is_told(lab):
    bridge = lab.bridge()
    runs = [bench(bridge, "stream", "-t3600", "-r1k", "-w100", "--wait=2", "--progress", "--json"),
            bench(bridge, "publish", "-t3600", "-r1k", "--wait=2", "--progress", "--json")]
    for run in runs:
        run.wait_line(" messages")
    bridge.kill()
    for run, says in zip(runs, ("nothing comes back on", "publish: no reply; is the bridge gone?")):
        result = measured(run, 1)
        assert result["good"] is False and says in result["error"]
        assert f"zrb: {result['error']}" in run.lines


def test_progress_is_told_only_where_asked_for(bridge):
    quiet = bench(bridge, "stream", "-n100", "--json")
    assert quiet.wait() == 0 and quiet.log == ""


def test_ctrl_c_before_there_is_anything_ends_it_at_once(bridge):
    with Meddler(bridge, zmq.PULL, zmq.PUSH, "pull", lambda frames: came.set() or []) as meddler:
        came = threading.Event()
        run = bench(bridge, "stream", "--wait=3600", push=meddler.endpoint)
        assert came.wait(PATIENCE_S), "no probe came"
        run.signal(signal.SIGINT)
        assert run.wait() == -signal.SIGINT


#  The command line

@pytest.mark.parametrize("argv, says", [
    ([], "wants a command; see zrb --help"),
    (["dance"], 'knows no command "dance"; see zrb --help'),
    (["bench"], "bench wants MODE; see zrb bench --help"),
    (["bench", "dance"], "bench wants stream, publish, queue or replay; see zrb bench --help"),
    (["bench", "stream", "--dance"], "bench knows no option --dance; see zrb bench --help"),
    (["bench", "stream", "-z"], "bench knows no option -z; see zrb bench --help"),
    (["bench", "stream", "now"], 'bench takes no "now"; see zrb bench --help'),
    (["bench", "stream", "--count"], "--count wants a value; see zrb bench --help"),
    (["bench", "stream", "--count=0"], "--count wants an integer from 1 to 4000000000"),
    (["bench", "stream", "--count=5G"], "--count wants an integer from 1 to 4000000000"),
    (["bench", "stream", "--count=-1"], "--count wants an integer from 1 to 4000000000"),
    (["bench", "stream", "--rate=fast"], "--rate wants a number from 0.001 to 100M"),
    (["bench", "stream", "--seconds=0"], "--seconds wants seconds from 0.001 to 1M"),
    (["bench", "stream", "--size=15"], "--size wants an integer from 16 to 67108864"),
    (["bench", "stream", "--name=a*"], "--name: has a control character, a space or one of *?[]{}\\; choose another"),
    (["bench", "stream", "--channel="], "--channel: empty; choose another"),
    (["bench", "stream", "--channel=$heads"], "--channel: too long, or begins with $; choose another"),
    (["bench", "stream", "--channel=a", "--channels=2"],
     "--channel names one, --channels wants 2; leave one of them out"),
    (["bench", "stream", "--takers=2"], "--takers means nothing to stream; see zrb bench --help"),
    (["bench", "replay", "--rate=5"], "--rate means nothing to replay; see zrb bench --help"),
    (["bench", "publish", "--batch=1001"], "--batch: a publish holds at most 1000 messages"),
    (["bench", "stream", "--ask=here"], "can't connect to --ask here: Invalid argument"),
])
def test_wrong_usage_is_one_line_and_2(argv, says):
    run = zrb(*argv)
    assert run.wait() == 2
    assert (run.lines, run.output) == ([f"zrb: {says}"], [])


@pytest.mark.parametrize("argv, says", [
    (["--size=2M"], "--size: this bridge takes payloads of up to 1048576 bytes"),
    (["--size=10k", "--batch=1000"],
     "--batch 1000: a publish would be larger than the 1081344 bytes that this bridge takes; lower it"),
])
def test_what_the_bridge_would_refuse_is_known_before(bridge, argv, says):
    run = bench(bridge, "publish", *argv)
    assert run.wait() == 2
    assert (run.lines, run.output) == ([f"zrb: {says}"], [])


def test_an_absent_bridge_is_3(bridge):
    socket = bridge.context.socket(zmq.PULL)
    socket.bind("tcp://127.0.0.1:*")
    nobody = socket.last_endpoint.decode()
    socket.close()
    eventually(lambda: socket.closed, "the end of the socket")
    run = zrb("bench", "publish", f"--ask={nobody}")
    assert run.wait() == 3
    assert run.lines == [f"zrb: no bridge answers at {nobody}; start one (deploy/run), or name its ROUTER by --ask"]
    run = bench(bridge, "stream", "--wait=1", push=nobody)
    assert run.wait() == 3
    [line] = run.lines
    assert line.startswith(f"zrb: what is sent to --push {nobody} does not come back on --sub ")


@pytest.mark.parametrize("argv", [["--help"], ["bench", "--help"], ["bench", "queue", "-h"]])
def test_help_is_printed_where_it_is_asked_for(argv):
    run = zrb(*argv)
    assert run.wait() == 0 and run.log == ""
    assert run.output[0].startswith("Usage: zrb ")
    assert not [line for line in run.output if len(line) > 110]
