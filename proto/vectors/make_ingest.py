"""ingest.json: messages as producers send them, and the exact reason for each that is refused.

A vector holds for max_message_bytes = 1048576 unless it says another.
"""

import pack

MAX = 9007199254740991
NOT_ARRAY = "frame: not a msgpack array [channel, payload] or [channel, payload, headers]"
NOT_MARKED = "channel: has a control character, a space or one of *?[]{}\\"
RESERVED = "channel: names that begin with $ are the bridge's own"
NOT_MAP = "headers: not a msgpack map"
NOT_MSG_ID = "headers.msg_id: not 1 to 128 bytes of str or bin"
NOT_TTL = f"headers.ttl_ms: not an integer from 1 to {MAX}"
SMALL = 1024

TRACE = pack.fields(traceparent=pack.text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                    content_type=pack.text("application/json"))


def _filler(size):
    """A header map of exactly `size` bytes: one entry, its value a bin 16."""
    head = b"\x81\xa1x\xc5"
    length = size - len(head) - 2
    return head + length.to_bytes(2, "big") + bytes(length)


def _entries(count):
    return pack.mapping(*((pack.text(f"k{i}"), pack.integer(i)) for i in range(count)))


def _deep_map(depth):
    """A map whose value nests so that the whole is `depth` deep, the map itself counted."""
    return pack.fields(x=pack.nested(depth - 1))


#  Headers that are fine, for both forms: (description, encoded, as kept: None for none)
GOOD_HEADERS = [
    ("headers nil", pack.nil(), None),
    ("headers an empty map", b"\x80", None),
    ("headers an empty map 16", b"\xde\x00\x00", None),
    ("headers", TRACE, TRACE),
    ("headers with values of every type",
     pack.fields(a=pack.nil(), b=pack.boolean(True), c=pack.integer(-5), d=b"\xca\x3f\xc0\x00\x00",
                 e=b"\xcb\x3f\xf8" + bytes(6), f=pack.text("x"), g=pack.binary(b"\x00"),
                 h=pack.array(pack.integer(1)), i=pack.fields(j=pack.nil()), k=b"\xd4\x05\x00"), True),
    ("headers in longer heads than they need",
     b"\xdf\x00\x00\x00\x01\xdb\x00\x00\x00\x01a\xcf" + bytes(7) + b"\x01", True),
    ("an empty key", pack.mapping((pack.text(""), pack.nil())), True),
    ("a key given twice that means nothing to the bridge",
     pack.mapping((pack.text("a"), pack.integer(1)), (pack.text("a"), pack.integer(2))), True),
    ("64 entries", _entries(64), True),
    ("headers of 16384 bytes", _filler(16384), True),
    ("headers 16 deep", _deep_map(16), True),
    ("msg_id, a str", pack.fields(msg_id=pack.text("order-17")), True),
    ("msg_id, a bin", pack.fields(msg_id=pack.binary(b"\x00\xff")), True),
    ("msg_id of 1 byte", pack.fields(msg_id=pack.text("1")), True),
    ("msg_id of 128 bytes", pack.fields(msg_id=pack.text("i" * 128)), True),
    ("delay_ms 0", pack.fields(delay_ms=pack.integer(0)), True),
    ("delay_ms, the most", pack.fields(delay_ms=pack.integer(MAX)), True),
    ("delay_ms as int 64", pack.fields(delay_ms=b"\xd3" + (1500).to_bytes(8, "big")), True),
    ("at_ms", pack.fields(at_ms=pack.integer(1700000000000)), True),
    ("at_ms, the most", pack.fields(at_ms=pack.integer(MAX)), True),
    ("ttl_ms 1", pack.fields(ttl_ms=pack.integer(1)), True),
    ("ttl_ms, the most", pack.fields(ttl_ms=pack.integer(MAX)), True),
    ("front true", pack.fields(front=pack.boolean(True)), True),
    ("front false", pack.fields(front=pack.boolean(False)), True),
    ("a word that only begins like a known one", pack.fields(front_door=pack.integer(1)), True),
    ("all that go together",
     pack.fields(msg_id=pack.text("m"), delay_ms=pack.integer(5), ttl_ms=pack.integer(9),
                 front=pack.boolean(True), note=pack.text("n")), True),
]


