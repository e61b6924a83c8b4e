"""HTTP: metrics that equal what clients counted, health that tells the truth, whatever Redis and other clients do."""

import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import log
from harness.bridge import ANY_PORT, PACK
from harness.wait import eventually
from harness.wire import ROOT

pytestmark = pytest.mark.skipif(PACK > 1, reason="nothing of this depends on members")
#  A loaded machine keeps this; the time itself is printed.
SCRAPE_S = 2
SENT = 10000


@pytest.fixture(scope="module")
def shared_server(shared_lab):
    return shared_lab.redis()


@pytest.fixture(scope="module")
def shared(shared_lab, shared_server):
    return shared_lab.bridge(shared_server, workers=[{"push": [ANY_PORT], "channels": ["jobs"]}])


def _ready(bridge):
    status, _, text = bridge.get("/readyz")
    assert text.count("\n") == 1
    return status, text.strip()


def _wait_metrics(bridge, expected):
    """Until all of them have these numbers."""
    def differing():
        found = bridge.metrics()
        return {name: (found.get(name), number) for name, number in expected.items() if found.get(name) != number}

    try:
        eventually(lambda: not differing(), "the metrics")
    except AssertionError:
        assert not differing()


def _settled(bridge, client):
    """The metrics, once they tell of all that was published until now, one message a request."""
    told = client.ok(op="info")["counters"]
    _wait_metrics(bridge, {'zrb_requests_total{op="publish"}': told["publish_messages"],
                           'zrb_messages_in_total{socket="router"}': told["publish_messages"],
                           'zrb_messages_out_total{socket="pub"}': told["fanout_messages"]})
    return bridge.metrics()


def test_metrics_equal_what_clients_counted(shared):
    """Under load, of every socket."""
    client, push, sub = shared.client(), shared.push(), shared.subscriber(b"counted")
    before = _settled(shared, client)
    for number in range(SENT):
        push.send_multipart([b"counted", b"%05d" % number])
        if number % 1000 == 0:
            assert shared.metrics()['zrb_messages_in_total{socket="pull"}'] <= number
    push.send_multipart([b"no space", b"x"])
    push.send_multipart([b"counted", b"x" * 1048577])
    for _ in range(2):
        client.ok(op="publish", channel="counted", payload=b"12345", headers={"msg_id": "a"})
    got = [envelope for _, envelope in (sub.next() for _ in range(SENT + 1))]
    taken = client.ok(op="take", channels=["counted"], max=10)["messages"]
    lease = taken[0][2]
    client.ok(op="nack", channel="counted", group="default", lease=lease)
    assert len(client.ok(op="take", channels=["counted"], max=10)["messages"]) == 10
    assert client.ask(op="take", channels=[])["code"] == "bad_request"
    headers = len(b"\x81\xa6msg_id\xa1a")
    rise = {
        'zrb_messages_in_total{socket="pull"}': SENT + 2,
        'zrb_messages_in_total{socket="router"}': 2,
        'zrb_bytes_in_total{socket="pull"}': SENT * 5,
        'zrb_bytes_in_total{socket="router"}': 2 * (5 + headers),
        'zrb_rejected_messages_total{reason="bad_channel"}': 1,
        'zrb_rejected_messages_total{reason="too_large"}': 1,
        "zrb_stored_messages_total": SENT + 3,  #  two of them under $rejected
        "zrb_duplicate_messages_total": 1,
        'zrb_messages_out_total{socket="pub"}': SENT + 3,
        'zrb_messages_out_total{socket="router"}': 20,
        "zrb_redelivered_messages_total": 10,
        'zrb_requests_total{op="publish"}': 2,
        'zrb_requests_total{op="take"}': 2,
        'zrb_request_errors_total{code="bad_request"}': 1,
        "zrb_batch_messages_sum": SENT + 3,
    }
    _wait_metrics(shared, {name: before[name] + count for name, count in rise.items()})
    found = shared.metrics()
    assert found["zrb_in_flight_messages"] == found["zrb_in_flight_bytes"] == 0
    assert found["zrb_append_seconds_count"] == found["zrb_batch_messages_count"] == found["zrb_stored_batches_total"]
    assert found['zrb_append_seconds_bucket{le="+Inf"}'] == found["zrb_append_seconds_count"]
    out = 'zrb_bytes_out_total{socket="pub"}'
    assert found[out] - before[out] > sum(len(envelope) for envelope in got)


