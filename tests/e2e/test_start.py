"""Starting: what is wrong is told in one line, with the right exit status, and harms nothing else."""

import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

from harness.bridge import ANY_PORT, daemon, toml
from harness.process import is_running
from harness.wire import ROOT

NOBODY = 65534


def _run(*arguments, cwd, env=None, **options):
    """Runs the daemon to its end; (status, stdout, lines of stderr that are no log)."""
    done = subprocess.run([daemon(), *arguments], cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False, **options)
    said = [line for line in done.stderr.splitlines() if not line.startswith("time=")]
    return done.returncode, done.stdout, said


def _config(directory, text="", **sections):
    """Writes a bridge.toml that could serve, but for what a test says."""
    every = {"redis": {}, "ingest": {"pull": [ANY_PORT], "sub": [ANY_PORT]}, "fanout": {"pub": [ANY_PORT]},
             "control": {"router": [ANY_PORT]}, "monitor": {"http": "127.0.0.1:*"}}
    for section, keys in sections.items():
        every[section] = {**every.get(section, {}), **keys}
    path = directory / "bridge.toml"
    path.write_text(text or toml(every), encoding="utf-8")
    return path


def _expect_error(result, status, *parts):
    code, _, said = result
    assert len(said) == 1, said
    assert code == status
    assert said[0].startswith("zrbridge: ")
    for part in parts:
        assert str(part) in said[0]


@pytest.mark.parametrize("text, parts", [
    ("[ingest]\nmax_in_flight = 5\n\ncolour = 1\n", ["bridge.toml:4", "ingest.colour"]),
    ("[ingest]\nmax_in_flight = 0\n", ["bridge.toml:2", "ingest.max_in_flight"]),
    ("[ingest]\nmax_in_flight = \"many\"\n", ["bridge.toml:2", "ingest.max_in_flight"]),
    ("[bridge]\nlog_level = \"loud\"\n", ["bridge.toml:2", "bridge.log_level"]),
    ("[ingest]\npull = \"tcp://127.0.0.1:*\"\n", ["bridge.toml:2", "ingest.pull"]),
    ("[ingest]\npull = [\"http://127.0.0.1\"]\n", ["bridge.toml:2", "ingest.pull"]),
    ("[redis]\nmode = \"cluster\"\n", ["bridge.toml:2", "redis.mode"]),
    ("[redis]\nmode = \"server\"\nurl = \"http://x\"\n", ["bridge.toml:3", "redis.url"]),
    ("\n[engine]\nname = \"x\"\n", ["bridge.toml:2", "engine"]),
    ("name = \"x\"\n", ["bridge.toml:1", "name"]),
    ("[bridge\n", ["bridge.toml:1"]),
    ("[bridge]\nname = \"x\"\nname = \"y\"\n", ["bridge.toml:3"]),
    ("[access]\nclient = \"*\"\n", ["bridge.toml:1", "access"]),
])
@pytest.mark.parametrize("check", [[], ["--check"]], ids=["serve", "check"])
def test_a_mistake_in_the_config_names_file_line_and_key(tmp_path, text, parts, check):
    path = _config(tmp_path, text)
    _expect_error(_run("-c", path, *check, cwd=tmp_path), 2, *parts)
    assert not (tmp_path / "data").exists()


def test_a_config_that_is_not_there_is_told(tmp_path):
    _expect_error(_run("-c", "absent.toml", cwd=tmp_path), 2, "absent.toml")


def test_a_mistake_in_the_environment_names_the_variable(tmp_path):
    path = _config(tmp_path)
    _expect_error(_run("-c", path, cwd=tmp_path, env={"ZRB_INGEST_MAX_IN_FLIGHT": "0"}), 2, "ZRB_INGEST_MAX_IN_FLIGHT")
    _expect_error(_run("-c", path, cwd=tmp_path, env={"ZRB_REDIS_MODE": "cluster"}), 2, "ZRB_REDIS_MODE")


def test_the_environment_overrides_the_file(lab, server):
    bridge = lab.bridge(redis={"mode": "embedded", "url": "redis://127.0.0.1:1/0"},
                        env={"ZRB_REDIS_MODE": "server", "ZRB_REDIS_URL": server.url, "ZRB_BRIDGE_NAME": "other",
                             "ZRB_REDIS_PREFIX": "mine"})
    client = bridge.client()
    client.publish("orders", b"x")
    assert client.ok(op="info")["name"] == "other"
    assert server.client().zcard("mine:{orders}:log") == 1
    assert not bridge.data_dir.exists()


