"""Redis refuses, stalls, forgets, or is cut off in the middle of an append: each message is stored once, in order,
under the id that was told."""

import os
import random
import threading

import pytest
import redis
import zmq

from harness import log, scripts
from harness.bridge import PACK
from harness.load import Load
from harness.proxy import Proxy
from harness.wait import eventually
from harness.wire import decode, encode, id_of, pack


@pytest.fixture
def proxy(tmp_path, server):
    proxy = Proxy(tmp_path / "proxy.sock", server)
    yield proxy
    proxy.close()


@pytest.fixture
def cut_off(lab, proxy):
    """A bridge that reaches Redis through the proxy, which outlives it."""
    bridge = lab.bridge(proxy)
    yield bridge
    bridge.end()


def _up(client):
    return client.ask(op="ping")["ok"]


def _counter(client, name):
    return client.ok(op="info")["counters"][name]


#  Connections that are cut

def _any_cut(choice):
    """A moment at random: in the middle of a command, or behind one, before, within or after its reply."""
    if choice.random() < 0.3:
        return {"forward": choice.randrange(20000)}
    return {"back": choice.choice([0, 0, 1, choice.randrange(40), choice.randrange(2000)])}


@pytest.mark.fault(5, rounds=50)
def test_each_message_is_stored_once_however_the_connection_is_cut(proxy, cut_off, store):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    choice = random.Random(seed)
    load = Load(cut_off)
    for _ in range(50):
        proxy.cut(**_any_cut(choice)).wait()
    load.wait_more()
    load.stop()
    load.expect_each_once(store)
    client = cut_off.client()
    assert _counter(client, "redis_connects") > 50
    assert [message[0] for message in client.replay_all("orders")] == \
        [id_ for id_, _ in log.members(store, "orders")]


def test_a_publish_whose_reply_was_lost_is_told_its_id(proxy, cut_off, store):
    client = cut_off.client()
    assert client.publish("orders", b"first") == [1]
    cut = proxy.cut(back=0)
    seq = client.send(op="publish", messages=[["orders", b"a"], ["orders", b"b"], ["others", b"c"]])
    cut.wait()
    assert client.reply(seq)["ids"] == [2, 3, 1]
    assert log.payloads(store, "orders") == [b"first", b"a", b"b"]


@pytest.mark.fault(5)
def test_what_an_old_connection_delivers_late_is_neither_doubled_nor_denied(proxy, cut_off, store):
    """The append lies in a dead connection's buffers, Redis refuses it on the new one, then takes the old one's."""
    client, sub = cut_off.client(), cut_off.subscriber(b"orders")
    assert client.publish("orders", b"first") == [1]
    store.config_set("maxmemory", 1)
    cut = proxy.cut(forward=10, held=True)
    seq = client.send(op="publish", channel="orders", payload=b"late")
    cut.wait()
    reply = client.reply(seq)
    assert reply["code"] == "unknown_outcome", "it may yet be stored"
    store.config_set("maxmemory", 0)
    proxy.deliver()
    assert client.ask(op="publish", channel="orders", payload=b"next")["ids"][0] in (2, 3)
    payloads = log.payloads(store, "orders")
    assert sorted(payloads) == [b"first", b"late", b"next"]
    assert sub.payloads(3) == payloads
    log.expect_sound(store, "orders")


@pytest.mark.fault(5, rounds=3)
def test_a_stalled_connection_goes_on_where_it_was(proxy, cut_off, store):
    load = Load(cut_off)
    client = cut_off.client()
    for _ in range(3):
        load.wait_more(200)
        proxy.stall()
        eventually(lambda: _counter(client, "in_flight_messages") > 0, "messages in flight")
        proxy.go_on()
    load.wait_more()
    load.stop()
    load.expect_each_once(store)
    assert _counter(client, "redis_connects") == 1


def test_a_connection_that_serves_nothing_is_not_made_again_and_again(bridge, client, store):
    """A read-only Redis greets and then refuses: the pauses grow as for one that does not answer."""
    client.publish("orders", b"a")
    store.replicaof("127.0.0.1", 1)
    bridge.push().send_multipart([b"orders", b"waits"])
    eventually(lambda: _counter(client, "redis_connects") >= 6, "attempts")
    mark = len(bridge.process.lines)
    for _ in range(2):
        mark = bridge.process.lines.index(bridge.process.wait_line("actor=lane event=redis_down", mark), mark) + 1
    store.replicaof("NO", "ONE")
    eventually(lambda: log.count(store, "orders") == 2, "the message that waited")
    times = [_log_ms(line) for line in bridge.process.lines if "actor=lane event=redis_down" in line]
    pauses = [later - sooner for sooner, later in zip(times, times[1:])]
    assert pauses[-1] >= 300, pauses