def test_pushed_work_is_counted(shared):
    before = shared.metrics()
    worker, client = shared.worker(), shared.client()
    client.publish("jobs", *[b"%d" % number for number in range(20)])
    frames = [worker.recv_multipart() for _ in range(20)]
    name = 'messages_out_total{socket="push"}'
    _wait_metrics(shared, {f"zrb_{name}": before[f"zrb_{name}"] + 20,
                           'zrb_bytes_out_total{socket="push"}': before['zrb_bytes_out_total{socket="push"}'] +
                           sum(len(frame[1]) for frame in frames)})


def test_what_others_appended_and_holes_are_counted(shared, shared_server):
    before = shared.metrics()
    log.lay(shared_server.client(), "foreign", [1000] * 3, first=11)
    _wait_metrics(shared, {"zrb_refilled_messages_total": before["zrb_refilled_messages_total"] + 3,
                           "zrb_fanout_holes_total": before["zrb_fanout_holes_total"] + 1})


def test_waiting_takes_are_counted_as_of_now(shared):
    client = shared.client()
    seqs = [client.send(op="take", channels=["idle"], wait_ms=60000) for _ in range(3)]
    _wait_metrics(shared, {"zrb_waiting_takes": 3, "zrb_open_requests": 3})
    for seq in seqs:
        client.ok(op="cancel", request=seq)
    _wait_metrics(shared, {"zrb_waiting_takes": 0, "zrb_open_requests": 0})


def test_what_groups_have_is_counted(lab, server):
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish('or"ders', *[b"%d" % number for number in range(10)])
    client.publish("quiet", b"x")
    for group in ("one", "two"):
        taken = client.ok(op="take", channels=['or"ders'], group=group, max=4)["messages"]
    client.ok(op="bury", channel='or"ders', group="two", items=[[taken[0][1][0], taken[0][2]]])
    labels = [f'{{channel="or\\"ders",group="{group}"}}' for group in ("one", "two")]
    _wait_metrics(bridge, {
        f"zrb_group_waiting_messages{labels[0]}": 6, f"zrb_group_leased_messages{labels[0]}": 4,
        f"zrb_group_dead_messages{labels[0]}": 0, f"zrb_group_waiting_messages{labels[1]}": 6,
        f"zrb_group_leased_messages{labels[1]}": 3, f"zrb_group_dead_messages{labels[1]}": 1,
        "zrb_waiting_messages": 12, "zrb_leased_messages": 7, "zrb_dead_messages": 1, "zrb_untold_groups": 0})
    first = bridge.metrics()[f"zrb_group_oldest_seconds{labels[0]}"]
    eventually(lambda: bridge.metrics()[f"zrb_group_oldest_seconds{labels[0]}"] > first >= 0, "the age to grow")
    groups = {row["group"]: row for row in json.loads(bridge.get("/status")[2])["groups"]}
    assert (groups["two"]["channel"], groups["two"]["dead"], groups["two"]["leased"]) == ('or"ders', 1, 3)
    assert len([name for name in bridge.metrics() if name.startswith("zrb_group_")]) == 8
    client.ok(op="flush", pattern="*", all=True, force=True)
    _wait_metrics(bridge, {"zrb_waiting_messages": 0, f"zrb_group_oldest_seconds{labels[0]}": 0})


def test_of_many_groups_only_some_have_metrics_of_their_own(lab, server):
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("orders", b"x")
    for number in range(105):
        client.ok(op="group_create", channel="orders", group=f"g{number:03}", start="first")
    _wait_metrics(bridge, {"zrb_untold_groups": 5, "zrb_waiting_messages": 105})
    assert len([name for name in bridge.metrics() if name.startswith("zrb_group_waiting_messages{")]) == 100