def _number_faults(key, least):
    reason = f"headers.{key}: not an integer from {least} to {MAX}"
    for what, value in [
        ("below the least", pack.integer(least - 1)),
        ("very negative", b"\xd3\x80" + bytes(7)),
        ("one too many", pack.integer(MAX + 1)),
        ("the greatest uint 64", b"\xcf" + b"\xff" * 8),
        ("a float", b"\xcb\x40\x59" + bytes(6)),
        ("a str", pack.text("100")),
        ("nil", pack.nil()),
        ("a bool", pack.boolean(True)),
    ]:
        yield f"{key}: {what}", pack.fields(**{key: value}), reason


def _twice(key, value):
    return pack.mapping((pack.text(key), value), (pack.text("x"), pack.nil()),
                        (pack.text(key), value))


#  Headers that are refused, in both forms: (description, encoded, reason)
BAD_HEADERS = [
    ("headers an array", pack.array(), NOT_MAP),
    ("headers a str", pack.text("a=b"), NOT_MAP),
    ("headers a bin", pack.binary(b"\x80"), NOT_MAP),
    ("headers an int", pack.integer(0), NOT_MAP),
    ("headers false", pack.boolean(False), NOT_MAP),
    ("headers of 16385 bytes", _filler(16385), "headers: larger than 16384 bytes"),
    ("headers 17 deep", _deep_map(17), "headers: nested deeper than 16"),
    ("headers 17 deep in a second value", pack.fields(a=pack.nil(), b=pack.nested(16)),
     "headers: nested deeper than 16"),
    ("65 entries", _entries(65), "headers: more than 64 entries"),
    ("a key that is an int", pack.mapping((pack.integer(1), pack.nil())),
     "headers: a key is not a string"),
    ("a key that is a bin", pack.mapping((pack.binary(b"a"), pack.nil())),
     "headers: a key is not a string"),
    ("a second key that is nil",
     pack.mapping((pack.text("a"), pack.nil()), (pack.nil(), pack.nil())),
     "headers: a key is not a string"),
    ("msg_id empty", pack.fields(msg_id=pack.text("")), NOT_MSG_ID),
    ("msg_id an empty bin", pack.fields(msg_id=pack.binary(b"")), NOT_MSG_ID),
    ("msg_id of 129 bytes", pack.fields(msg_id=pack.text("i" * 129)), NOT_MSG_ID),
    ("msg_id an int", pack.fields(msg_id=pack.integer(17)), NOT_MSG_ID),
    ("msg_id nil", pack.fields(msg_id=pack.nil()), NOT_MSG_ID),
    ("msg_id an array", pack.fields(msg_id=pack.array(pack.text("a"))), NOT_MSG_ID),
    *_number_faults("delay_ms", 0),
    *_number_faults("at_ms", 0),
    *_number_faults("ttl_ms", 1),
    ("front 1", pack.fields(front=pack.integer(1)), "headers.front: not a bool"),
    ("front nil", pack.fields(front=pack.nil()), "headers.front: not a bool"),
    ("front a str", pack.fields(front=pack.text("true")), "headers.front: not a bool"),
    ("delay_ms and at_ms", pack.fields(delay_ms=pack.integer(1), at_ms=pack.integer(1)),
     "headers: both delay_ms and at_ms"),
    ("at_ms and delay_ms", pack.fields(at_ms=pack.integer(1), delay_ms=pack.integer(1)),
     "headers: both delay_ms and at_ms"),
    ("msg_id twice", _twice("msg_id", pack.text("a")), "headers.msg_id: given twice"),
    ("delay_ms twice", _twice("delay_ms", pack.integer(1)), "headers.delay_ms: given twice"),
    ("at_ms twice", _twice("at_ms", pack.integer(1)), "headers.at_ms: given twice"),
    ("ttl_ms twice", _twice("ttl_ms", pack.integer(1)), "headers.ttl_ms: given twice"),
    ("front twice", _twice("front", pack.boolean(True)), "headers.front: given twice"),
]

