"""replies.json: examples of replies, for those who write a decoder.

A bridge may order a reply's keys otherwise, and encode its integers in any width; an envelope's
bytes are fixed. In `reply`, bin is {"hex": …}, an envelope its four items in an array, and an
integer beyond 2^53 a string of digits.
"""

import pack

TIME = 1700000000000
LEASE = 1700000000 * 2**20
BEYOND = 2**53


def _envelope(id_, payload, headers=None):
    """The encoded envelope, and how `reply` shows it."""
    data = pack.envelope(id_, TIME, None if headers is None else pack.value(headers), payload)
    return pack.Raw(data, f"envelope {id_}"), [id_, TIME, headers, {"hex": payload.hex()}]


def _both(item):
    """Splits a reply into what is encoded and what is shown."""
    if isinstance(item, tuple):
        return item
    if isinstance(item, bytes):
        return item, {"hex": item.hex()}
    if isinstance(item, int) and not isinstance(item, bool) and item > BEYOND:
        return item, str(item)
    if isinstance(item, list):
        pairs = [_both(inner) for inner in item]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if isinstance(item, dict):
        pairs = {key: _both(inner) for key, inner in item.items()}
        return {key: pair[0] for key, pair in pairs.items()}, {
            key: pair[1] for key, pair in pairs.items()}
    return item, item


def _reply(name, reply):
    encoded, shown = _both(reply)
    return {"name": name, "hex": pack.value(encoded).hex(), "reply": shown}


def _successes():
    yield _reply("publish of one", {"seq": 1, "ok": True, "ids": [17], "duplicates": [],
                                    "durability": "everysec"})
    yield _reply("publish of three", {"seq": 2, "ok": True, "ids": [18, 1, 19], "duplicates": [],
                                      "durability": "fsync"})
    yield _reply("publish to a Redis without AOF",
                 {"seq": None, "ok": True, "ids": [1], "duplicates": [], "durability": "memory"})
    yield _reply("replay", {
        "seq": "r-1", "ok": True, "head": 3, "floor": 1, "next": 3, "more": False, "messages": [
            ["orders", _envelope(1, b"hello")], ["orders", _envelope(2, b"")],
            ["orders", _envelope(3, b"\x00\xff", {"content_type": "image/x"})]],
        "gaps": []})
    yield _reply("replay that stopped at its limit", {
        "seq": b"\x01\x02", "ok": True, "head": 1000, "floor": 1, "next": 1, "more": True,
        "messages": [["orders", _envelope(1, b"hello")]], "gaps": []})
    yield _reply("replay across what was flushed", {
        "seq": 4, "ok": True, "head": 502, "floor": 501, "next": 502, "more": False, "messages": [
            ["orders", _envelope(501, b"a")], ["orders", _envelope(502, b"b")]],
        "gaps": [["orders", 1, 500, "flushed"]]})
    jump = 1700000000 * 2**20
    yield _reply("replay across a jump", {
        "seq": 5, "ok": True, "head": jump + 1, "floor": 1, "next": jump + 1, "more": False,
        "messages": [["orders", _envelope(2, b"last before")],
                     ["orders", _envelope(jump + 1, b"first behind")]],
        "gaps": [["orders", 3, jump, "jumped"]]})
    yield _reply("replay of a channel that does not exist", {
        "seq": 6, "ok": True, "head": 0, "floor": 1, "next": 0, "more": False, "messages": [],
        "gaps": []})
    yield _reply("replay of several channels", {
        "seq": 13, "ok": True, "messages": [
            ["orders", _envelope(18, b"a")], ["invoices", _envelope(1, b"b")]],
        "gaps": [["old", 1, 9, "flushed"]], "next": {"orders": 18, "old": 9, "invoices": 1},
        "head": {"orders": 18, "old": 9, "invoices": 4},
        "floor": {"orders": 1, "old": 10, "invoices": 1}, "more": True})
    yield _reply("replay by glob", {
        "seq": 14, "ok": True, "messages": [
            ["orders.a", _envelope(1, b"a")], ["orders.b", _envelope(1, b"b")]],
        "gaps": [], "cursor": b"any bytes", "more": False})
    yield _reply("flush", {"seq": 7, "ok": True, "flushed": 500, "channels": {"orders": 500},
                           "at_risk": {}})
    yield _reply("flush by glob", {"seq": 15, "ok": True, "flushed": 7,
                                   "channels": {"orders.a": 5, "orders.b": 2}, "at_risk": {}})
    yield _reply("peek", {"seq": 8, "ok": True, "messages": [["orders", _envelope(501, b"a")]]})
    channel = {"head": 502, "floor": 501, "count": 2, "bytes": 58, "last_ms": TIME, "delayed": 0,
               "paused": False, "groups": {}}
    yield _reply("status", {"seq": 9, "ok": True, "channels": {"orders": channel}})
    yield _reply("status with more to come",
                 {"seq": 10, "ok": True, "channels": {"orders": channel}, "cursor": "orders"})
    yield _reply("take", {
        "seq": 16, "ok": True, "messages": [
            ["urgent", _envelope(3, b"now"), 1782579201081345, 1],
            ["jobs", _envelope(17, b"again", {"content_type": "text/plain"}), 1782579201081399, 2],
            ["jobs", _envelope(18, b"new"), 1782579201081399, 1]],
        "deadline_ms": TIME + 30000})
    yield _reply("take of nothing", {"seq": 17, "ok": True, "messages": [], "deadline_ms": 0})
    yield _reply("ack", {"seq": 18, "ok": True, "done": [17, 18], "already": [16], "stale": []})
    yield _reply("ack of items with their channels", {
        "seq": 19, "ok": True, "done": [["urgent", 3], ["jobs", 17]], "already": [], "stale": [["jobs", 18]]})
    yield _reply("touch", {"seq": 20, "ok": True, "done": [17], "already": [], "stale": [],
                           "deadline_ms": TIME + 60000})
    yield _reply("release", {"seq": 21, "ok": True, "released": 2})
    group = {"cursor": 502, "waiting": 1, "leased": 2, "dead": 3, "consumers": 1, "oldest_ms": TIME,
             "paused": True}
    yield _reply("status with groups",
                 {"seq": 22, "ok": True, "channels": {"orders": {**channel, "groups": {"g": group}}}})
    yield _reply("ping", {"seq": 11, "ok": True, "now_ms": TIME})
    yield _reply("a seq beyond 2^53", {"seq": 2**64 - 1, "ok": True, "now_ms": TIME})


