"""zrb take, ack, nack, touch, bury, release, pending, dead, redrive, group, pause, resume, peek against a bridge."""

import json
import signal
import subprocess

import pytest

from harness.bridge import PACK
from harness.wait import eventually
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern it")


@pytest.fixture(scope="module")
def bridge(shared_lab):
    return shared_lab.bridge()


@pytest.fixture(scope="module")
def zrb(bridge, tmp_path_factory):
    return Zrb(bridge, tmp_path_factory.mktemp("home"))


@pytest.fixture
def jobs(bridge, request):
    """A channel of the test's own, with messages 1 to 4."""
    channel = request.node.name[:150].translate({ord(mark): "-" for mark in "[]"})
    bridge.client().publish(channel, b"one", b"two", b"three", b"four")
    return channel


def taken(zrb, *argv):
    return [json.loads(line) for line in zrb.out("take", "--json", *argv).splitlines()]


def numbers(zrb, jobs):
    """(waiting, leased, dead) of the only group, as zrb group tells them."""
    [group] = [json.loads(line) for line in zrb.out("group", "list", jobs, "--json").splitlines()]
    assert group["channel"] == jobs
    return group["waiting"], group["leased"], group["dead"]


#  take, and what settles it

def test_take_leases_and_ack_settles(zrb, jobs):
    one, two = taken(zrb, jobs, "--max", 2, "-c", "me")
    assert (one["id"], one["payload"], one["attempt"], one["channel"]) == (1, "one", 1, jobs)
    lease = one["lease"]
    assert zrb.out("ack", jobs, f"1:{lease}", f"2:{lease}") == "done 1 2\n"
    assert zrb.out("ack", jobs, f"1:{lease}") == "already 1\n"
    assert zrb.run("ack", jobs, f"4:{lease}", status=1)[0] == b"stale 4\n"
    assert json.loads(zrb.run("ack", jobs, f"4:{lease}", "--json", status=1)[0]) == {
        "done": [], "already": [], "stale": [4]}
    assert numbers(zrb, jobs) == (2, 0, 0)


def test_a_whole_lease_is_settled(zrb, jobs):
    lease = taken(zrb, jobs, "-n", 4)[0]["lease"]
    assert zrb.out("ack", jobs, "--all-of", lease) == "done 1 2 3 4\n"
    assert zrb.out("ack", jobs, "--all-of", lease) == "nothing: no such lease\n"


def test_take_prints_a_table_or_payloads(zrb, jobs):
    title, row = zrb.out("take", jobs).splitlines()
    assert title.split() == ["CHANNEL", "ID", "LEASE", "ATTEMPT", "TIME", "PAYLOAD"]
    assert row.split()[:2] == [jobs, "1"] and row.endswith("  one")
    assert zrb.out("take", jobs, "--raw", "-n", 2) == "two\nthree\n"
    assert zrb.out("take", jobs, "--raw", "--done") == "four\n"
    assert zrb.run("take", jobs, status=1) == (b"", b"")
    assert numbers(zrb, jobs) == (0, 3, 0)


def test_nack_gives_back_with_delay_and_reason(zrb, jobs):
    lease = taken(zrb, jobs)[0]["lease"]
    assert zrb.out("nack", jobs, f"1:{lease}", "--delay", "1h", "--reason", "the shop is closed") == "done 1\n"
    assert taken(zrb, jobs)[0]["id"] == 2
    lease = taken(zrb, jobs)[0]["lease"]
    assert zrb.out("nack", jobs, f"3:{lease}") == "done 3\n"
    assert [(one["id"], one["attempt"]) for one in taken(zrb, jobs)] == [(3, 2)]


def test_touch_lets_a_lease_run_anew_and_pending_tells_it(zrb, jobs):
    lease = taken(zrb, jobs, "--lease", "1m", "--consumer", "worker-1")[0]["lease"]
    assert zrb.out("touch", jobs, f"1:{lease}", "--lease", "2h") == "done 1\n"
    [held] = map(json.loads, zrb.out("pending", jobs, "--json").splitlines())
    assert (held["id"], held["lease"], held["attempt"], held["consumer"]) == (1, lease, 1, "worker-1")
    assert 7000000 < held["remaining_ms"] <= 7200000
    title, row = zrb.out("pending", jobs, "-c", "worker-1").splitlines()
    assert title.split()[0] == "ID" and row.split()[:4] == ["1", str(lease), "1", "worker-1"]
    assert zrb.out("pending", jobs, "-c", "worker-2") == zrb.out("pending", jobs, "-e", "1h") == "nothing is leased\n"


