#!/usr/bin/env python3
"""producer.py push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
producer.py publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it."""

import itertools
import sys
import time
import uuid

import msgpack
import zmq

PATIENCE_MS = 5000  # every request is answered in that time, or its bridge is gone
how, endpoint, channel = sys.argv[1:]
context = zmq.Context()
socket = context.socket(zmq.PUSH if how == "push" else zmq.DEALER)
socket.heartbeat_ivl = PATIENCE_MS  # finds out that a connection has died without a word
socket.connect(endpoint)
seqs = itertools.count(1)


def ask(**request):
    """Asks until it is answered well: the bridge may be gone for a while, or its Redis."""
    while True:
        request["seq"] = next(seqs)
        socket.send(msgpack.packb(request))
        while socket.poll(PATIENCE_MS):
            reply = msgpack.unpackb(socket.recv())
            if reply["seq"] != request["seq"]:
                continue  # to an earlier try
            if reply["ok"]:
                return reply
            if "retry_ms" not in reply:
                raise RuntimeError(reply["message"])
            time.sleep(reply["retry_ms"] / 1000)
            break


me = uuid.uuid4().hex
for number, line in enumerate(sys.stdin.buffer):
    payload = line.removesuffix(b"\n")
    if how == "push":
        socket.send_multipart([channel.encode(), payload])
    else:  # with a msg_id it is stored once, however often it is sent
        reply = ask(op="publish", channel=channel, payload=payload, headers={"msg_id": f"{me}-{number}"})
        print(reply["ids"][0], flush=True)
socket.close()
context.term()  # when all is sent