def _groups():
    yield _reply("flush by force", {"seq": 17, "ok": True, "flushed": 5, "channels": {"orders": 5},
                                    "at_risk": {"orders": {"g": 2, "h": 5}}})
    yield _reply("pending", {"seq": 18, "ok": True, "leases": [
        [17, LEASE, 1, "worker-1", 250, 29750], [18, LEASE + 1, 2, None, 31000, 0]]})
    yield _reply("dead", {"seq": 19, "ok": True, "messages": [
        ["orders", _envelope(17, b"a"), {"attempts": 10, "reason": "no such customer",
                                         "consumer": "worker-1", "dead_ms": TIME}],
        ["orders", _envelope(18, b"b"), {"attempts": 1, "reason": "bury", "consumer": None,
                                         "dead_ms": TIME}]]})
    yield _reply("redrive", {"seq": 20, "ok": True, "redriven": 2})
    numbers = {"waiting": 502, "leased": 0, "dead": 0}
    yield _reply("group_create", {"seq": 21, "ok": True, "group": numbers, "made": True})
    yield _reply("group_seek", {"seq": 22, "ok": True, "group": numbers})
    yield _reply("pause", {"seq": 23, "ok": True, "paused": True})
    yield _reply("resume", {"seq": 24, "ok": True, "paused": False})


def _errors():
    def error(name, code, message, **more):
        return _reply(name, {"seq": 12, "ok": False, "code": code, "message": message, **more})

    yield error("bad_request", "bad_request", 'request: unknown key "foo"')
    yield error("unknown_op", "unknown_op", 'op: "foo" is not known')
    yield error("bad_channel", "bad_channel", "channel: empty", index=1)
    yield error("too_large", "too_large", "payload: larger than max_message_bytes (1048576)",
                index=0)
    yield error("not_found", "not_found", "group: not found")
    yield error("unsafe", "unsafe", "flush: unfinished work would be lost",
                at_risk={"orders": {"g": 2}})
    yield error("busy", "busy", "too much waits for Redis", retry_ms=100)
    yield error("unavailable", "unavailable", "Redis is away", retry_ms=1000)
    yield error("unknown_outcome", "unknown_outcome", "the connection to Redis was lost",
                retry_ms=1000)


def vectors():
    return [*_successes(), *_groups(), *_errors()]
