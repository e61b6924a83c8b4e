"""The load of test-compose and test-package: publishes until it is told to stop, then expects each message once, in
order.

Arguments: the port of the bridge's ROUTER; a file whose appearance means stop. Two files tell how it goes: with .ready
behind the name, whenever 100 more are stored; with .sent, how many are there at the end, where a second run begins.
"""

import pathlib
import sys

import msgpack
import zmq

PORT, STOP = sys.argv[1], pathlib.Path(sys.argv[2])
READY, SENT = pathlib.Path(f"{STOP}.ready"), pathlib.Path(f"{STOP}.sent")
context = zmq.Context()


def connect():
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.connect(f"tcp://127.0.0.1:{PORT}")
    return socket


req = connect()


def ask(**request):
    """Asks until it is answered `ok`, by a new socket when none comes: REQ waits for an answer that may never come."""
    global req
    while True:
        req.send(msgpack.packb(request))
        if not req.poll(2000):
            req.close()
            req = connect()
            continue
        reply = msgpack.unpackb(req.recv(), strict_map_key=False)
        if reply["ok"]:
            return reply
        assert "retry_ms" in reply, reply


sent = int(SENT.read_text()) if SENT.exists() else 0
while not STOP.exists():
    ask(op="publish", channel="orders", payload=b"%d" % sent, headers={"msg_id": b"%d" % sent})
    sent += 1
    if sent % 100 == 0:
        READY.touch()
SENT.write_text(str(sent))

payloads, after, more = [], 0, True
while more:
    reply = ask(op="replay", channel="orders", after=after)
    payloads += [int(envelope[3]) for _, envelope in reply["messages"]]
    after, more = reply["next"], reply["more"]
assert payloads == list(range(sent)), f"sent {sent}, found {len(payloads)}"
print(f"{sent} messages, each there once, in order")
