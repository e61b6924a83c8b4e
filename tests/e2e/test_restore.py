"""A backup that was taken from a bridge at work, and restored by deploy/restore."""

import shutil
import subprocess

import pytest
from harness.bridge import PACK
from harness.wire import ROOT

pytestmark = pytest.mark.skipif(PACK > 1, reason="Redis sees no difference")


def _restore(directory, rdb):
    return subprocess.run([ROOT / "deploy/restore", directory], input=rdb, capture_output=True, check=False, timeout=60)


def test_a_backup_brings_what_it_has_and_no_id_twice(lab):
    bridge = lab.bridge()
    client = bridge.client()
    client.publish("orders", b"a", b"b")
    store = client.ok(op="info")["store"]
    backup = bridge.directory / "backup.rdb"
    subprocess.run(["redis-cli", "-s", bridge.data_dir / "redis.sock", "--rdb", backup],
                   check=True, capture_output=True)
    assert client.publish("orders", b"lost") == [3]
    bridge.stop()

    shutil.move(bridge.data_dir, bridge.directory / "old")
    told = _restore(bridge.data_dir, backup.read_bytes())
    assert told.returncode == 0 and store in told.stderr.decode(), told.stderr
    assert [path.name for path in bridge.data_dir.iterdir()] == ["appendonlydir"]
    bridge.start()
    client = bridge.client()
    assert client.ok(op="info")["store"] == store
    new, = client.publish("orders", b"c")
    assert new > 3
    reply = client.ok(op="replay", channel="orders")
    assert [envelope[0] for _, envelope in reply["messages"]] == [1, 2, new]
    assert reply["gaps"] == [["orders", 3, new - 1, "jumped"]]


def test_what_is_no_backup_is_not_restored(tmp_path):
    told = _restore(tmp_path / "data", b"no backup")
    assert told.returncode == 1 and "Fatal error loading" in told.stderr.decode()
    assert not list((tmp_path / "data").iterdir())


def test_data_is_not_overwritten(tmp_path):
    (tmp_path / "kept").touch()
    told = _restore(tmp_path, b"")
    assert told.returncode == 1 and "not empty" in told.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
