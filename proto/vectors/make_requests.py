"""requests.json: requests, with their arguments after defaults, or with the error that they earn.

A vector holds for max_message_bytes = 1048576 unless it says another. In `args`, payloads and
headers of messages are hex, null is "not given", channels, patterns and the cursors of status are text.
The cursor of a replay is opaque to clients, and may be built otherwise in another version; `args` shows what is in it.
"""

import pack

TOP = 2**53
MESSAGES = ("messages: not an array of 1 to 1000 [channel, payload] "
            "or [channel, payload, headers]")
EITHER = "publish: needs either channel and payload or messages"
ONE_OF = "flush: needs exactly one of before, before_ms and all"
FLUSH_WHAT = "flush: needs exactly one of channel and pattern"
REPLAY_WHAT = "replay: needs exactly one of channel, channels and pattern"
WITH_CHANNEL = "replay: channel takes after and until, or since_ms"
WITH_CHANNELS = "replay: channels takes none of after, until, since_ms and cursor"
WITH_PATTERN = "replay: pattern takes cursor or since_ms"
NOT_CHANNELS = ("channels: not a map of 1 to 1000 names, each with an integer from 0 to "
                "9007199254740992")
NOT_CURSOR = "cursor: not one that replay gave"
NOT_MAP = "request: not a msgpack map"
NOT_MARKED = "has a control character, a space or one of *?[]{}\\"
RESERVED = "channel: names that begin with $ are the bridge's own"


def _readable(request):
    text = repr(request)
    return text if len(text) <= 300 else text[:300] + "…"


def _seq(request):
    return pack.value(request["seq"]).hex() if isinstance(request, dict) and "seq" in request else None


def _good(name, request, args, **more):
    return {"name": name, "frame": pack.value(request).hex(), "readable": _readable(request),
            "seq": _seq(request), "op": request["op"], "args": args, **more}


def _bad(name, request, code, message, index=None, **more):
    vector = {"name": name, "frame": pack.value(request).hex(), "readable": _readable(request),
              "seq": _seq(request), "code": code, "message": message, **more}
    if index is not None:
        vector["index"] = index
    return vector


def _message(channel, payload, headers=None):
    return {"channel": channel, "payload": payload.hex(),
            "headers": None if headers is None else pack.value(headers).hex()}


def _deep(depth):
    """A header map `depth` deep, itself counted."""
    return {"x": pack.Raw(pack.nested(depth - 1), f"{depth - 1} arrays around nil")}


def _publish():
    one = {"op": "publish", "channel": "orders", "payload": b"hello"}
    yield _good("publish", one, {"messages": [_message("orders", b"hello")]})
    yield _good("publish with seq", {**one, "seq": 7}, {"messages": [_message("orders", b"hello")]})
    yield _good("publish, op last", {"payload": b"hello", "channel": "orders", "op": "publish"},
                {"messages": [_message("orders", b"hello")]})
    yield _good("publish, payload a str", {**one, "payload": "hello"},
                {"messages": [_message("orders", b"hello")]})
    yield _good("publish, payload empty", {**one, "payload": b""},
                {"messages": [_message("orders", b"")]})
    yield _good("publish, channel a bin", {**one, "channel": b"orders"},
                {"messages": [_message("orders", b"hello")]})
    yield _good("publish with headers", {**one, "headers": {"content_type": "text/plain"}},
                {"messages": [_message("orders", b"hello", {"content_type": "text/plain"})]})
    for name, empty in [("nil", None), ("an empty map", {})]:
        yield _good(f"publish, headers {name}", {**one, "headers": empty},
                    {"messages": [_message("orders", b"hello")]})
    yield _good("publish, headers 16 deep", {**one, "headers": _deep(16)},
                {"messages": [_message("orders", b"hello", _deep(16))]})
    yield _good("publish, one in messages", {"op": "publish", "messages": [["orders", b"a"]]},
                {"messages": [_message("orders", b"a")]})
    yield _good("publish, several",
                {"op": "publish", "seq": "s-1", "messages": [
                    ["orders", b"a"], ["größe", "b", None], ["orders", b"", {"k": [1, 2]}],
                    [b"other", b"d", {}]]},
                {"messages": [_message("orders", b"a"), _message("größe", b"b"),
                              _message("orders", b"", {"k": [1, 2]}), _message("other", b"d")]})
    yield _good("publish, headers 16 deep in messages",
                {"op": "publish", "messages": [["orders", b"a", _deep(16)]]},
                {"messages": [_message("orders", b"a", _deep(16))]})
    yield _good("publish, 1000 messages",
                {"op": "publish", "messages": [["c", b""]] * 1000},
                {"messages": [_message("c", b"")] * 1000})
    yield _good("publish, a payload as large as it may be", {**one, "payload": bytes(1024)},
                {"messages": [_message("orders", bytes(1024))]}, max_message_bytes=1024)


