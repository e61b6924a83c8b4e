"""min_replicas: a publish tells how many replicas have it, and is ok also when too few do."""

import pathlib
import socket

import pytest

from harness.wait import eventually


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Replicated:
    """A redis-server and its replicas, which are up to date."""

    def __init__(self, lab, count):
        port = _free_port()
        self.master = lab.redis(port=port, options=["--repl-diskless-sync-delay", "0", "--repl-timeout", "3600"])
        self.replicas = [lab.redis(options=["--replicaof", "127.0.0.1", str(port)]) for _ in range(count)]
        for replica in self.replicas:
            eventually(lambda: self._is_linked(replica), "a replica to be linked")
        eventually(lambda: self.master.client().info("replication")["connected_slaves"] == count, "all to be linked")

    @staticmethod
    def _is_linked(replica):
        return replica.client().info("replication")["master_link_status"] == "up"


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
