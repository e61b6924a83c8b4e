"""envelopes.json: stored messages, byte for byte; members of one or several; what is none."""

import pack

TIME = 1700000000000
PLAIN = pack.envelope(1, TIME, None, b"hello")


def _one(name, id_, time_ms, headers, payload):
    return {"name": name, "id": str(id_), "time_ms": str(time_ms),
            "headers": None if headers is None else headers.hex(), "payload": payload.hex(),
            "envelope": pack.envelope(id_, time_ms, headers, payload).hex()}


def _encoded():
    yield _one("the first message", 1, TIME, None, b"hello")
    yield _one("an empty payload", 1, TIME, None, b"")
    yield _one("NUL and newline", 2, TIME, None, b"\0\n\r\xff")
    yield _one("id and time 0, as encoded before they are known", 0, 0, None, b"x")
    yield _one("an id of 7 bits", 127, TIME, None, b"x")
    yield _one("an id of 8 bits", 255, TIME, None, b"x")
    yield _one("an id of 16 bits", 65535, TIME, None, b"x")
    yield _one("an id of 32 bits", 4294967295, TIME, None, b"x")
    yield _one("an id beyond 32 bits", 4294967296, TIME, None, b"x")
    yield _one("an id of all different bytes", 0x001a2b3c4d5e6f, TIME, None, b"x")
    yield _one("an id of 14 digits", 99999999999999, TIME, None, b"x")
    yield _one("an id of 15 digits", 100000000000000, TIME, None, b"x")
    yield _one("an id that a jump made", 1700000000 * 2**20 + 1, TIME, None, b"x")
    yield _one("the id before the last", 2**53 - 1, TIME, None, b"x")
    yield _one("the last id", 2**53, TIME, None, b"x")
    yield _one("a time beyond 2^53", 1, 2**53 + 1, None, b"x")
    yield _one("headers", 3, TIME, pack.fields(traceparent=pack.text("00-ab-cd-01")), b"x")
    yield _one("headers of every type", 3, TIME,
               pack.fields(a=pack.nil(), b=pack.boolean(False), c=pack.integer(-1),
                           d=pack.array(pack.integer(1)), e=pack.binary(b"\x00")), b"x")
    yield _one("headers in longer heads than they need", 3, TIME,
               b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01a\xcd\x00\x01", b"x")
    for size in (31, 32, 255, 256, 65535, 65536):
        yield _one(f"a payload of {size} bytes", 4, TIME, None, b"p" * size)


def _member(name, member, *envelopes):
    return {"name": name, "member": member.hex(), "envelopes": [
        {"id": str(id_), "time_ms": str(time_ms),
         "headers": None if headers is None else headers.hex(), "payload": payload.hex()}
        for id_, time_ms, headers, payload in envelopes]}


def _members():
    parts = [(7, TIME, None, b"a"), (8, TIME, pack.fields(k=pack.integer(1)), b""),
             (9, TIME + 1, None, b"c" * 300)]
    yield _member("one", pack.envelope(*parts[0]), parts[0])
    yield _member("three, back to back", b"".join(pack.envelope(*part) for part in parts), *parts)
    many = [(id_, TIME, None, b"%d" % id_) for id_ in range(1000, 1064)]
    yield _member("64, back to back", b"".join(pack.envelope(*part) for part in many), *many)
    longer = (5, TIME, None, b"x")
    yield _member("a later version's, of five items",
                  b"\x95" + pack.envelope(*longer)[1:] + pack.fields(later=pack.nil()), longer)
    yield _member("a later version's, of fifteen items",
                  b"\x9f" + pack.envelope(*longer)[1:] + pack.nil() * 11, longer)
    yield _member("a later version's, then one of today's",
                  b"\x96" + pack.envelope(*longer)[1:] + b"\x01\x90" + pack.envelope(*parts[0]),
                  longer, parts[0])
    yield _member("a payload in a longer head than it needs",
                  pack.envelope(6, TIME, None, b"")[:-2] + b"\xc6\x00\x00\x00\x01x",
                  (6, TIME, None, b"x"))


def _invalid():
    id_, time_ms = pack.uint64(1), pack.uint64(TIME)
    rest = pack.nil() + pack.binary(b"x")
    rows = [
        ("cut in the head", PLAIN[:1]),
        ("cut in the id", PLAIN[:6]),
        ("cut in the time", PLAIN[:15]),
        ("cut before the headers", PLAIN[:19]),
        ("cut before the payload", PLAIN[:20]),
        ("cut in the payload", PLAIN[:-1]),
        ("a byte behind", PLAIN + b"\x00"),
        ("a whole one, then a cut one", PLAIN + PLAIN[:-1]),
        ("no array", pack.text("hello")),
        ("a map", b"\x84" + PLAIN[1:]),
        ("three items", b"\x93" + id_ + time_ms + pack.nil()),
        ("an array 16, which would move the id", b"\xdc\x00\x04" + id_ + time_ms + rest),
        ("an id of one byte", b"\x94\x01" + time_ms + rest),
        ("an id as uint 32", b"\x94\xce\x00\x00\x00\x01" + time_ms + rest),
        ("an id as int 64", b"\x94\xd3" + id_[1:] + time_ms + rest),
        ("an id as float", b"\x94\xcb\x3f\xf0" + bytes(6) + time_ms + rest),
        ("a time as uint 32", b"\x94" + id_ + b"\xce\x00\x00\x00\x01" + rest),
        ("headers a str", b"\x94" + id_ + time_ms + pack.text("a") + pack.binary(b"x")),
        ("headers an array", b"\x94" + id_ + time_ms + pack.array() + pack.binary(b"x")),
        ("a payload that is a str", b"\x94" + id_ + time_ms + pack.nil() + pack.text("x")),
        ("a payload that is nil", b"\x94" + id_ + time_ms + pack.nil() + pack.nil()),
        ("a fifth item cut short", b"\x95" + PLAIN[1:]),
        ("a fifth item with the reserved byte", b"\x95" + PLAIN[1:] + b"\xc1"),
        ("headers that claim 4294967295 entries",
         b"\x94" + id_ + time_ms + b"\xdf\xff\xff\xff\xff" + pack.binary(b"x")),
        ("a payload that claims 4294967295 bytes",
         b"\x94" + id_ + time_ms + pack.nil() + b"\xc6\xff\xff\xff\xffx"),
    ]
    return [{"name": name, "member": data.hex(), "valid": False} for name, data in rows]


def vectors():
    return [*_encoded(), *_members(), *_invalid()]
