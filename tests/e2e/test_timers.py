"""Timers: what is due in a channel is done by the keeper of any bridge, whatever was announced."""

from harness import log, scripts
from harness.wait import eventually

SOON_MS = 50


def _now_ms(store):
    seconds, micros = store.time()
    return seconds * 1000 + micros // 1000


def _lay_expiring(store, channel, deadlines, announce=True):
    """Messages from id 1 on with these deadlines, as append.lua leaves them."""
    log.lay(store, channel, [1] * len(deadlines))
    pipe = store.pipeline()
    for id_, deadline_ms in enumerate(deadlines, 1):
        pipe.zadd(log.key(channel, "ttl"), {f"{id_} {deadline_ms}": id_})
        pipe.zadd(log.key(channel, "expiring"), {str(id_): deadline_ms})
    pipe.zadd(log.key(channel, "timers"), {"ttl": min(deadlines)})
    if announce:
        pipe.publish("zrb:timers", f"{min(deadlines)} {channel}")
    pipe.execute()


def _wait_done(store, channel):
    eventually(lambda: not store.exists(log.key(channel, "timers")), f"what is due in {channel}")


def test_what_is_announced_is_done_when_it_is_due(bridge, store):
    now_ms = _now_ms(store)
    _lay_expiring(store, "orders", [now_ms + SOON_MS, now_ms + 10 * SOON_MS, now_ms + SOON_MS])
    _wait_done(store, "orders")
    assert _now_ms(store) >= now_ms + 10 * SOON_MS
    assert log.count(store, "orders") == 0
    assert store.zrange(log.key("orders", "gaps"), 0, -1) == [b"1 3 expired"]


def test_what_was_due_while_no_bridge_ran_is_done_by_the_next(lab, server, store):
    _lay_expiring(store, "orders", [1] * 1000)
    lab.bridge(server)
    _wait_done(store, "orders")
    assert log.count(store, "orders") == 0


def test_what_was_never_announced_is_found(bridge, store):
    for number in range(3):
        _lay_expiring(store, f"quiet.{number}", [_now_ms(store) + SOON_MS], announce=False)
    for number in range(3):
        _wait_done(store, f"quiet.{number}")


def test_a_lost_connection_loses_no_timer(bridge, store):
    channels = [f"orders.{number}" for number in range(20)]
    for channel in channels:
        _lay_expiring(store, channel, [_now_ms(store) + 4 * SOON_MS])
    for connection in store.client_list():
        if connection["id"] != store.client_id():
            store.client_kill_filter(_id=connection["id"])
    for channel in channels:
        _wait_done(store, channel)


def test_what_is_no_announcement_is_passed_over(bridge, store):
    for text in ("", "x", "12", "12 ", "-5 orders", "12 bad name", "99999999999999999999 orders", b"\xff" * 400):
        store.publish("zrb:timers", text)
    _lay_expiring(store, "orders", [_now_ms(store)])
    _wait_done(store, "orders")


def test_a_script_that_fails_holds_up_no_other_channel(bridge, store):
    now_ms = _now_ms(store)
    store.set(log.key("bad", "gaps"), "not what it should be")
    _lay_expiring(store, "bad", [now_ms])
    _lay_expiring(store, "good", [now_ms])
    _wait_done(store, "good")
    bridge.process.wait_line("event=timer_refused channel=bad")
    steps = store.info("commandstats")["cmdstat_evalsha"]["calls"]
    _lay_expiring(store, "good", [_now_ms(store) + 10 * SOON_MS])
    _wait_done(store, "good")
    assert store.info("commandstats")["cmdstat_evalsha"]["calls"] < steps + 100, "it is tried once a second"
    store.delete(log.key("bad", "gaps"))
    _wait_done(store, "bad")


def test_a_timer_of_a_later_version_is_left_alone(bridge, store):
    store.zadd(log.key("orders", "timers"), {"nonsense": 1})
    _lay_expiring(store, "orders", [_now_ms(store) + SOON_MS])
    eventually(lambda: log.count(store, "orders") == 0, "the messages' end")
    assert store.zrange(log.key("orders", "timers"), 0, -1) == [b"nonsense"]


def test_a_timer_is_announced_when_it_is_the_first(store):
    script = scripts.text("expire").partition("-- expire:")[0]
    listener = store.pubsub()
    listener.subscribe("zrb:timers")

    def timer(what):
        store.eval(f"{script}\n{what}", 1, log.key("orders", "meta"))

    for what in ("timer_at('ttl', 2^53)", "timer_at('delayed', 900)", "timer_at('group g', 1000)",
                 "timer_at('group g', 950)", "timer_at('delayed', 950)", "timer_at('group g', 800)",
                 "timer_set('group g', 700)", "timer_set('delayed')", "timer_at('delayed', 600)"):
        timer(what)
    store.publish("zrb:timers", "end")
    heard = []
    while "end" not in heard:
        message = listener.get_message(ignore_subscribe_messages=True, timeout=5)
        if message:
            heard.append(message["data"].decode())
    assert heard == ["9007199254740992 orders", "900 orders", "800 orders", "600 orders", "end"]
    assert store.zrange(log.key("orders", "timers"), 0, -1, withscores=True) == \
        [(b"delayed", 600), (b"group g", 700), (b"ttl", 2 ** 53)]
