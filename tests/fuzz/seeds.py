#!/usr/bin/env python3
"""Writes what the fuzz targets begin with: tests/fuzz/seeds.py DIRECTORY.

DIRECTORY/<target>/ gets inputs, made from proto/vectors and bridge.toml in the form that the target's file tells;
DIRECTORY/<target>.dict the words that libFuzzer puts in.
"""

import hashlib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST = 20000  #  bytes of an input

#  What a bridge.toml may look like besides the shipped one.
MORE_TOML = [
    '[redis]\nmode = "server"\nurl = "redis://user:hunter2@[::1]:6380/3"\n',
    '[redis]\nmode = "server"\nurl = "unix:///run/redis.sock?db=2&password=hunter2"\n',
    '[redis]\nurl = "http://:hunter2@h"\n',
    '[redis]\nurl = ["redis://:hunter2@h"]\n',
    'redis = {mode = "server", url = "redis://h"}\n',
    'redis.mode = "server"\nredis.url = "redis://h"\n',
    'channels = [{match = "a*"}, {match = "$*", pack = 256}]\n',
    '[channels]\nmatch = "*"\n',
    'workers = 7\n',
    '[redis.more]\nx = 1\n',
    '[fanout]\nhwm = 1e3\n',
    '[fanout]\nhwm = 2026-11-20T10:00:00Z\n',
    '[fanout]\nhwm = 0x10\npub = ["ipc:///tmp/a", "tcp://[::]:*"]\n',
    '[bridge]\nname = """a\nb"""\n',
    "[bridge]\nname = '''x'''\nlog_level = \"a\\u0000b\"\n",
    '[bridge]\nname = "\\U0001F600\\u00e9"\n',
    '[bridge]\nlog_level = "a\\u0001b\\nc"\n',
    '[bridge]\ngrace_ms = -1\n',
    '[ingest]\nmax_in_flight = 9223372036854775807\n',
    '#ZRB_REDIS_URL=redis://:hunter2@h:0\n[bridge]\n',
    '#ZRB_BRIDGE_GRACE_MS=7\n#ZRB_REDIS_STRICT=true\n#ZRB_REDIS_PREFIX=a\n',
    '#ZRB_INGEST_PULL=tcp://*:1\n',
    '#ZRB_INGEST_MAX_IN_FLIGHT=-1\n',
    '[[access]]\nclient = "alice"\npublish = ["orders", "jobs.*"]\nsubscribe = ["orders*", "x"]\n'
    '[[access]]\nclient = "b*"\nconsume = ["[a-o]*", "$*"]\nadmin = ["?"]\n',
    '[[access]]\nsubscribe = ["[a]*"]\n',
    '[[access]]\npublish = ["orders"]\nconsume = ["jobs.1", "x"]\nadmin = ["o?ders"]\n',
    '[[workers]]\npush = ["tcp://127.0.0.1:1"]\n[[workers]]\nchannels = ["a", "b*"]\ngroup = "g"\n',
]


def vectors(name):
    return json.loads((ROOT / "proto" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def frame(data):
    """As input_frame of fuzz.h reads it."""
    if len(data) < 254:
        return bytes([len(data)]) + data
    return b"\xfe" + len(data).to_bytes(2, "big") + data if len(data) < 65536 else b"\xff" + data


def message(frames):
    return bytes([len(frames) - 1]) + b"".join(map(frame, frames))


def ingest():
    messages = [message([bytes.fromhex(part) for part in vector["frames"][:4]]) for vector in vectors("ingest")]
    for one in messages:
        yield b"\x00\x00" + one
    short = [one for one in messages if len(one) < 200]
    for at in range(0, len(short), 8):
        yield b"\x03\x02" + b"".join(short[at:at + 8])
        yield b"\xff\x55" + b"".join(short[at:at + 8])


def request():
    for vector in vectors("requests"):
        yield b"\x00" + bytes.fromhex(vector["frame"])
    ping = bytes.fromhex(vectors("requests")[0]["frame"])
    yield b"\x01" + frame(b"") + ping
    yield b"\x02" + frame(b"1234") + frame(b"") + ping
    yield b"\x02" + frame(b"") + frame(b"") + ping
    yield b"\x02" + frame(b"a") + frame(b"b") + ping


def envelope():
    def numbered(data, number):
        return data[:2] + number.to_bytes(8, "big") + data[10:]

    members = [bytes.fromhex(vector.get("envelope") or vector["member"]) for vector in vectors("envelopes")]
    for member in members:
        yield frame(member)
    short = [member for member in members if 20 <= len(member) < 100]
    for at in range(0, len(short), 6):
        some = [numbered(member, 1 + i) for i, member in enumerate(short[at:at + 6])]
        yield frame(b"".join(some))
        yield b"".join(map(frame, some))
        yield frame(b"".join(some[:2])) + frame(b"".join(some[2:]))


def config():
    shipped = (ROOT / "bridge.toml").read_text(encoding="utf-8")
    everything = re.sub(r"^#(?=\[\[|\w+ = )", "", shipped, flags=re.M)
    yield shipped.encode()
    yield everything.encode()
    for section in re.split(r"\n\n(?=#?[^\n]*\n?\[)", everything):
        bare = "".join(line + "\n" for line in section.splitlines() if not line.startswith("#"))
        yield bare.encode()
    for text in MORE_TOML:
        yield text.encode()


def words(name):
    """The strings that vectors' msgpack holds, each with its head."""
    found = set()
    for vector in vectors(name):
        for part in vector.get("frames") or [vector.get("frame")]:
            found |= {text for text in re.findall(rb"[\xa2-\xbf][a-z_]{2,31}", bytes.fromhex(part))
                      if text[0] & 0x1f == len(text) - 1}
    return found


def toml_words():
    shipped = (ROOT / "bridge.toml").read_text(encoding="utf-8")
    found = set(re.findall(r"^#?(\w+ = .*|\[+\w+\]+)$", shipped, flags=re.M))
    found |= set(re.findall(r"^#?(\w+ = )", shipped, flags=re.M))
    found |= {"redis://", "unix:///", "?password=", "tcp://", "ipc://", '"""', "'''"}
    found |= {"#ZRB_REDIS_URL=", "#ZRB_BRIDGE_NAME="}
    return {word.encode() for word in found}


TARGETS = {
    "ingest": (ingest, lambda: words("ingest")),
    "request": (request, lambda: words("requests")),
    "envelope": (envelope, lambda: {b"\x94\xcf", b"\xcf", b"\xc0\xc4", b"\xc0\xc5", b"\xc0\xc6", b"\x81\xa1x"}),
    "config": (config, toml_words),
}


def main():
    directory = pathlib.Path(sys.argv[1])
    for target, (inputs, dictionary) in TARGETS.items():
        (directory / target).mkdir(parents=True, exist_ok=True)
        for data in inputs():
            if len(data) <= MOST:
                (directory / target / hashlib.sha1(data).hexdigest()).write_bytes(data)
        lines = ['"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in sorted(dictionary())]
        (directory / f"{target}.dict").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
