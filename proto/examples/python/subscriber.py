#!/usr/bin/env python3
"""subscriber.py PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.

It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it meets
a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE with its work.
"""

import itertools
import sys
import time

import msgpack
import zmq

PATIENCE_MS = 5000  # every request is answered in that time, or its bridge is gone
SILENCE_MS = 6000  # a beat comes each second, or the connection has died
pub, router, channel = sys.argv[1:4]
last, store = (int(sys.argv[4]), sys.argv[5]) if len(sys.argv) > 5 else (0, None)
bridge = beat = None
context = zmq.Context()
dealer = context.socket(zmq.DEALER)
dealer.heartbeat_ivl = PATIENCE_MS  # finds out that a connection has died without a word
dealer.connect(router)
seqs = itertools.count(1)


def ask(**request):
    """Asks until it is answered well: the bridge may be gone for a while, or its Redis."""
    while True:
        request["seq"] = next(seqs)
        dealer.send(msgpack.packb(request))
        while dealer.poll(PATIENCE_MS):
            reply = msgpack.unpackb(dealer.recv())
            if reply["seq"] != request["seq"]:
                continue  # to an earlier try
            if reply["ok"]:
                return reply
            if "retry_ms" not in reply:
                raise RuntimeError(reply["message"])
            time.sleep(reply["retry_ms"] / 1000)
            break


def listen():
    sub = context.socket(zmq.SUB)
    sub.linger = 0
    sub.subscribe(channel)
    sub.subscribe("$heads")
    sub.connect(pub)
    return sub


def write(line):
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def work(id, time_ms, headers, payload, *later):
    global last
    write(b"%d %d %s" % (id, len(payload), payload))
    last = id


def replay():
    """All that is stored above the last."""
    global last
    more = True
    while more:
        reply = ask(op="replay", channel=channel, after=last)
        for _, first, end, why in reply["gaps"]:
            write(b"hole %d %d %s" % (first, end, why.encode()))
        for _, envelope in reply["messages"]:
            work(*envelope)
        last, more = reply["next"], reply["more"]


def on_beat(headers, heads):
    global last, store, bridge, beat
    if headers["store"] != store:
        write(b"store " + headers["store"].encode())
        last = last if store is None else 0  # other data
    is_new = headers["bridge"] != bridge or headers["seq"] > beat + 5
    store, bridge, beat = headers["store"], headers["bridge"], headers["seq"]
    if is_new or heads.get(channel, 0) > last:
        replay()


sub = listen()
while True:
    if not sub.poll(SILENCE_MS):
        sub.close()
        sub = listen()
        continue
    topic, envelope = sub.recv_multipart()
    envelope = msgpack.unpackb(envelope)
    if topic == b"$heads":
        on_beat(envelope[2], msgpack.unpackb(envelope[3]))
    elif topic == channel.encode() and bridge is not None:  # a subscription is a prefix; the first beat replays
        if envelope[0] > last + 1:
            replay()
        if envelope[0] > last:
            work(*envelope)