def test_metrics_are_in_the_format_of_prometheus(shared):
    status, headers, text = shared.get("/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    described = re.findall(r"^# (HELP|TYPE) (\S+) (.*)$", text, re.M)
    names = [name for kind, name, _ in described if kind == "TYPE"]
    assert names == [name for kind, name, _ in described if kind == "HELP"] and len(names) == len(set(names))
    for name, kind in ((name, kind) for what, name, kind in described if what == "TYPE"):
        assert name.endswith("_total") == (kind == "counter"), name
    line_form = re.compile(r'zrb_[a-z_]+(\{[a-z]+="[^"]+"(,[a-z]+="[^"]+")*\})? [\d.e+-]+')
    assert not [line for line in text.splitlines() if not line.startswith("#") and not line_form.fullmatch(line)]
    assert re.search(r'^zrb_build_info\{version="[\d.]+"\} 1$', text, re.M)


def test_promtool_finds_nothing_to_mend(shared):
    if not shutil.which("promtool"):
        pytest.skip("no promtool here")
    done = subprocess.run(["promtool", "check", "metrics"], input=shared.get("/metrics")[2], capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_metric_is_documented_and_nothing_else(shared):
    """What follows a metric's name in the table is its help."""
    text = (ROOT / "deploy" / "METRICS.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(zrb_\w+)` *\| ([^|]*?) *\|", text, re.M))
    told = dict(re.findall(r"^# HELP (\S+) (.*)$", shared.get("/metrics")[2], re.M))
    assert documented == told


def test_status_says_the_same_as_json(shared):
    status, headers, text = shared.get("/status")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    found = json.loads(text)
    assert found["ready"] is True and found["trouble"] == "" and found["draining"] is False
    assert {actor["actor"] for actor in found["redis"]} == {"lane", "control", "keeper", "workers-1"}
    assert all(actor["up"] for actor in found["redis"])
    told = shared.client().ok(op="info")["counters"]
    assert set(told) <= set(found["counters"])


def test_unknown_paths_and_methods_are_refused(shared):
    assert shared.get("/")[0] == 404
    assert shared.get("/metrics/")[0] == 404
    status, headers, _ = shared.get("/metrics", method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert shared.get("/readyz", method="DELETE")[0] == 405
    status, _, text = shared.get("/metrics", method="HEAD")
    assert (status, text) == (200, "")


def test_slow_and_broken_http_clients_do_no_harm(shared):
    host, _, port = shared.sections["monitor"]["http"].rpartition(":")
    clients = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for number, client in enumerate(clients):
            client.sendall((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"\0\xff\r\n\r\n",
                            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")[number % 5])
        assert _ready(shared) == (200, "ok")
        assert shared.client().publish("beside", b"x")
        assert shared.metrics()["zrb_draining"] == 0
        #  The silent ones are let go.
        clients[1].settimeout(30)
        assert clients[1].recv(1000) == b""
    finally:
        for client in clients:
            client.close()


def test_a_bridge_is_ready_while_redis_is_there(lab, server):
    bridge = lab.bridge(server)
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")
    server.kill()
    begun = time.monotonic()
    status, text = _ready(bridge)
    took_s = time.monotonic() - begun
    print(f"a scrape without Redis took {took_s * 1000:.1f} ms")
    assert took_s < SCRAPE_S
    assert status == 503 and text.startswith("Redis is away: ")
    found = bridge.metrics()
    assert found['zrb_redis_up{actor="lane"}'] == found['zrb_redis_up{actor="control"}'] == 0
    assert bridge.get("/healthz")[0] == 200
    assert json.loads(bridge.get("/status")[2])["trouble"] == text
    server.start()
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")


def test_a_bridge_is_not_ready_before_redis_is_there(lab, tmp_path):
    bridge = lab.bridge(redis_is_up=False, redis={"mode": "server", "url": f"unix://{tmp_path}/nobody.sock"})
    eventually(lambda: _ready(bridge)[0] == 503 and "No such file" in _ready(bridge)[1], "what is wrong")
    assert bridge.get("/healthz")[::2] == (200, "ok\n")


def test_a_redis_that_answers_nothing_is_told(lab, server):
    bridge = lab.bridge(server)
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")
    server.suspend()
    eventually(lambda: _ready(bridge)[1].startswith("Redis has not answered for "), "what is wrong")
    server.resume()
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")


def test_a_redis_that_takes_no_writes_is_told_until_it_does(lab, server, store):
    """Also when nobody tries any more."""
    bridge = lab.bridge(server)
    client = bridge.client()
    client.publish("orders", b"x")
    store.config_set("maxmemory", 1)
    assert client.ask(op="publish", channel="orders", payload=b"x")["ok"] is False
    eventually(lambda: _ready(bridge)[1].startswith("Redis takes no writes: "), "what is wrong")
    assert bridge.metrics()["zrb_redis_refuses_writes"] == 1
    store.config_set("maxmemory", 0)
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")
    assert client.publish("orders", b"x") == [2]


def test_a_bridge_that_stops_is_not_ready(lab, server):
    bridge = lab.bridge(server, bridge={"grace_ms": 60000})
    eventually(lambda: _ready(bridge) == (200, "ok"), "readiness")
    server.suspend()
    bridge.push().send_multipart([b"orders", b"x"])
    _wait_metrics(bridge, {'zrb_in_flight_messages': 1})
    bridge.process.signal(signal.SIGTERM)
    eventually(lambda: _ready(bridge) == (503, "the bridge is stopping"), "unreadiness")
    assert bridge.get("/healthz")[0] == 200
    assert bridge.metrics()["zrb_draining"] == 1
    server.resume()
    assert bridge.process.wait() == 0


def test_a_taken_address_is_told(lab, server, shared):
    taken = shared.sections["monitor"]["http"]
    with pytest.raises(AssertionError, match="monitor.http: cannot bind " + taken):
        lab.bridge(server, monitor={"http": taken})
    lab.bridges[-1].process.wait()


def test_without_an_address_there_is_no_http(lab, server):
    bridge = lab.bridge(server, monitor={"http": ""})
    assert "http=" not in bridge.process.wait_line("event=ready")
    bridge.process.signal(signal.SIGUSR1)
    bridge.process.wait_line("event=state_counters")


#  Signals and the log


def test_every_signal_is_documented(shared):
    text = (ROOT / "deploy" / "METRICS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (SIG[A-Z0-9, ]+) \|", text, re.M)
    usage = subprocess.run([shared.path, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    signals = set(re.findall(r"SIG[A-Z0-9]+", usage))
    assert signals == set(re.findall(r"SIG[A-Z0-9]+", " ".join(rows)))
    #  Those that it obeys are blocked, so that main's thread alone gets them.
    blocked = int(re.search(r"^SigBlk:\s*(\w+)", (pathlib.Path("/proc") / str(shared.process.pid) / "status").read_text(
        encoding="utf-8"), re.M).group(1), 16)
    assert signals == {number.name for number in signal.Signals if blocked >> (number - 1) & 1}


def test_sigusr1_writes_the_state_to_the_log(shared):
    shared.client().publish("seen", b"x")
    after = len(shared.process.lines)
    shared.process.signal(signal.SIGUSR1)
    assert "ready=1 draining=0" in shared.process.wait_line("event=state ", after)
    assert "up=1" in shared.process.wait_line("event=state_redis of=lane", after)
    assert re.search(r"\bstored_messages=\d", shared.process.wait_line("event=state_counters", after))


def test_sighup_reads_the_level_of_the_log_again(lab, server):
    bridge = lab.bridge(server, bridge={"log_level": "info"})
    path = bridge.directory / "bridge.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('log_level = "info"', 'log_level = "loud"'), encoding="utf-8")
    bridge.process.signal(signal.SIGHUP)
    assert "bridge.log_level" in bridge.process.wait_line("event=reload_refused")
    assert bridge.client().publish("orders", b"x") == [1]
    path.write_text(text.replace('log_level = "info"', 'log_level = "debug"'), encoding="utf-8")
    bridge.process.signal(signal.SIGHUP)
    bridge.process.wait_line("event=reloaded log_level=debug")
    assert " level=debug " not in bridge.process.log
    bridge.stop()
    assert " level=debug " in bridge.process.log


def test_the_log_can_be_json(lab, server):
    bridge = lab.bridge(server, bridge={"log_format": "json"}, redis_is_up=False)
    push = bridge.push()
    push.send_multipart([b"or\"d\\ers\xff", b"x"])
    bridge.process.wait_line('"event": "rejected"')
    bridge.stop()
    lines = [json.loads(line) for line in bridge.process.lines]
    for line in lines:
        assert list(line)[:4] == ["time", "level", "actor", "event"]
    ready, = [line for line in lines if line["event"] == "ready"]
    assert ready["pid"] == bridge.process.pid and ready["name"] == "zrbridge"
    rejected, = [line for line in lines if line["event"] == "rejected"]
    assert rejected["count"] == 1 and rejected["reason"].startswith("channel: ")