def _publish_faults():
    one = {"op": "publish", "channel": "orders", "payload": b"hello", "seq": 3}
    for name, request in [
        ("nothing", {"op": "publish", "seq": 3}),
        ("channel without payload", {"op": "publish", "channel": "orders"}),
        ("payload without channel", {"op": "publish", "payload": b"x"}),
        ("headers alone", {"op": "publish", "headers": {}}),
        ("both forms", {**one, "messages": [["a", b"b"]]}),
        ("messages and headers", {"op": "publish", "messages": [["a", b"b"]], "headers": {}}),
        ("messages and channel", {"op": "publish", "messages": [["a", b"b"]], "channel": "a"}),
    ]:
        yield _bad(f"publish, {name}", request, "bad_request", EITHER)
    for name, value in [("nil", None), ("a map", {}), ("a str", "x"), ("empty", []),
                        ("1001 of them", [["c", b""]] * 1001)]:
        yield _bad(f"publish, messages {name}", {"op": "publish", "messages": value},
                   "bad_request", MESSAGES)
    for name, value in [("a str", "x"), ("nil", None), ("an empty array", []),
                        ("an array of one", ["c"]), ("an array of four", ["c", b"x", None, None])]:
        yield _bad(f"publish, the second message {name}",
                   {"op": "publish", "messages": [["c", b""], value]}, "bad_request", MESSAGES, 1)
    cases = [
        ("channel an int", [7, b"x"], "bad_request", "channel: not a string"),
        ("channel nil", [None, b"x"], "bad_request", "channel: not a string"),
        ("channel empty", ["", b"x"], "bad_channel", "channel: empty"),
        ("channel too long", ["n" * 201, b"x"], "bad_channel", "channel: longer than 200 bytes"),
        ("channel not UTF-8", [pack.Raw(b"\xa2a\xff", "str 61ff"), b"x"], "bad_channel",
         "channel: not UTF-8"),
        ("channel a glob", ["a*", b"x"], "bad_channel", f"channel: {NOT_MARKED}"),
        ("channel with a newline", ["a\n", b"x"], "bad_channel", f"channel: {NOT_MARKED}"),
        ("channel $rejected", ["$rejected", b"x"], "bad_channel", RESERVED),
        ("payload an int", ["c", 7], "bad_request", "payload: neither bin nor str"),
        ("payload nil", ["c", None], "bad_request", "payload: neither bin nor str"),
        ("payload a map", ["c", {}], "bad_request", "payload: neither bin nor str"),
        ("headers a str", ["c", b"x", "h"], "bad_request", "headers: not a msgpack map"),
        ("headers an array", ["c", b"x", []], "bad_request", "headers: not a msgpack map"),
        ("headers too large", ["c", b"x", {"x": bytes(16384)}], "too_large",
         "headers: larger than 16384 bytes"),
        ("headers too deep", ["c", b"x", _deep(17)], "bad_request",
         "headers: nested deeper than 16"),
        ("65 headers", ["c", b"x", {f"k{i}": i for i in range(65)}], "bad_request",
         "headers: more than 64 entries"),
        ("a header's key an int", ["c", b"x", {1: 2}], "bad_request",
         "headers: a key is not a string"),
        ("msg_id too long", ["c", b"x", {"msg_id": "i" * 129}], "bad_request",
         "headers.msg_id: not 1 to 128 bytes of str or bin"),
        ("delay_ms negative", ["c", b"x", {"delay_ms": -1}], "bad_request",
         "headers.delay_ms: not an integer from 0 to 9007199254740991"),
        ("ttl_ms 0", ["c", b"x", {"ttl_ms": 0}], "bad_request",
         "headers.ttl_ms: not an integer from 1 to 9007199254740991"),
        ("front 1", ["c", b"x", {"front": 1}], "bad_request", "headers.front: not a bool"),
        ("delay_ms and at_ms", ["c", b"x", {"delay_ms": 1, "at_ms": 1}], "bad_request",
         "headers: both delay_ms and at_ms"),
    ]
    for name, message, code, text in cases:
        single = dict(zip(("channel", "payload", "headers"), message))
        yield _bad(f"publish, {name}", {"op": "publish", "seq": 4, **single}, code, text, 0)
        yield _bad(f"publish, {name} in the third message",
                   {"op": "publish", "seq": 4, "messages": [["c", b"x"], ["d", b"y"], message]},
                   code, text, 2)
    yield _bad("publish, of two bad messages the first is told",
               {"op": "publish", "messages": [["c", b"x"], ["", b"x"], ["c", 7]]},
               "bad_channel", "channel: empty", 1)
    large = "payload: larger than max_message_bytes (1024)"
    yield _bad("publish, a payload a byte too large", {**one, "payload": bytes(1025)},
               "too_large", large, 0, max_message_bytes=1024)
    yield _bad("publish, a payload a byte too large in messages",
               {"op": "publish", "messages": [["c", bytes(1024)], ["c", bytes(1025)]]},
               "too_large", large, 1, max_message_bytes=1024)