def _log_ms(line):
    clock = line.split()[0].rstrip("Z").split("T")[1]
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60000 + float(seconds) * 1000


#  Refusals

def _while(load, breaking, mending):
    """Breaks under load, until publishes were refused; mends, until they are confirmed again."""
    publisher = load.publishers[0]
    load.wait_more(300)
    refused = len(publisher.refused)
    breaking()
    load.wait(lambda: len(publisher.refused) > refused, "a refused publish")
    mending()
    confirmed = len(publisher.ok)
    load.wait_more(300)
    load.wait(lambda: len(publisher.ok) > confirmed, "a confirmed publish")


REFUSALS = {
    "OOM": (lambda store: store.config_set("maxmemory", 1), lambda store: store.config_set("maxmemory", 0)),
    "NOREPLICAS": (lambda store: store.config_set("min-replicas-to-write", 1),
                   lambda store: store.config_set("min-replicas-to-write", 0)),
    "READONLY": (lambda store: store.replicaof("127.0.0.1", 1), lambda store: store.replicaof("NO", "ONE")),
}


@pytest.mark.fault(6, rounds=2)
@pytest.mark.parametrize("what", REFUSALS)
def test_what_redis_refuses_waits_and_publishes_are_told(bridge, client, store, what):
    load = Load(bridge)
    breaking, mending = REFUSALS[what]
    for _ in range(2):
        _while(load, lambda: breaking(store), lambda: mending(store))
    load.stop()
    load.expect_each_once(store)


@pytest.mark.fault(6, rounds=2)
def test_a_write_error_of_redis_waits_and_publishes_are_told(lab):
    """MISCONF: a background save fails, and Redis refuses writes until one succeeds."""
    server = lab.redis(options=["--save", "3600", "1", "--enable-protected-configs", "yes"])
    store, bridge = server.client(), lab.bridge(server)
    load = Load(bridge)

    def save(status):
        store.config_set("dbfilename", "dump.rdb" if status == "ok" else "taken")
        store.bgsave()
        eventually(lambda: store.info("persistence")["rdb_last_bgsave_status"] == status and
                   not store.info("persistence")["rdb_bgsave_in_progress"], f"a save that ends {status}")

    (server.directory / "taken").mkdir()
    _while(load, lambda: save("err"), lambda: save("ok"))
    load.stop()
    load.expect_each_once(store)


@pytest.mark.fault(6, rounds=2)
def test_a_full_disk_is_waited_for_and_publishes_are_told(disk, lab):
    """MISCONF: Redis can't append to its AOF."""
    if disk.trouble:
        pytest.skip(f"not checked: {disk.trouble}")
    server = lab.redis(disk.path, fsync="everysec")
    load = Load(lab.bridge(server))
    for _ in range(2):
        _while(load, disk.fill, disk.free)
    load.stop()
    assert "MISCONF" in lab.bridges[0].process.log
    load.expect_each_once(server.client())


@pytest.mark.fault(7, rounds=30)
def test_scripts_that_vanish_under_load_are_not_noticed(bridge, store):
    load = Load(bridge)
    for _ in range(30):
        store.script_flush()
        load.wait_more(50)
    load.stop()
    load.expect_each_once(store)
    assert not any(publisher.refused or publisher.unknown for publisher in load.publishers)


def _run_endless_script(server):
    with pytest.raises(redis.ResponseError):
        server.client().eval("while true do end", 0)


@pytest.mark.fault(6, rounds=2)
def test_a_busy_redis_is_waited_for_under_load(bridge, client, store, server):
    load = Load(bridge)
    store.config_set("lua-time-limit", 20)

    def block():
        thread = threading.Thread(target=_run_endless_script, args=(server,))
        thread.start()
        threads.append(thread)

    threads = []
    for _ in range(2):
        _while(load, block, store.script_kill)
        threads[-1].join()
    load.stop()
    load.expect_each_once(store)


def test_a_channel_that_cannot_be_stored_does_not_slow_its_neighbours(bridge, client, store):
    store.set(log.key("broken", "meta"), "not a hash")
    store.set(log.key("wrong", "log"), "not a sorted set")
    push = bridge.push()
    for number in range(500):
        push.send_multipart([b"broken", b"p %d" % number])
        push.send_multipart([b"wrong", b"p %d" % number])
    load = Load(bridge)
    load.wait_more(3000)
    for name in ("broken", "wrong"):
        reply = client.ask(op="publish", channel=name, payload=b"refused")
        assert reply["code"] == "unavailable" and "WRONGTYPE" in reply["message"], reply
    load.stop()
    load.expect_each_once(store)
    assert not any(publisher.refused for publisher in load.publishers)
    eventually(lambda: log.count(store, "$rejected") == 1000, "the messages to be rejected")
    rejected = client.replay_all("$rejected")
    for name in ("broken", "wrong"):
        assert [payload for _, _, headers, payload in rejected if headers["channel"] == name] == \
            [b"p %d" % number for number in range(500)]
    assert {headers["reason"] for _, _, headers, _ in rejected} == {"channel: its keys in Redis hold something else"}
    assert client.ok(op="info")["counters"]["rejected_messages"] == 1000
    store.delete(log.key("broken", "meta"), log.key("wrong", "log"))
    for name in ("broken", "wrong"):
        push.send_multipart([name.encode(), b"good"])
        eventually(lambda name=name: log.payloads(store, name) == [b"good"], "what can be stored again")


