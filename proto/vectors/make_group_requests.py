"""requests.json, the ops on groups: as make_requests.py. Items are shown with their channels, sorted by them."""

import pack
from make_requests import NOT_MARKED, TOP, _bad, _good, _name_faults, _number_faults

NOT_SOURCES = "channels: not an array of 1 to 1000 names and globs"
NOT_ITEMS = "items: not an array of 1 to 10000 [id, lease]"
NOT_FULL_ITEMS = "items: not an array of 1 to 10000 [channel, id, lease]"
SETTLE_WHAT = "needs channel and items, channel and lease, or items with their channels"


def _takes():
    base = {"channels": ["jobs"], "group": "default", "max": 1, "lease_ms": 30000, "wait_ms": 0,
            "consumer": None, "ack": "explicit", "create": True}
    take = {"op": "take", "channels": ["jobs"]}
    yield _good("take", take, base)
    yield _good("take, all given",
                {**take, "group": "g", "max": 10000, "lease_ms": 604800000, "wait_ms": 1,
                 "consumer": "me", "ack": "none", "create": False},
                {"channels": ["jobs"], "group": "g", "max": 10000, "lease_ms": 604800000,
                 "wait_ms": 1, "consumer": "me", "ack": "none", "create": False})
    yield _good("take, the defaults given",
                {**take, "group": "default", "max": 1, "lease_ms": 30000, "wait_ms": 0,
                 "ack": "explicit", "create": True}, base)
    yield _good("take, the least numbers", {**take, "max": 1, "lease_ms": 1, "wait_ms": 0},
                {**base, "lease_ms": 1})
    for name, channels in [("names and globs", ["urgent", "jobs.*", "a?", "[a-z]", "x\\y", "$rejected"]),
                           ("one twice", ["a", "a"]), ("1000 of them", [f"c{i}" for i in range(1000)])]:
        yield _good(f"take, channels {name}", {**take, "channels": channels},
                    {**base, "channels": channels})
    yield _good("take, names as bin", {**take, "channels": [b"jobs"], "group": b"g", "ack": b"none"},
                {**base, "group": "g", "ack": "none"})


def _take_faults():
    take = {"op": "take", "channels": ["jobs"], "seq": 6}
    yield _bad("take, no channels", {"op": "take", "seq": 6}, "bad_request", "channels: missing")
    for name, value in [("empty", []), ("a str", "jobs"), ("nil", None), ("a map", {"jobs": 0}),
                        ("with an int", ["a", 7]), ("1001 of them", ["c"] * 1001)]:
        yield _bad(f"take, channels {name}", {**take, "channels": value}, "bad_request", NOT_SOURCES)
    for name, value, text in [("an empty name", "", "empty"), ("a name with a brace", "a{b", NOT_MARKED),
                              ("a name with a space", "a b", NOT_MARKED),
                              ("a name too long", "n" * 201, "longer than 200 bytes"),
                              ("a glob with a space", "a *", "has a control character or a space"),
                              ("a glob not UTF-8", pack.Raw(b"\xa2*\xff", "str 2aff"), "not UTF-8")]:
        yield _bad(f"take, channels with {name}", {**take, "channels": ["jobs", value]}, "bad_channel",
                   f"channels: {text}")
    yield from _number_faults(take, "max", 1, 10000)
    yield from _number_faults(take, "lease_ms", 1, 604800000)
    yield from _number_faults(take, "wait_ms", 0, 3600000)
    yield from _name_faults(take, "group")
    yield from _name_faults(take, "consumer")
    for value in ("EXPLICIT", "", "all"):
        yield _bad(f"take, ack {value!r}", {**take, "ack": value}, "bad_request",
                   'ack: not "explicit" or "none"')
    yield _bad("take, ack a bool", {**take, "ack": False}, "bad_request", "ack: not a string")
    yield _bad("take, create 1", {**take, "create": 1}, "bad_request", "create: not a bool")


def _settle_args(op, **given):
    more = {"ack": {}, "nack": {"delay_ms": 0, "reason": None}, "touch": {"lease_ms": 30000},
            "bury": {"reason": None}}
    return {"channel": None, "group": "default", "items": None, "lease": None, **more[op], **given}