def _replay_args(**given):
    return {"channel": None, "channels": None, "pattern": None, "after": 0, "until": None,
            "since_ms": None, "cursor": None, "limit": 1000, "max_bytes": None, "wait_ms": 0,
            **given}


def _flush_args(**given):
    return {"channel": None, "pattern": None, "before": None, "before_ms": None, "all": False,
            "dry_run": False, "force": False, **given}


def _peek_args(**given):
    return {"channel": "orders", "group": None, "end": "head", "max": 1, "wait_ms": 0, **given}


def _cursor(since_ms, channels):
    """A cursor, and what `args` shows of it."""
    return pack.value([since_ms, channels]), {"since_ms": since_ms, "channels": channels}


def _replays():
    op = {"op": "replay"}
    yield _good("replay since", {**op, "channel": "orders", "since_ms": 1700000000000},
                _replay_args(channel="orders", since_ms=1700000000000))
    yield _good("replay since, the greatest number", {**op, "channel": "orders", "since_ms": TOP},
                _replay_args(channel="orders", since_ms=TOP))
    yield _good("replay since 0", {**op, "channel": "orders", "since_ms": 0},
                _replay_args(channel="orders"))
    for name, channels in [
        ("one", {"orders": 0}),
        ("some, not sorted", {"orders": 17, "größe": TOP, "a": 0, "$rejected": 5, "orders2": 1}),
        ("1000", {f"c{i}": i for i in range(1000)}),
        ("a name of 200 bytes", {"n" * 200: 1}),
    ]:
        yield _good(f"replay of channels, {name}", {**op, "channels": channels},
                    _replay_args(channels=channels))
    yield _good("replay of channels, names as bin", {**op, "channels": {b"b": 2, b"a": 1}},
                _replay_args(channels={"b": 2, "a": 1}))
    yield _good("replay of channels with limits",
                {**op, "channels": {"a": 1}, "limit": 5, "max_bytes": 100},
                _replay_args(channels={"a": 1}, limit=5, max_bytes=100))
    yield _good("replay by glob", {**op, "pattern": "or[a-z]*"}, _replay_args(pattern="or[a-z]*"))
    yield _good("replay by glob since", {**op, "pattern": "*", "since_ms": 5, "limit": 10},
                _replay_args(pattern="*", since_ms=5, limit=10))
    for name, since_ms, channels in [
        ("one", 0, {"orders": 17}), ("none", 0, {}), ("since", 1700000000000, {"a": 1, "b": 2}),
        ("the greatest numbers", TOP, {"a": TOP}),
        ("1000", 0, {f"c{i:03}": i for i in range(1000)}),
        ("names in the order of their bytes", 0, {"Z": 2, "a": 3, "a.b": 4, "é": 5}),
    ]:
        cursor, shown = _cursor(since_ms, channels)
        yield _good(f"replay by glob with a cursor of {name}",
                    {**op, "pattern": "*", "cursor": cursor},
                    _replay_args(pattern="*", cursor=shown, since_ms=since_ms or None))
    cursor, shown = _cursor(0, {"$heads": 1, "$rejected": 2})
    yield _good("replay by glob of the bridge's own channels",
                {**op, "pattern": "$*", "cursor": cursor}, _replay_args(pattern="$*", cursor=shown))
    yield _good("flush of what is older", {"op": "flush", "channel": "orders", "before_ms": 1},
                _flush_args(channel="orders", before_ms=1))
    yield _good("flush by glob", {"op": "flush", "pattern": "or*", "all": True},
                _flush_args(pattern="or*", all=True))
    yield _good("flush, all given", {"op": "flush", "pattern": "*", "before_ms": TOP, "dry_run": True,
                                     "force": True, "all": False},
                _flush_args(pattern="*", before_ms=TOP, dry_run=True, force=True))


