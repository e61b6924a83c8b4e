"""The vectors themselves: made by make.py, true to msgpack, true to Redis, true to PROTOCOL.md."""

import json
import re
import subprocess
import sys

import msgpack
import pytest

from harness.wire import ROOT, VECTORS, decode, encode, unpack, vectors


def test_vectors_are_what_make_writes(tmp_path):
    subprocess.run([sys.executable, "-B", VECTORS / "make.py", tmp_path], check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in VECTORS.glob("*.json")}
    assert made.keys() == kept.keys()
    assert [name for name in made if made[name] != kept[name]] == []


@pytest.mark.parametrize("name", ["scan", "names", "globs", "ingest", "envelopes", "requests", "replies"])
def test_no_two_vectors_are_the_same(name):
    lines = [json.dumps({key: value for key, value in vector.items() if key != "name"}, sort_keys=True)
             for vector in vectors(name)]
    doubles = [line for line in set(lines) if lines.count(line) > 1]
    assert doubles == []


def _is_one_value(data):
    unpacker = msgpack.Unpacker(None, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(data)
    try:
        unpacker.skip()
    except (msgpack.OutOfData, msgpack.FormatError):
        return False
    return unpacker.tell() == len(data)


def _depth(data):
    """Levels of arrays and maps around the deepest item of one whole value."""
    unpacker = msgpack.Unpacker(None, strict_map_key=False, max_buffer_size=0)
    unpacker.feed(data)
    open_, deepest = [], 0
    while True:
        head = data[unpacker.tell()]
        if head in (0xdc, 0xdd) or 0x90 <= head <= 0x9f:
            open_.append(unpacker.read_array_header())
        elif head in (0xde, 0xdf) or 0x80 <= head <= 0x8f:
            open_.append(2 * unpacker.read_map_header())
        else:
            unpacker.skip()
        deepest = max(deepest, len(open_))
        while open_ and open_[-1] == 0:
            open_.pop()
        if not open_:
            return deepest
        open_[-1] -= 1


def test_scan_vectors_agree_with_a_stock_library():
    for vector in vectors("scan"):
        data = bytes.fromhex(vector["hex"])
        if len(data) > 5000:
            assert not vector["valid"]  # deeper than the library goes
            continue
        expected = _is_one_value(data) and _depth(data) <= 16
        assert vector["valid"] == expected, vector["name"]


def test_name_vectors_agree_with_unicode():
    for vector in vectors("names"):
        data = bytes.fromhex(vector["hex"])
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = " "
        barred = any(char.isspace() or ord(char) < 32 or 127 <= ord(char) < 160 or char in "*?[]{}\\"
                     for char in text)
        assert vector["valid"] == (1 <= len(data) <= 200 and not barred), vector["name"]


def test_glob_vectors_agree_with_redis(store):
    for vector in vectors("globs"):
        store.flushall()
        store.set(vector["text"], 1)
        in_redis = bool(store.keys(vector["glob"]))
        hidden = vector["text"].startswith("$") and vector["glob"][0] in "*?["
        assert vector["match"] == (in_redis and not hidden), vector


def test_envelope_vectors_decode_with_a_stock_library():
    for vector in vectors("envelopes"):
        if "envelope" not in vector:
            continue
        data = bytes.fromhex(vector["envelope"])
        headers = vector["headers"] and bytes.fromhex(vector["headers"])
        id_, time_ms, payload = int(vector["id"]), int(vector["time_ms"]), bytes.fromhex(vector["payload"])
        assert decode(data) == (id_, time_ms, unpack(headers) if headers else {}, payload)
        assert encode(id_, time_ms, headers, payload) == data


def test_request_vectors_decode_with_a_stock_library():
    for vector in vectors("requests"):
        if "op" in vector:
            request = unpack(bytes.fromhex(vector["frame"]))
            assert request["op"] == vector["op"]


def _shown(value):
    """A decoded reply as `reply` shows it."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, int) and not isinstance(value, bool) and value > 2**53:
        return str(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return value


def test_reply_vectors_are_what_they_show():
    for vector in vectors("replies"):
        assert _shown(unpack(bytes.fromhex(vector["hex"]))) == vector["reply"], vector["name"]


def test_hex_in_protocol_md_is_a_vector():
    text = (ROOT / "proto" / "PROTOCOL.md").read_text(encoding="utf-8")
    known = {vector[key] for name in ("envelopes", "requests", "replies") for vector in vectors(name)
             for key in ("envelope", "frame", "hex") if key in vector}
    blocks = [re.sub(r"\s", "", block) for block in re.findall(r"```hex\n(.*?)```", text, re.S)]
    assert len(blocks) >= 4
    assert [block for block in blocks if block not in known] == []


def test_every_reason_of_the_vectors_stands_in_protocol_md():
    text = (ROOT / "proto" / "PROTOCOL.md").read_text(encoding="utf-8")
    for vector in vectors("ingest"):
        if "reason" in vector:
            reason = re.sub(r"\(\d+\)", "(N)", vector["reason"])
            reason = reason.replace("headers.at_ms: not", "headers.delay_ms: not")
            reason = re.sub(r"headers\.\w+: given twice", "headers.msg_id: given twice", reason)
            assert f"`{reason}`" in text, vector["reason"]
