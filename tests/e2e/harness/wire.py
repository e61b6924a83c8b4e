"""The wire as PROTOCOL.md states it, with a stock msgpack library."""

import json
import pathlib
import struct

import msgpack

ROOT = pathlib.Path(__file__).resolve().parents[3]
VECTORS = ROOT / "proto" / "vectors"


def pack(value):
    return msgpack.packb(value)


def unpack(data):
    return msgpack.unpackb(data, strict_map_key=False)


def decode(envelope):
    """(id, time_ms, headers, payload) of an envelope's bytes."""
    id_, time_ms, headers, payload = unpack(envelope)[:4]
    return id_, time_ms, headers or {}, payload


def id_of(envelope):
    """The id, from its place: no decoder needed."""
    return struct.unpack_from(">Q", envelope, 2)[0]


def split(member):
    """The envelopes of a member of the log."""
    unpacker = msgpack.Unpacker(None, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(member)
    envelopes, at = [], 0
    while at < len(member):
        unpacker.skip()
        envelopes.append(member[at:unpacker.tell()])
        at = unpacker.tell()
    return envelopes


def encode(id_, time_ms, headers, payload):
    """An envelope's bytes; headers are encoded bytes, or None."""
    if len(payload) < 1 << 8:
        head = struct.pack(">BB", 0xc4, len(payload))
    elif len(payload) < 1 << 16:
        head = struct.pack(">BH", 0xc5, len(payload))
    else:
        head = struct.pack(">BI", 0xc6, len(payload))
    return struct.pack(">BBQBQ", 0x94, 0xcf, id_, 0xcf, time_ms) + (headers or b"\xc0") + head + payload


def vectors(name):
    """The vectors of proto/vectors/<name>.json; an empty file is a mistake."""
    found = json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    assert found
    return found


def raw_values(reply):
    """A reply map's values as they are encoded: {key: bytes}."""
    unpacker = msgpack.Unpacker(None, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(reply)
    values = {}
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        start = unpacker.tell()
        unpacker.skip()
        values[key] = reply[start:unpacker.tell()]
    return values


def raw_items(reply):
    """The items of a reply's messages, each item the bytes that came: [[bytes, …], …]."""
    unpacker = msgpack.Unpacker(None, strict_map_key=False, max_buffer_size=0)
    data = raw_values(reply)["messages"]
    unpacker.feed(data)
    messages = []
    for _ in range(unpacker.read_array_header()):
        ends = [unpacker.tell() + 1]    #  behind the head of a short array
        for _ in range(unpacker.read_array_header()):
            unpacker.skip()
            ends.append(unpacker.tell())
        messages.append([data[start:end] for start, end in zip(ends, ends[1:])])
    return messages


def raw_messages(reply):
    """The (channel, envelope bytes) pairs of a replay's, peek's or take's reply, the bytes as they came."""
    return [(unpack(channel), envelope) for channel, envelope, *_ in raw_items(reply)]
