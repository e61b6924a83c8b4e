"""The AOF ends within a transaction.

Many versions of Redis load without it, and write on behind its beginning, which runs at the next start after all
(KEYSPACE.md 12).
"""

import itertools
import os

import pytest
from harness import log, scripts
from harness.wait import eventually


def _redis(lab):
    return lab.redis(fsync="always", options=["--aof-load-truncated", "yes"])


def _commands(data):
    """[(where it begins, its words)] of an AOF."""
    found, at = [], 0
    while at < len(data):
        begin, words = at, []
        end = data.index(b"\r\n", at)
        count, at = int(data[at + 1:end]), end + 2
        for _ in range(count):
            end = data.index(b"\r\n", at)
            size = int(data[at + 1:end])
            words.append(data[end + 2:end + 2 + size])
            at = end + 4 + size
        found.append((begin, words))
    return found


def _last_transaction(data, key):
    """Where the commands begin of the last transaction with this key: of MULTI, of those within, of EXEC."""
    begins, last, holds = [], None, False
    for begin, words in _commands(data):
        if words == [b"MULTI"]:
            begins, holds = [], False
        begins.append(begin)
        holds = holds or key.encode() in words
        if words == [b"EXEC"] and holds:
            last = begins
    return last


def _tear(server, client, channel, kept=None):
    """Kills Redis, has its AOF end in the last append to the channel, and starts it again. So many of its commands are
    kept, None: all but EXEC. Returns whether the transaction has more than those."""
    server.kill()
    begins = _last_transaction(server.aof.read_bytes(), log.key(channel, "log"))
    kept = len(begins) - 2 if kept is None else kept
    os.truncate(server.aof, begins[kept + 1] + 5)
    server.start()
    _wait_greeted(server, client)
    return kept + 2 < len(begins)


def _wait_greeted(server, client):
    """Until this run of Redis has been greeted, and serves that client."""
    store = server.client()
    run = store.info("server")["run_id"].encode()
    eventually(lambda: store.hget("zrb:store", "run") == run, "the greeting")
    eventually(lambda: client.ask(op="ping")["ok"], "Redis")


def _restart(server, client):
    server.restart()
    _wait_greeted(server, client)


def _publish(client, channel, *payloads):
    """Each with its payload as msg_id, and the last one with a ttl. Returns the ids."""
    messages = [[channel, payload, {"msg_id": payload.decode()}] for payload in payloads]
    messages[-1][2]["ttl_ms"] = 3600000
    return client.ok(op="publish", messages=messages)["ids"]


def _told(client, channel):
    """{id: payload} of all that replay tells; the other ids are told as jumped."""
    messages, gaps = client.replay_whole(channel)
    assert all(why == "jumped" for *_, why in gaps), gaps
    told = {id_: payload for id_, _, _, payload in messages}
    assert client.ok(op="status", channel=channel)["channels"][channel]["count"] == len(told)
    return told


def test_messages_that_a_torn_transaction_brings_back_are_not_seen(lab):
    server = _redis(lab)
    client, store = lab.bridge(server).client(), server.client()
    _publish(client, "torn", b"a")
    _publish(client, "torn", b"b")
    _tear(server, client, "torn", kept=1)
    _restart(server, client)
    assert log.count(store, "torn") in (1, 2), "a Redis that mends this brings nothing back"
    assert _told(client, "torn") == {1: b"a"}
    first, = _publish(client, "torn", b"c")
    for _ in range(2):
        assert _told(client, "torn") == {1: b"a", first: b"c"}
        assert store.eval(scripts.text("retain"), 1, log.key("torn", "meta"), 2, 0)[0] == 0, "two are there"
        _restart(server, client)


@pytest.mark.fault(3, rounds=8)
def test_a_msg_id_that_a_torn_transaction_brings_back_is_not_known(lab):
    """Whoever sends it again is told that it is stored, and it must be."""
    server = _redis(lab)
    client = lab.bridge(server).client()
    for number, jumps_first in enumerate((False, True)):
        for kept in itertools.count(1):
            channel = f"torn.{number}.{kept}"
            _publish(client, channel, b"a")
            _publish(client, channel, b"b", b"c")
            #  With all of it there, the messages are there again.
            if not _tear(server, client, channel, kept):
                break
            if jumps_first:
                _publish(client, channel, b"d")
            _restart(server, client)
            ids = _publish(client, channel, b"b", b"c")
            told = _told(client, channel)
            assert [told.get(id_) for id_ in ids] == [b"b", b"c"], kept
        assert kept > 3


@pytest.mark.fault(3, rounds=8)
@pytest.mark.parametrize("first_jumps", [False, True])
def test_a_torn_jump_takes_nothing_that_a_torn_append_had_brought_back(lab, first_jumps):
    """Two cuts: once the append is there again, messages can be read that the torn jump was to remove."""
    server = _redis(lab)
    client, store = lab.bridge(server).client(), server.client()
    for kept in itertools.count(1):
        channel = f"torn.{kept}"
        _publish(client, channel, b"a")
        if first_jumps:
            _restart(server, client)
        ids = _publish(client, channel, b"b", b"c", b"d")
        _tear(server, client, channel)
        _publish(client, channel, b"e", b"f")
        is_torn = _tear(server, client, channel, kept)
        before = _told(client, channel)
        last, = _publish(client, channel, b"g")
        _restart(server, client)
        after = _told(client, channel)
        assert after == {**before, last: b"g"}, kept
        if ids[0] in before:
            assert _publish(client, channel, b"b", b"c", b"d") == ids, kept
            assert store.zcount(log.key(channel, "ttl"), ids[-1], ids[-1]) == 1
        again = _publish(client, channel, b"e", b"f")
        assert [_told(client, channel)[id_] for id_ in again] == [b"e", b"f"], kept
        if not is_torn:
            break
    assert kept > 5


def test_what_was_freed_in_a_torn_transaction_is_not_freed_twice(lab):
    server = _redis(lab)
    client, store = lab.bridge(server).client(), server.client()
    for first in (1, 11, 21):
        client.publish("torn", *[b"%d" % number for number in range(first, first + 10)])
    client.ok(op="flush", channel="torn", before=11)
    eventually(lambda: log.count(store, "torn") == 20, "the members to be freed")
    server.kill()
    data = server.aof.read_bytes()
    begin = data.rindex(b"ZREMRANGEBY")
    os.truncate(server.aof, data.index(b"*", begin) + 5)
    server.start()
    _wait_greeted(server, client)
    eventually(lambda: log.count(store, "torn") == 20, "the members to be freed once more")
    _restart(server, client)
    assert [message[0] for message in client.replay_all("torn")] == list(range(11, 31))
    log.expect_sound(store, "torn", first=11)