def test_what_cannot_be_stored_does_not_fill_the_bridge(lab, server):
    store = server.client()
    store.set(log.key("wrong", "log"), "not a sorted set")
    bridge = lab.bridge(server, ingest={"max_in_flight": 100})
    push = bridge.push()
    for number in range(500):
        push.send_multipart([b"wrong", b"%d" % number])
    push.send_multipart([b"good", b"x"])
    eventually(lambda: log.payloads(store, "good") == [b"x"], "the one behind them")
    eventually(lambda: log.count(store, "$rejected") == 500, "the others to be rejected")
    counters = bridge.client().ok(op="info")["counters"]
    assert counters["in_flight_messages"] == 0 and counters["in_flight_bytes"] == 0


def test_a_rejected_channel_that_cannot_be_stored_loses_its_messages_only(lab, server):
    store = server.client()
    store.set(log.key("$rejected", "log"), "not a sorted set")
    bridge = lab.bridge(server, ingest={"max_in_flight": 100})
    push = bridge.push()
    for number in range(500):
        push.send_multipart([b"$mine", b"%d" % number])
    push.send_multipart([b"good", b"x"])
    eventually(lambda: log.payloads(store, "good") == [b"x"], "the one behind them")
    eventually(lambda: bridge.client().ok(op="info")["counters"]["in_flight_messages"] == 0, "nothing to wait")


def test_a_refused_append_leaves_no_trace(store):
    """A log of another type, in an epoch that is new to the channel: neither gap nor epoch is written."""
    store.hset(log.key("orders", "meta"), mapping={"head": 7, "epoch": "old"})
    store.set(log.key("orders", "log"), "not a sorted set")
    before = store.hgetall(log.key("orders", "meta"))
    script = scripts.text("append")
    keys = [log.key("orders", what) for what in ("log", "meta", "gaps")]
    member = encode(8, 0, None, b"x")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        store.eval(script, 3, *keys, "session", 1, "new", 7, 8, 0, 1, len(member), 0, "announce", "orders", 8, member)
    assert store.hgetall(log.key("orders", "meta")) == before
    assert not store.exists(keys[2])


#  A Redis that is away, or comes back other than it was