def _replay_faults():
    op = {"op": "replay", "seq": 6}
    cursor = pack.value([0, {"a": 1}])
    for name, given in [("no channel", {}), ("since_ms alone", {"since_ms": 1}),
                        ("channel and channels", {"channel": "a", "channels": {"a": 1}}),
                        ("channel and pattern", {"channel": "a", "pattern": "a"}),
                        ("channels and pattern", {"channels": {"a": 1}, "pattern": "a"}),
                        ("channels, pattern and cursor",
                         {"channels": {"a": 1, "b": 2}, "pattern": "a", "cursor": cursor}),
                        ("cursor alone", {"cursor": cursor})]:
        yield _bad(f"replay, {name}", {**op, **given}, "bad_request", REPLAY_WHAT)
    for name, given in [("since_ms and after", {"since_ms": 1, "after": 0}),
                        ("since_ms and until", {"since_ms": 1, "until": 5}),
                        ("cursor", {"cursor": cursor})]:
        yield _bad(f"replay, channel with {name}", {**op, "channel": "a", **given}, "bad_request",
                   WITH_CHANNEL)
    for key, value in [("after", 0), ("until", 5), ("since_ms", 1), ("cursor", cursor)]:
        yield _bad(f"replay, channels with {key}", {**op, "channels": {"a": 1}, key: value},
                   "bad_request", WITH_CHANNELS)
    for name, given in [("after", {"after": 0}), ("until", {"until": 5}),
                        ("since_ms and cursor", {"since_ms": 1, "cursor": cursor})]:
        yield _bad(f"replay, pattern with {name}", {**op, "pattern": "*", **given}, "bad_request",
                   WITH_PATTERN)
    for name, channels in [
        ("empty", {}), ("nil", None), ("an array", ["a", 1]), ("a str", "a"),
        ("1001 of them", {f"c{i}": i for i in range(1001)}), ("an id below 0", {"a": 1, "b": -1}),
        ("an id beyond 2^53", {"a": TOP + 1}), ("an id nil", {"a": None}), ("an id a float", {"a": 1.0}),
        ("a name an int", {1: 1}), ("a name nil", {None: 1}),
        ("a map that claims 1000 entries", pack.Raw(b"\xde\x00\x01\xa1a\x90", "an array as an id")),
    ]:
        yield _bad(f"replay, channels {name}", {**op, "channels": channels}, "bad_request",
                   NOT_CHANNELS)
    for name, channel, text in [("empty", "", "empty"), ("a glob", "a*", NOT_MARKED),
                                ("too long", "n" * 201, "longer than 200 bytes"),
                                ("not UTF-8", pack.Raw(b"\xa2a\xff", "str 61ff"), "not UTF-8")]:
        channels = pack.Raw(pack.mapping((pack.text("a"), pack.integer(1)),
                                         (pack.value(channel), pack.integer(2))), f"name {name}")
        yield _bad(f"replay, channels with a name {name}", {**op, "channels": channels},
                   "bad_channel", f"channels: {text}")
    twice = pack.mapping(*((pack.value(key), pack.integer(1)) for key in ("a", "b", b"a")))
    yield _bad("replay, channels with a name given twice",
               {**op, "channels": pack.Raw(twice, "a, b, a")}, "bad_request",
               "channels: a name given twice")


