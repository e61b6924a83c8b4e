"""zrb work: a command for each message, and nothing lost when something dies."""

import collections
import json
import os
import pathlib
import random
import signal
import subprocess

import pytest

from harness.bridge import PACK
from harness.process import is_running
from harness.wait import eventually
from harness.zrb import Zrb

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern it")


@pytest.fixture(scope="module")
def shared(shared_lab):
    return shared_lab.bridge()


@pytest.fixture
def zrb(shared, tmp_path):
    return Zrb(shared, tmp_path)


@pytest.fixture
def jobs(request):
    return request.node.name[:150].translate({ord(mark): "-" for mark in "[]"})


def publish(bridge, jobs, count):
    return bridge.client().publish(jobs, *[b"%d" % number for number in range(count)])


def numbers(bridge, jobs):
    """(waiting, leased, dead)"""
    group = bridge.client().ok(op="status", channel=jobs)["channels"][jobs]["groups"]["default"]
    return group["waiting"], group["leased"], group["dead"]


def worked(path):
    """What commands have written there, a line each."""
    return path.read_text(encoding="utf-8").split() if path.exists() else []


#  A command for each message

def test_the_payload_is_stdin_and_the_rest_environment(zrb, shared, jobs):
    client = shared.client()
    client.ok(op="publish", channel=jobs, payload=b"hello\0", headers={
        "content-type": "text/plain", "n": -300, "big": 2**40, "half": 0.5, "yes": True, "b": b"bin", "list": [1],
        "Content.Type": "second", "nil": None, "zero": "a\0b"})
    script = 'cat; echo; echo "$ZRB_CHANNEL $ZRB_ID $ZRB_ATTEMPT $ZRB_GROUP"; env | grep ^ZRB_HEADER_ | sort'
    output = zrb.out("work", jobs, "--drain", "--", "sh", "-c", script, env={"ZRB_HEADER_OLD": "inherited"})
    assert output.splitlines() == [
        "hello\0", f"{jobs} 1 1 default", "ZRB_HEADER_B=bin", "ZRB_HEADER_BIG=1099511627776",
        "ZRB_HEADER_CONTENT_TYPE=text/plain", "ZRB_HEADER_HALF=0.5", "ZRB_HEADER_N=-300", "ZRB_HEADER_YES=true"]
    assert numbers(shared, jobs) == (0, 0, 0)


def test_exit_0_acks_and_anything_else_gives_back(zrb, shared, jobs):
    publish(shared, jobs, 3)
    script = 'case $ZRB_ID.$ZRB_ATTEMPT in 2.1) exit 7 ;; 3.1) kill -9 $$ ;; esac'
    output, errors = zrb.run("work", jobs, "--drain", "--json", "--", "sh", "-c", script, status=1)
    ends = [json.loads(line) for line in output.splitlines()]
    assert [(end["id"], end["attempt"], end["outcome"], end.get("exit"), end.get("signal")) for end in ends] == [
        (1, 1, "done", 0, None), (2, 1, "back", 7, None), (2, 2, "done", 0, None), (3, 1, "back", None, 9),
        (3, 2, "done", 0, None)]
    assert errors.decode().splitlines() == [
        f"zrb: {jobs} 2, attempt 1: exit status 7", f"zrb: {jobs} 3, attempt 1: ended by signal 9"]
    assert numbers(shared, jobs) == (0, 0, 0)


def test_a_command_that_keeps_failing_ends_among_the_dead(zrb, shared, jobs):
    publish(shared, jobs, 1)
    zrb.run("work", jobs, "--drain", "--", "false", status=1)
    assert numbers(shared, jobs) == (0, 0, 1)
    [[_, _, letter]] = shared.client().ok(op="dead", channel=jobs)["messages"]
    assert (letter["reason"], letter["attempts"]) == ("exit status 1", 10)


def test_what_failed_waits_longer_each_time(zrb, shared, jobs):
    publish(shared, jobs, 1)
    zrb.run("work", jobs, "--drain", "--delay", "1h", "--", "false", status=1)
    assert numbers(shared, jobs) == (1, 0, 0)
    assert zrb.run("work", jobs, "--drain", "--", "false") == (b"", b"")  # it is delayed


def test_parallel_commands_run_at_a_time(zrb, shared, jobs, tmp_path):
    """Each of four waits until all four are there."""
    publish(shared, jobs, 8)
    script = f'touch {tmp_path}/$ZRB_ID; while [ "$(ls {tmp_path} | wc -l)" -lt 4 ]; do sleep 0.01; done'
    zrb.out("work", jobs, "-P", 4, "--drain", "--", "sh", "-c", script)
    assert len(list(tmp_path.iterdir())) == 8


