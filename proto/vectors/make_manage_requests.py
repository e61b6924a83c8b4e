"""requests.json, the ops that look after groups: as make_requests.py. `start` is shown as it is given."""

import pack
from make_requests import TOP, _bad, _good, _name_faults, _number_faults

NOT_IDS = "ids: not an array of 1 to 10000 integers from 1 to 9007199254740992"
NOT_START = 'start: not "first", "last", an integer from 1 to 9007199254740992 or {since_ms}'
REDRIVE_WHAT = "redrive: needs exactly one of ids and all"


def _letters():
    base = {"channel": "jobs", "group": "default"}
    pending = {**base, "max": 1000, "min_elapsed_ms": 0, "consumer": None}
    yield _good("pending", {"op": "pending", "channel": "jobs"}, pending)
    yield _good("pending, all given",
                {"op": "pending", "channel": "$rejected", "group": "g", "max": 100000,
                 "min_elapsed_ms": TOP, "consumer": "me"},
                {"channel": "$rejected", "group": "g", "max": 100000, "min_elapsed_ms": TOP,
                 "consumer": "me"})
    yield _good("dead", {"op": "dead", "channel": "jobs"}, {**base, "max": 1000})
    yield _good("dead, all given", {"op": "dead", "channel": "jobs", "group": b"g", "max": 1},
                {"channel": "jobs", "group": "g", "max": 1})
    redrive = {"op": "redrive", "channel": "jobs"}
    yield _good("redrive all", {**redrive, "all": True}, {**base, "ids": None, "all": True})
    yield _good("redrive ids", {**redrive, "group": "g", "ids": [5, TOP, 1, 5]},
                {"channel": "jobs", "group": "g", "ids": [5, TOP, 1, 5], "all": False})
    yield _good("redrive ids, all false", {**redrive, "ids": [1] * 10000, "all": False},
                {**base, "ids": [1] * 10000, "all": False})


def _groups():
    base = {"channel": "jobs", "group": "g"}
    for op in ("group_create", "group_seek"):
        for start in ("first", "last", 1, TOP, {"since_ms": 0}, {"since_ms": TOP}):
            yield _good(f"{op}, start {start}", {"op": op, **base, "start": start},
                        {**base, "start": start})
    yield _good("group_create", {"op": "group_create", **base}, {**base, "start": "first"})
    yield _good("group_seek, start a bin", {"op": "group_seek", **base, "start": b"last"},
                {**base, "start": "last"})
    yield _good("group_delete", {"op": "group_delete", **base}, {**base, "force": False})
    yield _good("group_delete by force", {"op": "group_delete", **base, "force": True},
                {**base, "force": True})
    for op in ("pause", "resume"):
        yield _good(op, {"op": op, "channel": "jobs"}, {"channel": "jobs", "group": None})
        yield _good(f"{op} of a group", {"op": op, **base}, base)


def _faults():
    requests = [{"op": op, "channel": "jobs", "group": "g", "seq": 6, **more} for op, more in [
        ("pending", {}), ("dead", {}), ("redrive", {"all": True}), ("group_create", {}),
        ("group_seek", {"start": "last"}), ("group_delete", {}), ("pause", {}), ("resume", {})]]
    for request in requests:
        yield _bad(f"{request['op']}, no channel",
                   {key: value for key, value in request.items() if key != "channel"}, "bad_request",
                   "channel: missing")
        yield from _name_faults(request, "channel")
        yield from _name_faults(request, "group")
    for op in ("group_create", "group_seek", "group_delete"):
        yield _bad(f"{op}, no group", {"op": op, "channel": "jobs", "start": "last"}
                   if op != "group_delete" else {"op": op, "channel": "jobs"}, "bad_request",
                   "group: missing")
    pending, dead, redrive = requests[:3]
    yield from _number_faults(pending, "max", 1, 100000)
    yield from _number_faults(pending, "min_elapsed_ms", 0, TOP)
    yield from _name_faults(pending, "consumer")
    yield from _number_faults(dead, "max", 1, 100000)
    for name, given in [("nothing", {"all": False}), ("ids and all", {"ids": [1], "all": True})]:
        yield _bad(f"redrive of {name}", {**redrive, **given}, "bad_request", REDRIVE_WHAT)
    yield _bad("redrive, all 1", {**redrive, "all": 1}, "bad_request", "all: not a bool")
    for name, ids in [("empty", []), ("nil", None), ("an int", 5), ("a map", {}), ("with 0", [1, 0]),
                      ("with a str", ["1"]), ("beyond 2^53", [TOP + 1]), ("10001 of them", [1] * 10001),
                      ("below 0", [-1])]:
        yield _bad(f"redrive, ids {name}", {**redrive, "all": False, "ids": ids}, "bad_request", NOT_IDS)


def _start_faults():
    base = {"channel": "jobs", "group": "g", "seq": 6}
    yield _bad("group_seek, no start", {"op": "group_seek", **base}, "bad_request", "start: missing")
    for name, start in [("another word", "middle"), ("in capitals", "FIRST"), ("empty", ""), ("nil", None),
                        ("0", 0), ("below 0", -1), ("beyond 2^53", TOP + 1), ("a float", 1.0),
                        ("an array", [1]), ("an empty map", {}), ("another map", {"since": 1}),
                        ("more than since_ms", {"since_ms": 1, "id": 1}), ("since_ms nil", {"since_ms": None}),
                        ("since_ms beyond 2^53", {"since_ms": TOP + 1}),
                        ("a map with a bin", {b"since_ms": 1}),
                        ("since_ms twice", pack.Raw(pack.mapping(
                            *[(pack.text("since_ms"), pack.integer(1))] * 2), "since_ms twice"))]:
        for op in ("group_create", "group_seek"):
            yield _bad(f"{op}, start {name}", {"op": op, **base, "start": start}, "bad_request", NOT_START)
    yield _bad("group_delete, force 1", {"op": "group_delete", **base, "force": 1}, "bad_request",
               "force: not a bool")


def vectors():
    return [*_letters(), *_groups(), *_faults(), *_start_faults()]
