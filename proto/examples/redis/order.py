#!/usr/bin/env python3
"""order.py REDIS_URL: takes an order a line: books it, and appends it to the channel `orders`, in one transaction."""

import pathlib
import sys

import msgpack
import redis

LUA = pathlib.Path(__file__).resolve().parents[2] / "lua"
#  The order matters: each file is a part of one script.
PARTS = ["greet", "door", "skip", "timers", "lost", "join", "batch", "delay", "append"]
SCRIPT = "".join((LUA / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)


def append(pipeline, channel, payload, headers=None):
    """A message in a transaction of yours; what it gives at EXEC: [b"stored", its id, time_ms, …]."""
    pipeline.eval(SCRIPT, 3, f"zrb:{{{channel}}}:meta", "zrb:store", "zrb:channels", payload,
                  msgpack.packb(headers) if headers else b"")


def main(url):
    store = redis.Redis.from_url(url)
    for line in sys.stdin.buffer:
        customer, goods = line.strip().split(b" ", 1)
        with store.pipeline(transaction=True) as pipeline:
            pipeline.hincrby("booked", customer, 1)     # the application's own state, and
            append(pipeline, "orders", goods, {"customer": customer.decode()})  # its message: both or neither
            booked, (_, id, *_) = pipeline.execute()
        print(id, booked, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