def test_large_payloads_read_or_not_do_not_block(zrb, shared, jobs):
    payload = os.urandom(1 << 20)
    for _ in range(3):
        shared.client().publish(jobs, payload)
    script = '[ $ZRB_ID = 1 ] && exit 0; [ $ZRB_ID = 2 ] && exec head -c 10; cat'
    output, errors = zrb.run("work", jobs, "--drain", "--", "sh", "-c", script)
    assert errors == b"" and output == payload[:10] + payload


def test_count_ends_it(zrb, shared, jobs):
    publish(shared, jobs, 5)
    assert zrb.out("work", jobs, "-n", 3, "-P", 2, "--", "echo", "x") == "x\n" * 3
    assert numbers(shared, jobs) == (2, 0, 0)


def test_long_work_keeps_its_lease(zrb, shared, jobs, tmp_path):
    publish(shared, jobs, 1)
    child = running(zrb, jobs, tmp_path / "pids", "-n", 1, "--lease", "3s")

    def was_touched():
        [[*_, elapsed_ms, remaining_ms]] = shared.client().ok(op="pending", channel=jobs)["leases"]
        return elapsed_ms + remaining_ms > 3500
    eventually(was_touched, "a lease that runs longer than 3 s")
    (tmp_path / "pids.go").touch()
    assert child.wait(30) == 0 and numbers(shared, jobs) == (0, 0, 0)


def test_a_command_may_take_no_longer_than_that(zrb, shared, jobs):
    publish(shared, jobs, 1)
    errors = zrb.run("work", jobs, "-n", 1, "--max-time", "100ms", "--", "sleep", "1h", status=1)[1]
    assert errors.decode() == f"zrb: {jobs} 1, attempt 1: ran longer than 100 ms\n"


def test_a_command_that_is_not_there_gives_all_back_and_ends(zrb, shared, jobs):
    publish(shared, jobs, 4)
    errors = zrb.run("work", jobs, "-P", 3, "--", "no-such-command", status=1)[1]
    assert errors.decode() == 'zrb: "no-such-command" can\'t be run: No such file or directory\n'
    assert numbers(shared, jobs) == (4, 0, 0)
    [[_, _, _, attempt]] = shared.client().ok(op="take", channels=[jobs])["messages"]
    assert attempt == 1


def test_a_command_settles_by_itself_with_zrb(zrb, shared, jobs):
    """Its environment says where and what; what it has settled is not stale."""
    publish(shared, jobs, 1)
    script = f'{zrb.path()} ack "$ZRB_CHANNEL" "$ZRB_ID:$ZRB_LEASE"'
    assert zrb.out("work", jobs, "--drain", "-g", "mailers", "--", "sh", "-c", script) == "done 1\n"


def test_a_stale_ack_is_told(zrb, shared, jobs):
    publish(shared, jobs, 1)
    script = f'{zrb.path()} release "$ZRB_CHANNEL" me; {zrb.path()} take "$ZRB_CHANNEL" --json >&2'
    output, errors = zrb.run("work", jobs, "-n", 1, "-c", "me", "--json", "--", "sh", "-c", script, status=1)
    assert json.loads(output)["outcome"] == "stale"
    assert "is stale: the message goes to another" in errors.decode()


#  Signals and pipes

def running(zrb, jobs, path, *argv, **options):
    """A worker whose command runs: it has written its process id, and waits."""
    script = f'echo $$ >>{path}; while [ ! -e {path}.go ]; do sleep 0.02; done; echo $ZRB_ID >>{path}.done'
    child = zrb.popen("work", jobs, *argv, "--", "sh", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                      **options)
    eventually(lambda: worked(path), "the command")
    return child


def test_ctrl_c_lets_commands_end_and_takes_no_more(zrb, shared, jobs, tmp_path):
    publish(shared, jobs, 3)
    path = tmp_path / "pids"
    child = running(zrb, jobs, path, start_new_session=True)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does; the command is in a group of its own
    assert child.stderr.readline() == b"zrb: waits for 1 command to end; once more kills\n"
    (tmp_path / "pids.go").touch()
    assert child.wait(30) == 0 and worked(tmp_path / "pids.done") == ["1"]
    assert numbers(shared, jobs) == (2, 0, 0)


def test_a_second_signal_kills_and_gives_back(zrb, shared, jobs, tmp_path):
    publish(shared, jobs, 3)
    path = tmp_path / "pids"
    child = running(zrb, jobs, path, "-P", 2)
    eventually(lambda: len(worked(path)) == 2, "the second command")
    child.terminate()
    assert child.stderr.readline() == b"zrb: waits for 2 commands to end; once more kills\n"
    child.terminate()
    assert child.wait(30) == 0
    assert not [pid for pid in worked(path) if is_running(int(pid))]
    assert numbers(shared, jobs) == (3, 0, 0)
    assert [attempt for *_, attempt in shared.client().ok(op="take", channels=[jobs], max=3)["messages"]] == [1, 1, 1]


