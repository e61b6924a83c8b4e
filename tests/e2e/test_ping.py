"""zrb ping: is a bridge there, and its Redis?"""

import os
import pathlib
import subprocess

import pytest

from harness.wire import ROOT


def _ping(*argv):
    path = pathlib.Path(os.environ.get("ZRB") or ROOT / "build" / "zrb")
    assert path.is_file(), f"no zrb at {path}: build it, or name one in $ZRB"
    run = subprocess.run([path, "ping", *argv], capture_output=True, text=True, timeout=60, check=False)
    return run.returncode, run.stdout, run.stderr


def test_a_bridge_that_serves_answers(bridge):
    status, output, errors = _ping("-s", bridge.endpoint("router"), "--wait", "30000")
    assert (status, errors) == (0, "") and output.startswith(f"{bridge.endpoint('router')} answers in ")
    assert output.count("\n") == 1


def test_without_redis_the_bridge_says_so(bridge, server):
    server.kill()
    status, output, errors = _ping("-s", bridge.endpoint("router"), "--wait", "30000")
    assert (status, output) == (1, "") and "unavailable: Redis is away" in errors and errors.count("\n") == 1


def test_without_a_bridge_it_says_what_to_do(tmp_path):
    status, output, errors = _ping("-s", f"ipc://{tmp_path}/nobody", "--wait", "50")
    assert (status, output) == (3, "") and errors == \
        f"zrb: no bridge answers at ipc://{tmp_path}/nobody within 50 ms: is zrbridge running there?\n"


@pytest.mark.parametrize("argv, error", [
    (["--dance"], "ping knows no option --dance; see zrb ping --help"),
    (["--wait"], "--wait wants a value; see zrb ping --help"),
    (["--wait", "soon"], '--wait wants 1 to 3600000 milliseconds, or a time as 10s, 5m, 2h, 1d, not "soon"'),
    (["-s", "nowhere"], 'cannot connect to "nowhere": Invalid argument'),
    (["orders"], 'ping takes no "orders"; see zrb ping --help'),
])
def test_wrong_usage_is_told(argv, error):
    assert _ping(*argv) == (2, "", f"zrb: {error}\n")
