#!/usr/bin/env python3
"""worker.py ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.

It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
"""

import itertools
import sys
import time

import msgpack
import zmq

PATIENCE_MS = 5000  # every request is answered in that time and its wait_ms, or its bridge is gone
router, channel, name = sys.argv[1:]
dealer = zmq.Context().socket(zmq.DEALER)
dealer.heartbeat_ivl = PATIENCE_MS  # finds out that a connection has died without a word
dealer.connect(router)
seqs = itertools.count(1)


def ask(**request):
    """Asks until it is answered well: the bridge may be gone for a while, or its Redis."""
    while True:
        request["seq"] = next(seqs)
        dealer.send(msgpack.packb(request))
        while dealer.poll(PATIENCE_MS + request.get("wait_ms", 0)):
            reply = msgpack.unpackb(dealer.recv())
            if reply["seq"] != request["seq"]:
                continue  # to an earlier try
            if reply["ok"]:
                return reply
            if "retry_ms" not in reply:
                raise RuntimeError(reply["message"])
            time.sleep(reply["retry_ms"] / 1000)
            break


def work(id, payload, attempt):
    """May run again for a message whose ack did not come through in time: see to it that this does no harm."""
    sys.stdout.buffer.write(b"%d %d %d %s\n" % (id, attempt, len(payload), payload))
    sys.stdout.buffer.flush()
    if payload.startswith(b"fail") and attempt < 3:
        raise ValueError("it failed")


ask(op="release", channel=channel, consumer=name)  # what it held when it was killed
while True:
    taken = ask(op="take", channels=[channel], max=10, lease_ms=30000, wait_ms=2000, consumer=name)
    for _, (id, time_ms, headers, payload, *_), lease, attempt in taken["messages"]:
        settle = {"channel": channel, "items": [[id, lease]]}
        try:
            work(id, payload, attempt)
        except ValueError as failure:
            ask(op="nack", reason=str(failure), delay_ms=100, **settle)
        else:
            ask(op="ack", **settle)  # a `stale` in the answer: it took too long, and another has it