def test_check_accepts_the_shipped_config_and_serves_nothing(tmp_path):
    shutil.copy(ROOT / "bridge.toml", tmp_path)
    code, _, said = _run("--check", cwd=tmp_path)
    assert (code, said) == (0, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bridge.toml"]


def test_version_and_help_go_to_stdout(tmp_path):
    code, out, said = _run("--version", cwd=tmp_path)
    assert (code, said) == (0, []) and out.startswith("zrbridge ")
    code, out, said = _run("--help", cwd=tmp_path)
    assert (code, said) == (0, [])
    for option in ("-c", "--check", "--version", "--help"):
        assert option in out


@pytest.mark.parametrize("arguments", [["--colour"], ["-c"], ["serve"], ["-x"]], ids=" ".join)
def test_bad_usage_is_told(tmp_path, arguments):
    code, _, said = _run(*arguments, cwd=tmp_path)
    assert code == 2
    assert said and said[0].startswith("zrbridge: ")


@pytest.mark.parametrize("section, key, what", [("ingest", "pull", "pull"), ("ingest", "sub", "sub"),
                                                ("fanout", "pub", "pub"), ("control", "router", "router")])
def test_a_taken_port_is_told_and_the_other_bridge_goes_on(lab, tmp_path, server, bridge, section, key, what):
    other = tmp_path / "other"
    other.mkdir()
    taken = bridge.endpoint(what)
    path = _config(other, redis={"mode": "server", "url": server.url}, **{section: {key: [taken]}})
    _expect_error(_run("-c", path, cwd=other), 1, f"{section}.{key}", taken)
    assert bridge.client().ok(op="ping")


def test_a_taken_port_leaves_no_embedded_redis_behind(tmp_path, bridge):
    other = tmp_path / "other"
    other.mkdir()
    path = _config(other, control={"router": [bridge.endpoint("router")]})
    _expect_error(_run("-c", path, cwd=other), 1, bridge.endpoint("router"))
    assert not _processes_in(other / "data")


def _processes_in(directory):
    """Pids of processes whose working directory is that one."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and pathlib.Path(os.readlink(entry / "cwd")) == directory:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.fault(17)
def test_a_missing_redis_server_is_told(tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    _expect_error(_run("-c", _config(tmp_path), cwd=tmp_path, env={"PATH": str(empty)}), 1, "redis-server")


@pytest.mark.fault(17)
def test_a_redis_server_that_cannot_run_is_told(tmp_path):
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    (bin_dir / "redis-server").write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 1\n", encoding="utf-8")
    (bin_dir / "redis-server").chmod(0o755)
    path = f"{bin_dir}:{os.environ['PATH']}"
    _expect_error(_run("-c", _config(tmp_path), cwd=tmp_path, env={"PATH": path}), 1, "redis-server")


def test_a_data_dir_below_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    path = _config(tmp_path, redis={"data_dir": "./file/data"})
    _expect_error(_run("-c", path, cwd=tmp_path), 1, "file/data")


@pytest.mark.fault(17)
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("exists", [True, False])
def test_an_unwritable_data_dir_is_told(tmp_path, exists):
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_uid == 0 and parent != pathlib.Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    data = tmp_path / "data"
    if exists:
        data.mkdir(mode=0o755)
    path = _config(tmp_path, redis={"data_dir": str(data)})
    path.chmod(0o644)
    program = tmp_path / "zrbridge"
    shutil.copy(daemon(), program)
    program.chmod(0o755)
    done = subprocess.run([program, "-c", path], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False, user=NOBODY, group=NOBODY, extra_groups=[])
    said = [line for line in done.stderr.splitlines() if not line.startswith("time=")]
    _expect_error((done.returncode, done.stdout, said), 1, data)


@pytest.mark.fault(17)
def test_a_data_dir_in_use_by_another_bridge_is_told(lab, tmp_path):
    bridge = lab.bridge()
    other = tmp_path / "other"
    other.mkdir()
    path = _config(other, redis={"data_dir": str(bridge.data_dir)})
    _expect_error(_run("-c", path, cwd=other), 1, bridge.data_dir, bridge.process.pid)
    assert bridge.client().publish("orders", b"x") == [1]


def test_a_data_dir_with_too_long_a_path_is_told(tmp_path):
    path = _config(tmp_path, redis={"data_dir": str(tmp_path / ("d" * 100))})
    _expect_error(_run("-c", path, cwd=tmp_path), 1, "redis.data_dir", "redis.sock")


def test_a_data_dir_is_private(lab):
    bridge = lab.bridge()
    assert bridge.data_dir.stat().st_mode & 0o777 == 0o700
    assert (bridge.data_dir / "redis.sock").stat().st_mode & 0o077 == 0


def test_the_embedded_redis_keeps_what_it_has_and_refuses_rather_than_forgets(lab):
    config = lab.bridge().embedded().config_get("*")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["no-appendfsync-on-rewrite"] == "no"
    assert config["maxmemory-policy"] == "noeviction"
    assert config["port"] == "0"


def test_the_redis_left_by_a_killed_bridge_is_taken_over(lab):
    bridge = lab.bridge()
    bridge.client().publish("orders", b"a")
    pid = bridge.embedded_pid()
    bridge.kill()
    assert bridge.embedded_pid() == pid
    bridge.start()
    assert bridge.embedded_pid() == pid
    client = bridge.client()
    assert client.publish("orders", b"b") == [2]
    bridge.stop()
    assert not is_running(pid)


def test_stale_files_of_a_machine_that_crashed_disturb_nobody(lab):
    bridge = lab.bridge()
    bridge.client().publish("orders", b"a")
    pid = bridge.embedded_pid()
    bridge.kill()
    os.kill(pid, signal.SIGKILL)
    assert (bridge.data_dir / "redis.sock").exists()
    bridge.start()
    assert bridge.client().replay_all("orders")[0][3] == b"a"


def test_no_descriptor_is_inherited_by_the_embedded_redis(lab, tmp_path):
    with open(tmp_path / "open", "w", encoding="utf-8") as file:
        fcntl.fcntl(file, fcntl.F_SETFD, 0)
        bridge = lab.bridge()
        #  Some are gone before they are looked at; realpath does not mind.
        paths = [os.path.realpath(entry) for entry in pathlib.Path(f"/proc/{bridge.embedded_pid()}/fd").iterdir()]
    assert os.path.realpath(tmp_path / "open") not in paths


def test_a_password_is_never_logged(lab):
    server = lab.redis(options=["--requirepass", "s3cret"])
    bridge = lab.bridge(redis={"mode": "server", "url": f"unix://{server.path}?password=s3cret&db=3"})
    client = bridge.client()
    assert client.publish("orders", b"x") == [1]
    assert server.client(password="s3cret", db=3).zcard("zrb:{orders}:log") == 1
    bridge.stop()
    assert "s3cret" not in bridge.process.log


def test_a_wrong_password_is_told(lab):
    server = lab.redis(options=["--requirepass", "right"])
    bridge = lab.bridge(redis_is_up=False, redis={"mode": "server", "url": f"unix://{server.path}?password=wrong"})
    bridge.process.wait_line("actor=control event=redis_down")
    reply = bridge.client().ask(op="ping")
    assert (reply["code"], reply["ok"]) == ("unavailable", False)
    assert "WRONGPASS" in reply["message"] or "password" in reply["message"].lower()


def test_a_redis_is_reached_over_tcp_with_user_password_and_db(lab):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = lab.redis(port=port)
    server.client().acl_setuser("bridge", enabled=True, passwords=["+p@ss/w:rd"], keys=["*"], channels=["*"],
                                commands=["+@all"])
    bridge = lab.bridge(redis={"mode": "server", "url": f"redis://bridge:p%40ss%2Fw%3Ard@127.0.0.1:{port}/5"})
    sub = bridge.subscriber(b"orders")
    assert bridge.client().publish("orders", b"x") == [1]
    assert sub.payloads(1) == [b"x"]
    assert server.client(db=5).zcard("zrb:{orders}:log") == 1
    assert server.client().dbsize() == 0
    assert "p@ss" not in bridge.process.log and "p%40ss" not in bridge.process.log