def _settles():
    for op in ("ack", "nack", "touch", "bury"):
        yield _good(f"{op} of items", {"op": op, "channel": "jobs", "items": [[17, 5], [18, 5]]},
                    _settle_args(op, channel="jobs", items=[["jobs", 17, 5], ["jobs", 18, 5]]))
        yield _good(f"{op} of a lease", {"op": op, "channel": "jobs", "group": "g", "lease": TOP},
                    _settle_args(op, channel="jobs", group="g", lease=TOP))
        yield _good(f"{op} of items with their channels",
                    {"op": op, "items": [["b", 2, 1], [b"a", 9, 4], ["b", 1, 1], ["a", TOP, TOP]]},
                    _settle_args(op, items=[["a", 9, 4], ["a", TOP, TOP], ["b", 2, 1], ["b", 1, 1]]))
    yield _good("ack of an item twice", {"op": "ack", "channel": "jobs", "items": [[1, 1], [1, 1]]},
                _settle_args("ack", channel="jobs", items=[["jobs", 1, 1], ["jobs", 1, 1]]))
    yield _good("ack of 10000 items", {"op": "ack", "channel": "c", "items": [[1, 1]] * 10000},
                _settle_args("ack", channel="c", items=[["c", 1, 1]] * 10000))
    yield _good("nack, all given", {"op": "nack", "channel": "jobs", "lease": 5, "delay_ms": TOP - 1,
                                    "reason": "größe " + "r" * 1016},
                _settle_args("nack", channel="jobs", lease=5, delay_ms=TOP - 1,
                             reason="größe " + "r" * 1016))
    yield _good("bury, reason empty", {"op": "bury", "channel": "jobs", "lease": 5, "reason": b""},
                _settle_args("bury", channel="jobs", lease=5))
    yield _good("touch, lease_ms", {"op": "touch", "channel": "jobs", "lease": 5, "lease_ms": 1},
                _settle_args("touch", channel="jobs", lease=5, lease_ms=1))
    release = {"op": "release", "channel": "jobs", "consumer": "me"}
    yield _good("release", release, {"channel": "jobs", "group": "default", "consumer": "me"})
    yield _good("release in a group", {**release, "group": "g"},
                {"channel": "jobs", "group": "g", "consumer": "me"})


def _settle_faults():
    for op in ("ack", "nack", "touch", "bury"):
        for name, given in [("nothing", {}), ("a channel alone", {"channel": "a"}), ("a lease alone", {"lease": 5}),
                            ("items and lease", {"channel": "a", "items": [[1, 1]], "lease": 1}),
                            ("full items and lease", {"items": [["a", 1, 1]], "lease": 1})]:
            yield _bad(f"{op} of {name}", {"op": op, "seq": 6, **given}, "bad_request",
                       f"{op}: {SETTLE_WHAT}")
    ack = {"op": "ack", "seq": 6}
    for name, items in [("empty", []), ("nil", None), ("a map", {}), ("10001 of them", [[1, 1]] * 10001)]:
        yield _bad(f"ack, items {name}", {**ack, "channel": "a", "items": items}, "bad_request",
                   NOT_ITEMS)
        yield _bad(f"ack, items {name}, with their channels", {**ack, "items": items}, "bad_request",
                   NOT_FULL_ITEMS)
    for name, item in [("an int", 1), ("of one", [1]), ("of three", ["a", 1, 1]), ("an id 0", [0, 1]),
                       ("a lease 0", [1, 0]), ("an id beyond 2^53", [TOP + 1, 1]),
                       ("a lease beyond 2^53", [1, TOP + 1]), ("an id a str", ["1", 1])]:
        yield _bad(f"ack, an item {name}", {**ack, "channel": "a", "items": [[1, 1], item]},
                   "bad_request", NOT_ITEMS, 1)
    for name, item in [("of two", [1, 1]), ("of four", ["a", 1, 1, 1]), ("a channel an int", [1, 1, 1])]:
        yield _bad(f"ack, an item {name}, with its channel", {**ack, "items": [["a", 1, 1], item]},
                   "bad_request", NOT_FULL_ITEMS, 1)
    yield _bad("ack, an item's channel a glob", {**ack, "items": [["a", 1, 1], ["b", 1, 1], ["a*", 1, 1]]},
               "bad_channel", f"items: {NOT_MARKED}", 2)
    yield _bad("ack, an item's channel empty", {**ack, "items": [["", 1, 1]]}, "bad_channel",
               "items: empty", 0)
    yield from _number_faults({**ack, "channel": "a"}, "lease", 1, TOP)
    yield from _name_faults({**ack, "lease": 5}, "channel")
    yield from _name_faults({**ack, "channel": "a", "lease": 5}, "group")
    nack = {"op": "nack", "channel": "a", "lease": 5}
    yield from _number_faults(nack, "delay_ms", 0, TOP - 1)
    yield from _number_faults({**nack, "op": "touch"}, "lease_ms", 1, 604800000)
    for op in ("nack", "bury"):
        for name, reason, text in [("an int", 7, "not a string"), ("too long", "r" * 1025, "longer than 1024 bytes"),
                                   ("not UTF-8", b"\xff", "not UTF-8")]:
            yield _bad(f"{op}, reason {name}", {**nack, "op": op, "reason": reason}, "bad_request",
                       f"reason: {text}")
    release = {"op": "release", "channel": "a", "consumer": "me"}
    for key in ("channel", "consumer"):
        yield _bad(f"release, no {key}", {name: value for name, value in release.items() if name != key},
                   "bad_request", f"{key}: missing")
        yield from _name_faults(release, key)


def vectors():
    return [*_takes(), *_take_faults(), *_settles(), *_settle_faults()]
