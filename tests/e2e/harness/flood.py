"""flood ENDPOINT COUNT: PUSHes that many messages of 100 bytes to channel `flood`, as fast as it can."""

import sys

import zmq


def main(endpoint, count):
    context = zmq.Context()
    push = context.socket(zmq.PUSH)
    push.sndhwm = 10000
    push.connect(endpoint)
    for number in range(count):
        push.send(b"flood", zmq.SNDMORE)
        push.send(b"%0100d" % number)
    push.close(linger=-1)
    context.term()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