#  (description, channel, reason, is it told in $rejected)
BAD_CHANNELS = [
    ("channel empty", b"", "channel: empty", False),
    ("channel of 201 bytes", b"n" * 201, "channel: longer than 200 bytes", False),
    ("channel of 10000 bytes", b"n" * 10000, "channel: longer than 200 bytes", False),
    ("channel not UTF-8", b"a\xff", "channel: not UTF-8", False),
    ("channel an overlong form", b"\xc0\xaf", "channel: not UTF-8", False),
    ("channel with a zero byte", b"a\0b", NOT_MARKED, True),
    ("channel with a newline", b"a\n", NOT_MARKED, True),
    ("channel with a space", b"a b", NOT_MARKED, True),
    ("channel with a no-break space", "a\u00a0b".encode(), NOT_MARKED, True),
    ("channel with U+0085", "a\u0085".encode(), NOT_MARKED, True),
    ("channel a glob", b"orders.*", NOT_MARKED, True),
    ("channel with a backslash", b"a\\b", NOT_MARKED, True),
    ("channel with braces", b"{a}", NOT_MARKED, True),
    ("channel $heads", b"$heads", RESERVED, True),
    ("channel $rejected", b"$rejected", RESERVED, True),
    ("channel $", b"$", RESERVED, True),
]


def _good(name, frames, channel, payload, headers=None, **more):
    return {"name": name, "frames": [frame.hex() for frame in frames], "channel": channel.hex(),
            "payload": payload.hex(), "headers": None if headers is None else headers.hex(), **more}


def _bad(name, frames, reason, channel=None, **more):
    return {"name": name, "frames": [frame.hex() for frame in frames], "reason": reason,
            "channel": None if channel is None else channel.hex(), **more}


def _multipart():
    yield _good("two frames", [b"orders", b"hello"], b"orders", b"hello")
    yield _good("an empty payload", [b"orders", b""], b"orders", b"")
    yield _good("a payload with NUL and newline", [b"orders", b"\0\n\r\xff"], b"orders", b"\0\n\r\xff")
    yield _good("a payload that is msgpack stays as it is", [b"orders", b"\x92\x01\xc1"], b"orders",
                b"\x92\x01\xc1")
    yield _good("a channel in UTF-8", ["größe".encode(), b"x"], "größe".encode(), b"x")
    yield _good("a channel of 200 bytes", [b"n" * 200, b"x"], b"n" * 200, b"x")
    yield _good("a dollar inside the channel", [b"us$", b"x"], b"us$", b"x")
    yield _good("an empty third frame", [b"orders", b"x", b""], b"orders", b"x")
    for name, headers, kept in GOOD_HEADERS:
        yield _good(name, [b"orders", b"x", headers], b"orders", b"x", headers if kept else None)
    yield _good("a payload as large as it may be", [b"c", bytes(SMALL)], b"c", bytes(SMALL),
                max_message_bytes=SMALL)
    yield _bad("four frames", [b"orders", b"x", b"\x80", b""], "frames: more than 3")
    yield _bad("five frames", [b"a", b"b", b"c", b"d", b"e"], "frames: more than 3")
    for name, channel, reason, told in BAD_CHANNELS:
        yield _bad(name, [channel, b"x"], reason, channel if told else None)
    yield _bad("a payload a byte too large", [b"c", bytes(SMALL + 1)],
               f"payload: larger than max_message_bytes ({SMALL})", b"c", max_message_bytes=SMALL)
    for name, headers, reason in BAD_HEADERS:
        yield _bad(name, [b"orders", b"x", headers], reason, b"orders")
    for name, headers in [
        ("headers that are no msgpack", b"\xc1"),
        ("headers cut short", TRACE[:-1]),
        ("headers with a byte behind", TRACE + b"\x00"),
        ("headers, two maps", b"\x80\x80"),
        ("headers nil and a byte", b"\xc0\x00"),
        ("headers in JSON", b'{"a":1}'),
        ("headers that claim 4294967295 entries", b"\xdf\xff\xff\xff\xff"),
        ("headers with a value that claims 4294967295 items", b"\x81\xa1a\xdd\xff\xff\xff\xff"),
    ]:
        yield _bad(name, [b"orders", b"x", headers], NOT_MAP, b"orders")


