"""Builds msgpack by hand, byte by byte.

The vectors must not depend on any msgpack library, so nothing here imports one: each function
writes the head that the msgpack specification gives for its type, shortest form first.
Integers that must have a fixed width have functions of their own.
"""


import struct


def be(value, width):
    return value.to_bytes(width, "big")


def nil():
    return b"\xc0"


def boolean(value):
    return b"\xc3" if value else b"\xc2"


def uint64(value):
    """The 9-byte form, whatever the value: ids and times of envelopes."""
    return b"\xcf" + be(value, 8)


def integer(value):
    """The shortest form."""
    if value < 0:
        if value >= -32:
            return be(value + 256, 1)
        for head, width in ((0xd0, 1), (0xd1, 2), (0xd2, 4), (0xd3, 8)):
            if value >= -(1 << (8 * width - 1)):
                return bytes([head]) + value.to_bytes(width, "big", signed=True)
        raise ValueError(value)
    if value < 128:
        return be(value, 1)
    for head, width in ((0xcc, 1), (0xcd, 2), (0xce, 4), (0xcf, 8)):
        if value < 1 << (8 * width):
            return bytes([head]) + be(value, width)
    raise ValueError(value)


def _sized(data, heads):
    for head, width in heads:
        if len(data) < 1 << (8 * width):
            return bytes([head]) + be(len(data), width) + data
    raise ValueError(len(data))


def text(value):
    """str; takes Python text, or bytes to be able to write text that is not UTF-8."""
    data = value.encode() if isinstance(value, str) else value
    if len(data) < 32:
        return bytes([0xa0 | len(data)]) + data
    return _sized(data, ((0xd9, 1), (0xda, 2), (0xdb, 4)))


def binary(data):
    return _sized(data, ((0xc4, 1), (0xc5, 2), (0xc6, 4)))


def array(*items):
    count = len(items)
    head = bytes([0x90 | count]) if count < 16 else b"\xdc" + be(count, 2)
    return head + b"".join(items)


def mapping(*pairs):
    """A map from (encoded key, encoded value) pairs, in the order given."""
    count = len(pairs)
    head = bytes([0x80 | count]) if count < 16 else b"\xde" + be(count, 2)
    return head + b"".join(key + value for key, value in pairs)


def fields(**values):
    """A map with text keys and encoded values."""
    return mapping(*((text(key), value) for key, value in values.items()))


def nested(depth, inner=b"\xc0"):
    """Arrays of one item around `inner`: nested (0) is the scalar itself."""
    return b"\x91" * depth + inner


def envelope(id_, time_ms, headers, payload):
    """headers: an encoded map, or None."""
    return array(uint64(id_), uint64(time_ms), nil() if headers is None else headers, binary(payload))


class Raw:
    """Encoded bytes that stand in a value as they are, with words for what they show."""

    def __init__(self, data, words):
        self.data = data
        self.words = words

    def __repr__(self):
        return f"<{self.words}>"


def value(item):
    """Encodes a Python value: None, bool, int, float, str, bytes, list, dict (in its order), Raw."""
    if item is None:
        return nil()
    if isinstance(item, bool):
        return boolean(item)
    if isinstance(item, int):
        return integer(item)
    if isinstance(item, float):
        return b"\xcb" + struct.pack(">d", item)
    if isinstance(item, str):
        return text(item)
    if isinstance(item, bytes):
        return binary(item)
    if isinstance(item, list):
        return array(*map(value, item))
    if isinstance(item, dict):
        return mapping(*((value(key), value(inner)) for key, inner in item.items()))
    return item.data
