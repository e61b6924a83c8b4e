"""min_replicas: a publish tells how many replicas have it, and is ok also when too few do. Too few to begin with are
told in the log, or refused by a strict bridge."""

import pathlib
import socket

import pytest

from harness.bridge import PACK
from harness.wait import eventually

pytestmark = pytest.mark.skipif(PACK > 1, reason="packing does not concern replicas")


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Replicated:
    """A redis-server with AOF and its replicas, which are in step."""

    def __init__(self, lab, count):
        self._lab, self._port = lab, _free_port()
        self.master = lab.redis(fsync="everysec", port=self._port,
                                options=["--repl-diskless-sync-delay", "0", "--repl-timeout", "3600"])
        self.replicas = []
        for _ in range(count):
            self.replicate()
        self.wait_in_step(count)

    def replicate(self):
        self.replicas.append(self._lab.redis(options=["--replicaof", "127.0.0.1", str(self._port)]))

    def wait_in_step(self, count):
        def are_in_step():
            info = self.master.client().info("replication")
            return [info[f"slave{at}"]["state"] for at in range(info["connected_slaves"])] == ["online"] * count

        eventually(are_in_step, f"{count} replicas in step")


@pytest.fixture
def replicated(lab):
    return Replicated(lab, 2)


def _suspend(server):
    """Returns once it can't acknowledge anything any more."""
    server.suspend()
    stat = pathlib.Path(f"/proc/{server.process.pid}/stat")
    eventually(lambda: stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T", "it to stand still")


def _publish(client, payload=b"x", channel="orders"):
    return client.ok(op="publish", channel=channel, payload=payload)


def test_a_publish_tells_how_many_replicas_have_it(lab, replicated):
    client = lab.bridge(replicated.master, redis={"min_replicas": 2}).client()
    replies = [_publish(client)]
    #  A busy machine's replicas may need more time than one publish gives them.
    eventually(lambda: replies[-1]["replicas"] == 2 or replies.append(_publish(client)), "both to have it in time")
    for replica in replicated.replicas:
        assert replica.client().zcard("zrb:{orders}:log") == replies[-1]["ids"][0]


def test_it_is_ok_also_when_too_few_have_it(lab, replicated):
    client = lab.bridge(replicated.master, redis={"min_replicas": 2}).client()
    _suspend(replicated.replicas[1])
    replies = [_publish(client)]
    eventually(lambda: replies[-1]["replicas"] == 1 or replies.append(_publish(client)), "the other to have it in time")
    assert all(reply["replicas"] <= 1 for reply in replies)
    _suspend(replicated.replicas[0])
    assert _publish(client)["replicas"] == 0
    for replica in replicated.replicas:
        replica.resume()
    eventually(lambda: _publish(client)["replicas"] == 2, "the replicas to catch up")


def test_one_count_serves_many_publishes(lab, replicated):
    client = lab.bridge(replicated.master, redis={"min_replicas": 1}).client()
    before = replicated.master.client().info("commandstats").get("cmdstat_wait", {}).get("calls", 0)
    _suspend(replicated.replicas[0])
    _suspend(replicated.replicas[1])
    seqs = [client.send(op="publish", channel="orders", payload=b"%d" % number) for number in range(300)]
    replies = [client.reply(seq) for seq in seqs]
    assert [reply["ids"] for reply in replies] == [[id_] for id_ in range(1, 301)]
    assert {reply["replicas"] for reply in replies} == {0}
    assert replicated.master.client().info("commandstats")["cmdstat_wait"]["calls"] - before < 30


def test_who_asks_for_no_replicas_is_told_of_none(lab, replicated):
    assert "replicas" not in _publish(lab.bridge(replicated.master).client())


def test_a_redis_without_replicas_has_none(lab, server):
    client = lab.bridge(server, redis={"min_replicas": 1}).client()
    assert _publish(client)["replicas"] == 0


def test_a_publish_that_waits_for_replicas_is_answered_at_the_stop(lab, replicated):
    bridge = lab.bridge(replicated.master, redis={"min_replicas": 2})
    client = bridge.client()
    _suspend(replicated.replicas[0])
    seq = client.send(op="publish", channel="orders", payload=b"x")
    eventually(lambda: replicated.master.client().zcard("zrb:{orders}:log") == 1, "it to be stored")
    bridge.stop()
    reply = client.reply(seq)
    assert reply["ids"] == [1] and reply["replicas"] <= 1


def test_a_refusal_is_not_counted_as_stored(lab, replicated):
    client = lab.bridge(replicated.master, redis={"min_replicas": 1}).client()
    replicated.master.client().set("zrb:{broken}:log", "x")
    reply = client.ask(op="publish", channel="broken", payload=b"x")
    assert not reply["ok"] and "replicas" not in reply
    eventually(lambda: _publish(client)["replicas"] >= 1, "a replica to have it in time")


#  What the bridge finds when it comes

TOO_FEW = "fewer replicas are in step than min_replicas"


def _doubts(bridge):
    return [line for line in bridge.process.lines if "event=redis_doubtful" in line]


def test_enough_replicas_are_not_doubted(lab, replicated):
    client = lab.bridge(replicated.master, redis={"min_replicas": 2, "strict": True}).client()
    assert _publish(client)["ids"] == [1]
    assert _doubts(lab.bridges[0]) == []


def test_too_few_replicas_are_told_once_and_again_after_a_reconnect(lab, replicated):
    bridge = lab.bridge(replicated.master, redis={"min_replicas": 3})
    assert _publish(bridge.client())["ids"] == [1]
    assert len(_doubts(bridge)) == 1 and TOO_FEW in _doubts(bridge)[0]
    replicated.master.client().client_kill_filter(_type="normal", skipme=True)
    eventually(lambda: len(_doubts(bridge)) == 2, "the doubt to be told again")


def test_replicas_that_are_lost_are_told_at_the_next_connection(lab, replicated):
    bridge = lab.bridge(replicated.master, redis={"min_replicas": 2})
    assert _doubts(bridge) == []
    replicated.replicas[0].kill()
    replicated.wait_in_step(1)
    replicated.master.client().client_kill_filter(_type="normal", skipme=True)
    assert TOO_FEW in bridge.process.wait_line("event=redis_doubtful")


def test_a_strict_bridge_serves_once_there_are_enough_replicas(lab):
    replicated = Replicated(lab, 0)
    bridge = lab.bridge(replicated.master, redis_is_up=False, redis={"min_replicas": 1, "strict": True})
    client, request = bridge.client(), {"op": "publish", "channel": "orders", "payload": b"x"}
    eventually(lambda: f"strict: {TOO_FEW}" in client.ask(**request)["message"], "the refusal")
    assert client.ask(**request)["code"] == "unavailable"
    eventually(lambda: len(_doubts(bridge)) == 1, "the lane's word")
    replicated.replicate()
    eventually(lambda: client.ask(**request)["ok"], "the bridge's service")