def test_a_stopped_redis_costs_nothing_but_time(lab):
    """With full queues and many publishes waiting, each is answered in time, and nothing comes twice."""
    server = lab.redis()
    #  Freed memory that the address sanitizer keeps is not the daemon's.
    bridge = lab.bridge(server, env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    client, other, push = bridge.client(), bridge.client(), bridge.push()
    sub = bridge.subscriber(b"orders")
    client.publish("orders", b"first")
    server.suspend()
    seqs = []
    for number in range(30000):
        push.send_multipart([b"orders", b"p %d" % number])
        if number % 10 == 0:
            seqs.append(client.send(op="publish", channel="orders", payload=b"a %d" % number))
    before = _rss(bridge)
    replies = [client.reply(seq, 8) for seq in seqs]
    assert not any(reply["ok"] for reply in replies)
    assert other.ask(op="info")["ok"]
    assert _rss(bridge) < before + 50e6
    server.resume()
    received = []
    while not received or decode(received[-1])[3] != b"p 29999":
        received.append(sub.next()[1])
    payloads = [decode(envelope)[3] for envelope in received]
    assert len(payloads) == len(set(payloads))
    assert [payload for payload in payloads if payload[:1] == b"p"] == [b"p %d" % number for number in range(30000)]
    denied = {b"a %d" % (10 * i) for i, reply in enumerate(replies) if reply["code"] != "unknown_outcome"}
    #  In doubt is what was at Redis: 512 messages, or where they share members 16 batches of 1,024.
    assert len(denied) > (2000 if PACK == 1 else 1000) and not denied & set(payloads)
    assert [member for _, member in log.expect_sound(server.client(), "orders")] == received


def _rss(bridge):
    with open(f"/proc/{bridge.process.pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.fault(6)
def test_a_loading_redis_is_waited_for(lab):
    server = lab.redis(fsync="always")
    store, bridge = server.client(), lab.bridge(server)
    load = Load(bridge)
    load.wait_more(100)
    with store.pipeline(transaction=False) as pipeline:
        for number in range(2000):
            pipeline.set(f"ballast-{number}", "x")
        pipeline.execute()
    store.bgrewriteaof()
    eventually(lambda: not store.info("persistence")["aof_rewrite_in_progress"], "the rewriting")
    server.options += ["--key-load-delay", "500"]  #  microseconds a key: a second
    client = bridge.client()
    restart = threading.Thread(target=server.restart)
    restart.start()
    eventually(lambda: "LOADING" in client.ok(op="info")["redis"]["trouble"], "a Redis that loads")
    restart.join()
    load.wait_more(100)
    load.stop()
    #  The store was not ended cleanly: ids jump, and nothing is missing.
    load.expect_each_once(store, holes=True)


@pytest.mark.fault(7, rounds=3)
def test_after_flushall_no_id_comes_again_and_the_hole_is_told(bridge, client, store):
    load = Load(bridge)
    stores = [store.hget("zrb:store", "id")]
    for _ in range(3):
        load.wait_more(500)
        last = id_of(load.pusher.received[-1])
        store.flushall()
        stores.append(eventually(lambda: store.hget("zrb:store", "id"), "a new store"))
    load.wait_more(500)
    load.stop()
    assert len(set(stores)) == 4, "what was emptied is another store"
    received = [id_of(envelope) for envelope in load.pusher.received]
    assert received == sorted(set(received))
    assert received[-1] > 2**50
    first = log.members(store, "orders")[0][0]
    assert first > last
    reply = client.ok(op="replay", channel="orders", after=last)
    assert [gap for gap in reply["gaps"] if gap[1] <= last + 1] == [["orders", last + 1, first - 1, "jumped"]]
    assert reply["messages"][0][1][0] == first
    assert "orders" in client.ok(op="status", pattern="*")["channels"]
    assert [message[0] for message in client.replay_all("orders")] == [id_ for id_, _ in log.members(store, "orders")]
    assert received[-1] in dict(log.members(store, "orders"))


def test_a_reload_of_redis_is_not_noticed(lab):
    server = lab.redis(fsync="always", options=["--enable-debug-command", "yes"])
    store, bridge = server.client(), lab.bridge(server)
    load = Load(bridge)
    for _ in range(5):
        load.wait_more(200)
        store.execute_command("DEBUG", "RELOAD")
    load.stop()
    load.expect_each_once(store)


def test_durability_is_never_told_better_than_it_is(lab):
    for fsync, told in ((None, "memory"), ("no", "memory"), ("everysec", "everysec"), ("always", "fsync")):
        #  Redis tells its settings in an order of its own, another in each process.
        for _ in range(3 if fsync == "no" else 1):
            options = ["--no-appendfsync-on-rewrite", "no"]
            client = lab.bridge(lab.redis(fsync=fsync, options=options)).client()
            assert client.ok(op="publish", channel="orders", payload=b"x")["durability"] == told


#  Reading

def test_what_lies_below_the_floor_is_hidden_within_a_member_too(client, store):
    packed = b"".join(encode(id_, 1, None, b"%d" % id_) for id_ in range(1, 11))
    store.zadd(log.key("orders", "log"), {packed: 10})
    store.hset(log.key("orders", "meta"), mapping={"head": 10, "time": 1, "bytes": len(packed)})
    assert client.ok(op="flush", channel="orders", before=5)["flushed"] == 4
    reply = client.ok(op="replay", channel="orders", after=2)
    assert [envelope[0] for _, envelope in reply["messages"]] == [5, 6, 7, 8, 9, 10]
    assert reply["gaps"] == [["orders", 3, 4, "flushed"]]
    assert [message[0] for message in client.replay_all("orders", limit=3)] == [5, 6, 7, 8, 9, 10]


def test_many_replays_at_once_do_not_gather_in_redis(client, store):
    for _ in range(9):
        client.publish("big", *[bytes(100000)] * 9)
    before = store.info("memory")["used_memory"]
    seqs = [client.send(op="replay", channel="big") for _ in range(100)]
    replies = [client.reply(seq) for seq in seqs]
    assert {len(reply["messages"]) for reply in replies if reply["ok"]} == {81}
    assert {reply["code"] for reply in replies if not reply["ok"]} <= {"unavailable"}
    assert store.info("memory")["used_memory_peak"] < before + 250e6


def test_a_client_that_takes_no_reply_costs_a_bounded_memory(lab, server):
    bridge = lab.bridge(server, env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    client = bridge.client()
    before = _rss(bridge)
    deaf = bridge.socket(zmq.DEALER, "router", rcvhwm=1)
    for number in range(150000):
        deaf.send(pack({"op": "nothing", "seq": number}))
    eventually(lambda: _counter(client, "undelivered_replies") > 0, "replies that are not kept")
    assert _rss(bridge) < before + 250e6