def test_release_gives_back_as_no_attempt(zrb, jobs):
    taken(zrb, jobs, "-n", 3, "-c", "worker-1")
    assert zrb.out("release", jobs, "worker-1") == "released 3\n"
    assert zrb.out("release", jobs, "worker-1", "--json") == '{"released": 0}\n'
    assert [one["attempt"] for one in taken(zrb, jobs, "-n", 3)] == [1, 1, 1]


def test_bury_dead_and_redrive(zrb, jobs):
    lease = taken(zrb, jobs, "-n", 2, "-c", "me")[0]["lease"]
    assert zrb.out("bury", jobs, f"1:{lease}", f"2:{lease}", "--reason", "no such customer") == "done 1 2\n"
    title, *rows = zrb.out("dead", jobs).splitlines()
    assert title.split() == ["ID", "DIED", "ATTEMPTS", "CONSUMER", "REASON", "PAYLOAD"]
    assert [row.split()[0] for row in rows] == ["1", "2"] and "no such customer" in rows[0]
    [one] = map(json.loads, zrb.out("dead", jobs, "--json", "-n", 1).splitlines())
    assert (one["id"], one["payload"], one["attempts"], one["reason"], one["consumer"]) == (
        1, "one", 1, "no such customer", "me")
    assert zrb.out("redrive", jobs, 1, 3) == "redriven 1\n"
    assert zrb.out("redrive", jobs, "--all", "--json") == '{"redriven": 1}\n'
    assert zrb.out("dead", jobs) == "nothing is dead\n"


#  Groups

def test_groups_are_made_moved_and_removed(zrb, jobs):
    assert zrb.out("group", "create", jobs, "mailers") == "waiting 4, leased 0, dead 0\n"
    assert zrb.out("group", "create", jobs, "mailers", "--start", "last") == "was there: waiting 4, leased 0, dead 0\n"
    assert zrb.out("group", "seek", jobs, "mailers", "--start", 3) == "waiting 2, leased 0, dead 0\n"
    assert zrb.out("group", "seek", jobs, "mailers", "--since", "1h") == "waiting 4, leased 0, dead 0\n"
    assert json.loads(zrb.out("group", "seek", jobs, "mailers", "--start", "last", "--json")) == {
        "group": {"waiting": 0, "leased": 0, "dead": 0}}
    assert zrb.out("group", "delete", jobs, "mailers") == "waiting 0, leased 0, dead 0\n"
    output, errors = zrb.run("group", "seek", jobs, "mailers", "--start", "first", status=1)
    assert output == b"" and b"not_found: group: not found" in errors


def test_a_group_with_work_is_deleted_only_by_force(zrb, jobs):
    zrb.out("group", "create", jobs, "mailers")
    output, errors = zrb.run("group", "delete", jobs, "mailers", status=1)
    assert output == b"" and errors.decode().endswith(
        "unsafe: group_delete: unfinished work would be lost; --force deletes it all the same\n")
    assert zrb.out("group", "delete", jobs, "mailers", "--force") == "waiting 4, leased 0, dead 0\n"
    assert zrb.out("group", "list", jobs, "--json") == ""


def test_groups_are_listed_by_glob(zrb, jobs):
    for group in ("a", "b"):
        zrb.out("group", "create", jobs, group)
    title, *rows = zrb.out("group", "list", jobs[:-1] + "?").splitlines()
    assert title.split() == ["CHANNEL", "GROUP", "WAITING", "LEASED", "DEAD", "CONSUMERS", "CURSOR", "OLDEST", "STATE"]
    assert [row.split()[:6] for row in rows] == [[jobs, group, "4", "0", "0", "0"] for group in ("a", "b")]
    assert f"\n{jobs} " in zrb.out("group", "list")


def test_pause_ends_the_taking_and_resume_lets_it_go_on(zrb, jobs):
    assert zrb.out("pause", jobs) == "paused\n"
    zrb.run("take", jobs, status=1)
    assert zrb.out("resume", jobs) == "resumed\n"
    assert zrb.out("take", jobs, "--raw") == "one\n"
    assert zrb.out("pause", jobs, "-g", "default", "--json") == '{"paused": true}\n'
    zrb.run("take", jobs, status=1)
    assert "paused" in zrb.out("group", "list", jobs)
    zrb.out("resume", jobs, "-g", "default")
    assert zrb.out("take", jobs, "--raw") == "two\n"


#  peek