def _cursor_faults():
    good = pack.value([0, {"a": 1, "b": 2}])
    twice = pack.array(pack.integer(0), pack.mapping((pack.text("a"), pack.integer(1)),
                                                     (pack.text("a"), pack.integer(1))))
    for name, cursor in [
        ("an int", 7), ("nil", None), ("a str", "abc"), ("not in a bin", {"a": 1}), ("empty", b""),
        ("no msgpack", b"\xc1"), ("cut short", good[:-1]), ("a byte behind", good + b"\x00"),
        ("a map", pack.value({"a": 1})), ("an array of one", pack.value([0])),
        ("an array of three", pack.value([0, {}, 0])), ("a time nil", pack.value([None, {}])),
        ("a time beyond 2^53", pack.value([TOP + 1, {}])),
        ("an id beyond 2^53", pack.value([0, {"a": TOP + 1}])),
        ("an id below 0", pack.value([0, {"a": -1}])),
        ("a name that is none", pack.value([0, {"a*": 1}])),
        ("a name that doesn't match", pack.value([0, {"a": 1, "b": 2, "z.": 3}])),
        ("one of the bridge's own names", pack.value([0, {"$rejected": 1}])),
        ("names not in order", pack.value([0, {"b": 2, "a": 1}])), ("a name twice", twice),
        ("1001 names", pack.value([0, {f"c{i:04}": i for i in range(1001)}])),
        ("a map that claims 4294967295 entries", b"\x92\x00\xdf\xff\xff\xff\xff"),
        ("deep", pack.value([0, pack.Raw(pack.nested(1000), "deep")])),
    ]:
        yield _bad(f"replay, cursor {name}",
                   {"op": "replay", "seq": 6, "pattern": "*[^.]", "cursor": cursor}, "bad_request",
                   NOT_CURSOR)


def _reads():
    base = _replay_args(channel="orders")
    replay = {"op": "replay", "channel": "orders"}
    yield _good("replay", replay, base)
    yield _good("replay, all given",
                {**replay, "after": 500, "until": 900, "limit": 10, "max_bytes": 65536, "seq": 1},
                _replay_args(channel="orders", after=500, until=900, limit=10, max_bytes=65536))
    yield _good("replay, after as uint 64", {**replay, "after": pack.Raw(pack.uint64(5), "uint64 5")},
                {**base, "after": 5})
    yield _good("replay, after as int 64",
                {**replay, "after": pack.Raw(b"\xd3" + bytes(7) + b"\x05", "int64 5")},
                {**base, "after": 5})
    yield _good("replay, the greatest numbers",
                {**replay, "after": TOP, "until": TOP, "limit": 100000, "max_bytes": TOP},
                _replay_args(channel="orders", after=TOP, until=TOP, limit=100000, max_bytes=TOP))
    yield _good("replay, the least numbers",
                {**replay, "after": 0, "until": 1, "limit": 1, "max_bytes": 1},
                _replay_args(channel="orders", until=1, limit=1, max_bytes=1))
    yield _good("replay that waits", {**replay, "after": TOP, "wait_ms": 1},
                _replay_args(channel="orders", after=TOP, wait_ms=1))
    yield _good("replay of $rejected", {**replay, "channel": "$rejected"},
                {**base, "channel": "$rejected"})
    yield _good("replay, channel a bin", {**replay, "channel": b"orders"}, base)
    yield _good("flush before an id", {"op": "flush", "channel": "orders", "before": 501},
                _flush_args(channel="orders", before=501))
    yield _good("flush before the greatest id", {"op": "flush", "channel": "orders", "before": TOP},
                _flush_args(channel="orders", before=TOP))
    yield _good("flush all", {"op": "flush", "channel": "orders", "all": True},
                _flush_args(channel="orders", all=True))
    yield _good("peek", {"op": "peek", "channel": "orders"},
                _peek_args())
    yield _good("peek at the tail", {"op": "peek", "channel": "orders", "end": "tail", "max": 100000},
                _peek_args(end="tail", max=100000))
    yield _good("peek at the head", {"op": "peek", "channel": "$rejected", "end": "head", "max": 10},
                _peek_args(channel="$rejected", max=10))
    yield _good("peek in a group",
                {"op": "peek", "channel": "orders", "group": "g", "end": "tail", "wait_ms": 3600000},
                _peek_args(group="g", end="tail", wait_ms=3600000))
    yield _good("status", {"op": "status"}, {"channel": None, "pattern": "*", "cursor": None})
    yield _good("status of a channel", {"op": "status", "channel": "orders"},
                {"channel": "orders", "pattern": None, "cursor": None})
    yield _good("status of $rejected", {"op": "status", "channel": "$rejected"},
                {"channel": "$rejected", "pattern": None, "cursor": None})
    yield _good("status of a pattern", {"op": "status", "pattern": "or[a-z]*", "cursor": "orders"},
                {"channel": None, "pattern": "or[a-z]*", "cursor": "orders"})
    yield _good("info", {"op": "info"}, {})
    yield _good("cancel", {"op": "cancel", "request": 5}, {"request": "05"})
    yield _good("cancel of a bin", {"op": "cancel", "request": b"a", "seq": 1}, {"request": "c40161"})
    yield _good("cancel of nil", {"op": "cancel", "request": None}, {"request": "c0"})
    yield _good("ping", {"op": "ping"}, {})