def _single():
    def frame(*items):
        return [pack.array(*items)]

    def named(name):
        return f"one frame: {name}"

    orders = pack.text("orders")
    yield _good(named("channel str, payload bin"), frame(orders, pack.binary(b"hello")), b"orders",
                b"hello")
    yield _good(named("channel str, payload str"), frame(orders, pack.text("hello")), b"orders",
                b"hello")
    yield _good(named("channel bin"), frame(pack.binary(b"orders"), pack.binary(b"x")), b"orders",
                b"x")
    yield _good(named("an empty payload"), frame(orders, pack.binary(b"")), b"orders", b"")
    yield _good(named("a str payload that is not UTF-8"), frame(orders, b"\xa2\xff\x00"), b"orders",
                b"\xff\x00")
    yield _good(named("longer heads than it needs"),
                [b"\xdd\x00\x00\x00\x02\xdb\x00\x00\x00\x01a\xc6\x00\x00\x00\x01b"], b"a", b"b")
    for name, headers, kept in GOOD_HEADERS:
        yield _good(named(name), frame(orders, pack.text("x"), headers), b"orders", b"x",
                    headers if kept else None)
    yield _good(named("a payload as large as it may be"), frame(pack.text("c"),
                pack.binary(bytes(SMALL))), b"c", bytes(SMALL), max_message_bytes=SMALL)
    for name, data in [
        ("empty", b""),
        ("text", b"hello"),
        ("JSON", b'["orders","x"]'),
        ("nil", pack.nil()),
        ("a map", pack.fields(channel=orders, payload=pack.text("x"))),
        ("a str", orders),
        ("an empty array", pack.array()),
        ("an array of one", pack.array(orders)),
        ("an array of four", pack.array(orders, pack.text("x"), pack.nil(), pack.nil())),
        ("an array of four in a long head", b"\xdc\x00\x04" + orders + b"\xa1x\xc0\xc0"),
        ("cut short", pack.array(orders, pack.text("x"))[:-1]),
        ("cut in the headers", pack.array(orders, pack.text("x"), TRACE)[:-1]),
        ("a byte behind", pack.array(orders, pack.text("x")) + b"\x00"),
        ("an array of two with one", b"\x92" + orders),
        ("an array that claims 4294967295 items", b"\xdd\xff\xff\xff\xff" + orders),
        ("a payload that claims 4294967295 bytes", b"\x92" + orders + b"\xc6\xff\xff\xff\xff"),
        ("the reserved byte as payload", b"\x92" + orders + b"\xc1"),
        ("10000 arrays deep", pack.nested(10000)),
    ]:
        yield _bad(named(name), [data], NOT_ARRAY)
    for name, item in [("an int", pack.integer(7)), ("nil", pack.nil()),
                       ("an array", pack.array(orders)), ("an ext", b"\xd4\x05a")]:
        yield _bad(named(f"channel {name}"), frame(item, pack.text("x")), "channel: not a string")
    for name, channel, reason, told in BAD_CHANNELS:
        yield _bad(named(name), frame(pack.text(channel), pack.text("x")), reason,
                   channel if told else None)
    for name, item in [("an int", pack.integer(7)), ("nil", pack.nil()), ("false", b"\xc2"),
                       ("a map", pack.fields(a=pack.nil())), ("an array", pack.array()),
                       ("a float", b"\xca" + bytes(4)), ("an ext", b"\xd4\x05a")]:
        yield _bad(named(f"payload {name}"), frame(orders, item), "payload: neither bin nor str",
                   b"orders")
    yield _bad(named("a payload a byte too large"), frame(pack.text("c"),
               pack.binary(bytes(SMALL + 1))), f"payload: larger than max_message_bytes ({SMALL})",
               b"c", max_message_bytes=SMALL)
    for name, headers, reason in BAD_HEADERS:
        yield _bad(named(name), frame(orders, pack.text("x"), headers), reason, b"orders")


def vectors():
    return [*_multipart(), *_single()]