def test_peek_shows_and_moves_nothing(zrb, bridge, jobs):
    for _ in range(2):
        assert zrb.out("peek", jobs, "--raw") == "one\ntwo\nthree\nfour\n"
    assert zrb.out("peek", jobs, "--raw", "--tail", "-n", 2) == "four\nthree\n"
    zrb.out("take", jobs)
    assert zrb.out("peek", jobs, "--raw", "-n", 1, "-g", "default") == "two\n"
    bridge.client().publish(jobs, b"\xff\x1b[31m\n")
    [binary] = map(json.loads, zrb.out("peek", jobs, "--tail", "-n", 1, "--json").splitlines())
    assert (binary["id"], binary["payload_base64"]) == (5, "/xtbMzFtCg==")
    title, row = zrb.out("peek", jobs, "-e", "-n", 1).splitlines()
    assert title.split() == ["ID", "TIME", "PAYLOAD"] and row.endswith("??[31m?")
    assert zrb.run("peek", "nothing.here", status=1) == (b"", b"")


def test_a_waiting_take_and_peek_get_what_comes(zrb, bridge):
    runs = [zrb.start("take", "waited", "--for", "1m", "--raw"), zrb.start("peek", "waited", "--for", "1m", "--raw")]
    #  Each waits at the bridge before there is anything.
    eventually(lambda: all(run.running for run in runs), "both")
    bridge.client().publish("waited", b"it came")
    assert [run.wait() for run in runs] == [0, 0] and [run.output for run in runs] == [["it came"], ["it came"]]


#  What goes wrong

def test_ctrl_c_ends_a_waiting_take_and_leases_nothing(zrb, bridge):
    run = zrb.start("take", "quiet", "--for", "1h", "--lease", "2s")
    eventually(lambda: bridge.client().ok(op="status", channel="quiet")["channels"]["quiet"]["groups"], "its group")
    run.signal(signal.SIGINT)
    assert run.wait() == 130 and run.lines == run.output == []
    bridge.client().publish("quiet", b"x")
    eventually(lambda: numbers(zrb, "quiet") == (1, 0, 0), "the message to wait for another")


def test_who_reads_no_more_ends_it_in_silence(zrb, bridge):
    bridge.client().publish("wide", *[b"x" * 5000] * 100)
    child = zrb.popen("peek", "wide", "-n", 100, "--raw", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout.read(10) == b"x" * 10
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait(30) != 0


@pytest.mark.parametrize("argv", [
    ["take", "a"], ["ack", "a", "1:1"], ["pending", "a"], ["group", "list"], ["peek", "a"],
    ["group", "seek", "a", "b", "--since", "1h"], ["pause", "a"], ["redrive", "a", "1"]])
def test_an_absent_bridge_is_told_in_one_line(zrb, tmp_path, argv):
    output, errors = zrb.run(*argv, "-s", f"ipc://{tmp_path}/nobody", "-t", "20ms", status=3)
    assert (output, errors.decode()) == (
        b"", f"zrb: no bridge answers at ipc://{tmp_path}/nobody within 20 ms: is zrbridge running there?\n")


@pytest.mark.parametrize("argv, says", [
    (["ack", "jobs"], "ack wants either ID:LEASE... or --all-of LEASE; see zrb ack --help"),
    (["ack", "jobs", "1:2", "--all-of", "3"], "ack wants either ID:LEASE... or --all-of LEASE; see zrb ack --help"),
    (["ack", "jobs", "17"], '"17" is no ID:LEASE, as 17:3'),
    (["nack", "jobs", "17:0"], '"17:0" is no ID:LEASE, as 17:3'),
    (["bury", "jobs", "x:1"], '"x:1" is no ID:LEASE, as 17:3'),
    (["redrive", "jobs"], "redrive wants either ID... or --all; see zrb redrive --help"),
    (["redrive", "jobs", "0"], '"0" is no id'),
    (["group", "dance", "jobs", "a"],
     "group wants list [CHANNEL], or create, seek or delete with CHANNEL GROUP; see zrb group --help"),
    (["group", "seek", "jobs", "a"], "group seek wants --start or --since; see zrb group --help"),
])
def test_wrong_usage_is_one_line_and_2(zrb, argv, says):
    assert zrb.run(*argv, status=2) == (b"", f"zrb: {says}\n".encode())


@pytest.mark.parametrize("argv, says", [
    (["take", "a b"], "bad_channel: channels: has a control character, a space or one of"),
    (["dead", "nowhere"], "not_found: group: not found"),
    (["group", "create", "jobs", "g", "--start", "soon"], "bad_request: start: not \"first\""),
])
def test_what_the_bridge_refuses_is_one_line_and_1(zrb, argv, says):
    output, errors = zrb.run(*argv, status=1)
    assert output == b"" and says in errors.decode() and errors.count(b"\n") == 1