def _name_faults(request, key):
    for name, value, code, text in [
        ("an int", 7, "bad_request", "not a string"), ("nil", None, "bad_request", "not a string"),
        ("empty", "", "bad_channel", "empty"), ("a glob", "a*", "bad_channel", NOT_MARKED),
        ("too long", "n" * 201, "bad_channel", "longer than 200 bytes"),
    ]:
        yield _bad(f"{request['op']}, {key} {name}", {**request, key: value}, code, f"{key}: {text}")


def _number_faults(request, key, least, most):
    text = f"{key}: not an integer from {least} to {most}"
    for what, value in [("below the least", least - 1), ("one too many", most + 1),
                        ("the greatest uint64", 2**64 - 1), ("very negative", -2**63),
                        ("a float", 5.0), ("a str", "5"), ("nil", None), ("a bool", True)]:
        yield _bad(f"{request['op']}, {key} {what}", {**request, key: value}, "bad_request", text)


def _read_faults():
    replay = {"op": "replay", "channel": "orders", "seq": 5}
    flush = {"op": "flush", "channel": "orders", "seq": 5}
    peek = {"op": "peek", "channel": "orders", "seq": 5}
    yield _bad("peek, no channel", {"op": "peek"}, "bad_request", "channel: missing")
    yield _bad("flush, no channel", {"op": "flush", "before": 5}, "bad_request", FLUSH_WHAT)
    yield _bad("flush, channel and pattern", {**flush, "pattern": "*", "all": True}, "bad_request",
               FLUSH_WHAT)
    for op in ("replay", "flush", "peek", "status"):
        rest = {"before": 5} if op == "flush" else {}
        for name, channel, code, text in [
            ("an int", 7, "bad_request", "channel: not a string"),
            ("nil", None, "bad_request", "channel: not a string"),
            ("an array", ["a"], "bad_request", "channel: not a string"),
            ("empty", "", "bad_channel", "channel: empty"),
            ("too long", "n" * 201, "bad_channel", "channel: longer than 200 bytes"),
            ("not UTF-8", pack.Raw(b"\xa2a\xff", "str 61ff"), "bad_channel", "channel: not UTF-8"),
            ("a glob", "a*", "bad_channel", f"channel: {NOT_MARKED}"),
        ]:
            yield _bad(f"{op}, channel {name}", {"op": op, "channel": channel, **rest}, code, text)
    yield from _number_faults(replay, "after", 0, TOP)
    yield from _number_faults(replay, "until", 1, TOP)
    yield from _number_faults(replay, "since_ms", 0, TOP)
    yield from _number_faults(replay, "limit", 1, 100000)
    yield from _number_faults(replay, "max_bytes", 1, TOP)
    yield from _number_faults(replay, "wait_ms", 0, 3600000)
    yield _bad("cancel of nothing", {"op": "cancel", "seq": 3}, "bad_request", "request: missing")
    for name, value in [("an array", [5]), ("a map", {}), ("257 bytes", b"a" * 255)]:
        yield _bad(f"cancel of {name}", {"op": "cancel", "request": value}, "bad_request",
                   "request: not a scalar")
    yield from _number_faults(flush, "before", 1, TOP)
    yield from _number_faults(flush, "before_ms", 1, TOP)
    yield from _number_faults(peek, "max", 1, 100000)
    yield from _number_faults(peek, "wait_ms", 0, 3600000)
    yield from _name_faults(peek, "group")
    yield _bad("flush, neither before nor all", flush, "bad_request", ONE_OF)
    yield _bad("flush, before and all", {**flush, "before": 5, "all": True}, "bad_request", ONE_OF)
    yield _bad("flush, before and before_ms", {**flush, "before": 5, "before_ms": 5}, "bad_request",
               ONE_OF)
    yield _bad("flush, before_ms and all", {**flush, "before_ms": 5, "all": True}, "bad_request",
               ONE_OF)
    for key in ("dry_run", "force"):
        yield _bad(f"flush, {key} 1", {**flush, "all": True, key: 1}, "bad_request",
                   f"{key}: not a bool")
    yield _bad("flush, all false", {**flush, "all": False}, "bad_request", ONE_OF)
    yield _bad("flush, all 1", {**flush, "all": 1}, "bad_request", "all: not a bool")
    yield _bad("flush, all nil", {**flush, "all": None}, "bad_request", "all: not a bool")
    yield _bad("flush of $rejected", {**flush, "channel": "$rejected", "all": True},
               "bad_channel", RESERVED)
    yield _bad("peek, another end", {**peek, "end": "middle"}, "bad_request",
               "end: not \"head\" or \"tail\"")
    yield _bad("peek, end in capitals", {**peek, "end": "HEAD"}, "bad_request",
               "end: not \"head\" or \"tail\"")
    yield _bad("peek, end an int", {**peek, "end": 1}, "bad_request", "end: not a string")
    yield _bad("status, channel and pattern", {"op": "status", "channel": "a", "pattern": "*"},
               "bad_request", "status: takes channel or pattern, not both")
    for name, pattern, code, text in [
        ("an int", 7, "bad_request", "pattern: not a string"),
        ("empty", "", "bad_channel", "pattern: empty"),
        ("too long", "*" * 201, "bad_channel", "pattern: longer than 200 bytes"),
        ("not UTF-8", pack.Raw(b"\xa2*\xff", "str 2aff"), "bad_channel", "pattern: not UTF-8"),
        ("with a space", "a *", "bad_channel", "pattern: has a control character or a space"),
        ("with a newline", "*\n", "bad_channel", "pattern: has a control character or a space"),
    ]:
        for op, rest in (("status", {}), ("replay", {}), ("flush", {"all": True})):
            yield _bad(f"{op}, pattern {name}", {"op": op, "pattern": pattern, **rest}, code, text)
    yield _bad("status, cursor an int", {"op": "status", "cursor": 7}, "bad_request",
               "cursor: not a string")