def test_a_signal_ends_a_worker_that_waits(zrb, shared, jobs):
    shared.client().ok(op="group_create", channel=jobs, group="default")
    publish(shared, jobs, 1)
    worker = zrb.start("work", jobs, "--", "true")
    eventually(lambda: numbers(shared, jobs) == (0, 0, 0), "the message to be worked")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0 and worker.lines == []
    publish(shared, jobs, 1)
    assert numbers(shared, jobs)[1] == 0


def test_commands_end_with_a_killed_worker(zrb, shared, jobs, tmp_path):
    publish(shared, jobs, 1)
    path = tmp_path / "pids"
    child = running(zrb, jobs, path)
    child.kill()
    child.wait()
    eventually(lambda: not is_running(int(worked(path)[0])), "the command's end")


def test_who_reads_no_more_ends_it_well(zrb, shared, jobs):
    publish(shared, jobs, 50)
    child = zrb.popen("work", jobs, "--json", "--", "true", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait(30) == 1
    assert numbers(shared, jobs)[1] == 0


#  Bridges and workers that go away

def test_an_absent_bridge_is_3(zrb, tmp_path):
    errors = zrb.run("work", "jobs", "-s", f"ipc://{tmp_path}/nobody", "-t", "20ms", "--", "true", status=3)[1]
    assert errors.startswith(b"zrb: no bridge answers at ipc://") and errors.count(b"\n") == 1


def test_work_goes_on_while_the_bridge_is_away_and_is_acked_when_it_is_back(lab, jobs, tmp_path):
    bridge = lab.bridge()
    zrb = Zrb(bridge, tmp_path)
    publish(bridge, jobs, 2)
    path = tmp_path / "pids"
    child = running(zrb, jobs, path, "-n", 2)
    bridge.kill()
    (tmp_path / "pids.go").touch()
    eventually(lambda: worked(tmp_path / "pids.done"), "the command's end")
    bridge.start()
    assert child.wait(30) == 0 and child.stderr.read() == b""
    assert sorted(worked(tmp_path / "pids.done")) == ["1", "2"]
    assert numbers(bridge, jobs) == (0, 0, 0)


def test_a_bridge_that_stays_away_does_not_hold_up_a_second_signal(lab, jobs, tmp_path):
    bridge = lab.bridge()
    publish(bridge, jobs, 1)
    child = running(Zrb(bridge, tmp_path), jobs, tmp_path / "pids", "-t", "500ms")
    bridge.kill()
    child.terminate()
    assert child.stderr.readline().startswith(b"zrb: waits for 1 command")
    child.terminate()
    assert child.wait(30) == 1
    assert child.stderr.read() == b"zrb: the bridge does not answer: what is leased comes again when that runs out\n"


def test_workers_killed_at_random_lose_nothing(zrb, shared, jobs, tmp_path):
    """Each message is worked at least once; who is killed (-9) names itself again, and has its leases back at once."""
    count, seed = 150, random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    publish(shared, jobs, count)
    path = tmp_path / "worked"

    def start():
        return zrb.popen("work", jobs, "-P", 4, "-c", "one", "--lease", "1h", "--drain", "--", "sh", "-c",
                         f"echo $ZRB_ID >>{path}", stderr=subprocess.PIPE)

    child = start()
    for _ in range(6):
        goal = len(worked(path)) + chance.randrange(1, 20)
        eventually(lambda: len(worked(path)) >= goal or child.poll() is not None, "some work")
        child.kill()
        child.communicate()
        child = start()
    errors = child.communicate(timeout=60)[1]
    assert child.returncode == 0, errors
    times = collections.Counter(worked(path))
    assert sorted(map(int, times)) == list(range(1, count + 1))
    assert numbers(shared, jobs) == (0, 0, 0)


@pytest.mark.parametrize("argv, says", [
    (["jobs"], "work wants CHANNEL... -- COMMAND...; see zrb work --help"),
    (["--", "true"], "work wants CHANNEL... -- COMMAND [ARGUMENT]...; see zrb work --help"),
    (["jobs", "-P", "0", "--", "true"], "--parallel wants an integer from 1 to 1000"),
    (["jobs", "-c", "", "--", "true"], "--consumer: empty; choose another"),
    (["jobs", "--dance", "--", "true"], "work knows no option --dance; see zrb work --help"),
])
def test_wrong_usage_is_one_line_and_2(zrb, argv, says):
    assert zrb.run("work", *argv, status=2) == (b"", f"zrb: {says}\n".encode())


def test_no_zombies_are_left(zrb, shared, jobs):
    publish(shared, jobs, 30)
    worker = zrb.start("work", jobs, "-P", 5, "--", "true")
    eventually(lambda: shared.client().ok(op="status", channel=jobs)["channels"][jobs]["groups"], "its group")
    eventually(lambda: numbers(shared, jobs) == (0, 0, 0), "all to be worked")
    children = pathlib.Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
    assert children.read_text(encoding="utf-8") == ""
    worker.signal(signal.SIGINT)
    assert worker.wait() == 0