def _frames():
    ping = pack.value({"op": "ping"})
    for name, data in [
        ("empty", b""),
        ("text", b"ping"),
        ("JSON", b'{"op":"ping"}'),
        ("nil", b"\xc0"),
        ("an array", pack.value(["ping"])),
        ("a str", pack.value("ping")),
        ("cut short", ping[:-1]),
        ("a byte behind", ping + b"\x00"),
        ("two maps", ping + ping),
        ("the reserved byte as a value", b"\x81\xa2op\xc1"),
        ("a map that claims 4294967295 entries", b"\xdf\xff\xff\xff\xff\xa2op\xa4ping"),
        ("a value that claims 4294967295 bytes", b"\x81\xa2op\xc6\xff\xff\xff\xff"),
        ("10000 arrays deep", pack.nested(10000)),
        ("a map with a value 10000 deep", b"\x82\xa2op\xa4ping\xa1x" + pack.nested(10000)),
    ]:
        yield _bad(f"frame: {name}", pack.Raw(data, data[:16].hex() or "nothing"), "bad_request",
                   NOT_MAP)


def _shape_faults():
    for name, key in [("an int", 1), ("a bin", b"op"), ("nil", None), ("a bool", True)]:
        yield _bad(f"a key that is {name}", {"op": "ping", key: 1}, "bad_request",
                   "request: a key is not a string")
    yield _bad("an empty map", {}, "bad_request", "op: missing")
    yield _bad("op missing", {"seq": 9, "channel": "a"}, "bad_request", "op: missing")
    for name, op in [("an int", 1), ("nil", None), ("an array", ["ping"]), ("a map", {})]:
        yield _bad(f"op {name}", {"op": op, "seq": 9}, "bad_request", "op: not a string")
    for op in ("foo", "", "PING", "ping ", "pin", "pings"):
        yield _bad(f"op {op!r}", {"op": op, "seq": 9}, "unknown_op", f'op: "{op}" is not known')
    yield _bad("op not known, with other keys", {"op": "foo", "seq": 9, "bar": 1}, "unknown_op",
               'op: "foo" is not known')
    yield _bad("op not known, seq last", {"op": "foo", "bar": [1, {"a": b"b"}], "seq": 9},
               "unknown_op", 'op: "foo" is not known')
    yield _bad("op with control characters", {"op": "a\n\x00\x7fb"}, "unknown_op",
               'op: "a???b" is not known')
    yield _bad("op not ASCII", {"op": "größe"}, "unknown_op", 'op: "größe" is not known')
    yield _bad("op with U+0085", {"op": "a\u0085b"}, "unknown_op", 'op: "a?b" is not known')
    yield _bad("op cut before the character that would pass 64 bytes", {"op": "a" + "ä" * 40},
               "unknown_op", f'op: "a{"ä" * 31}" is not known')
    yield _bad("op of 64 bytes", {"op": "o" * 64}, "unknown_op", f'op: "{"o" * 64}" is not known')
    yield _bad("op of 65 bytes", {"op": "o" * 65}, "unknown_op", f'op: "{"o" * 64}" is not known')


def _key_faults():
    def unknown(name, request, key):
        return _bad(name, request, "bad_request", f'request: unknown key "{key}"')

    replay = {"op": "replay", "channel": "a", "seq": 2}
    yield unknown("a key that no op knows", {**replay, "foo": 1}, "foo")
    yield unknown("a key that another op knows", {"op": "ping", "channel": "a"}, "channel")
    yield unknown("an empty key", {"op": "info", "": 1}, "")
    yield unknown("a key in capitals", {**replay, "Limit": 1}, "Limit")
    yield unknown("a key with control characters", {"op": "ping", "a\r\n": 1}, "a??")
    yield unknown("a key that is not UTF-8", {"op": "ping", pack.Raw(b"\xa2a\xff", "str 61ff"): 1},
                  "a?")
    yield unknown("a key of 65 bytes", {"op": "ping", "k" * 65: 1}, "k" * 64)
    yield unknown("a key of 10000 bytes", {"op": "ping", "k" * 10000: 1}, "k" * 64)
    for key, value in [("op", "ping"), ("seq", 1), ("channel", "a"), ("limit", 5)]:
        pairs = [(pack.text("op"), pack.text("replay")), (pack.text("channel"), pack.text("a"))]
        pairs += [(pack.text(key), pack.value(value))] * (1 if key in ("op", "channel") else 2)
        if key == "op":
            pairs[-1] = pairs[0]
        vector = _bad(f"{key} given twice", pack.Raw(pack.mapping(*pairs), f"{key} given twice"),
                      "bad_request", f'request: key "{key}" given twice')
        yield {**vector, "seq": "01"} if key == "seq" else vector


def _seqs():
    for name, seq in [("nil", None), ("false", False), ("true", True), ("0", 0), ("-1", -1),
                      ("the greatest uint64", 2**64 - 1), ("the least int64", -2**63),
                      ("a float", 1.5), ("an empty str", ""), ("a str", "req-1"),
                      ("an empty bin", b""), ("a bin", b"\x00\xff"),
                      ("a long head", pack.Raw(b"\xdb\x00\x00\x00\x01a", "str 32 'a'")),
                      ("a str of 254 bytes", "s" * 254), ("a bin of 254 bytes", bytes(254))]:
        yield _good(f"seq {name}", {"op": "ping", "seq": seq}, {})
    for name, seq in [("an array", [1]), ("an empty array", []), ("a map", {"a": 1}),
                      ("an ext", pack.Raw(b"\xd4\x05a", "ext 5")),
                      ("a str of 255 bytes", "s" * 255), ("a bin of 255 bytes", bytes(255))]:
        yield {**_bad(f"seq {name}", {"op": "ping", "seq": seq}, "bad_request", "seq: not a scalar"),
               "seq": None}
    yield _good("seq last", {"op": "replay", "channel": "a", "seq": 77},
                _replay_args(channel="a"))
    yield _long_head()


def _long_head():
    request = {"op": "ping", "seq": 1}
    vector = _good("in longer heads than it needs", request, {})
    vector["frame"] = ("df00000002" + "d9026f70" + "da0004" + "70696e67" + "db00000003" + "736571"
                       + pack.uint64(1).hex())
    vector["seq"] = pack.uint64(1).hex()
    return vector


def vectors():
    return [*_publish(), *_publish_faults(), *_reads(), *_replays(), *_read_faults(),
            *_replay_faults(), *_cursor_faults(), *_frames(),
            *_shape_faults(), *_key_faults(), *_seqs()]
