"""A subscriber that misses nothing: PROTOCOL.md's rule for holes and beats, with nothing but zmq and msgpack."""

import msgpack
import zmq


class Durable:
    """Calls `work (channel, id, payload)` for each message of the channels: once, in id order, also for what was
    stored before. `skipped`: the holes that replay told, [channel, first, last, why]. Used by one thread."""

    def __init__(self, context, pub, router, channels, work):
        self.work = work
        self.last = dict.fromkeys(channels, 0)  # the highest id that was worked, or told to be a hole
        self.store = self.bridge = self.beat = None
        self.skipped = []
        self.asked = 0
        self.sub, self.dealer = context.socket(zmq.SUB), context.socket(zmq.DEALER)
        for channel in (*channels, "$heads"):
            self.sub.subscribe(channel)
        self.sub.connect(pub)
        self.dealer.connect(router)

    def step(self, wait_ms):
        """Waits that long for something to come, and does what it asks for."""
        if self.sub.poll(wait_ms):
            topic, envelope = self.sub.recv_multipart()
            if topic == b"$heads":
                self.on_beat(envelope)
            elif topic.decode() in self.last:  # a subscription is a prefix
                self.on_message(topic.decode(), msgpack.unpackb(envelope))

    def on_message(self, channel, envelope):
        if envelope[0] > self.last[channel] + 1:
            self.replay(channel)
        if envelope[0] > self.last[channel]:  # what replay did not tell either, Redis has lost
            self.last[channel] = envelope[0]
            self.work(channel, envelope[0], envelope[3])

    def on_beat(self, envelope):
        _, _, headers, payload = msgpack.unpackb(envelope)[:4]
        heads = msgpack.unpackb(payload)
        if self.store not in (None, headers["store"]):
            self.last = dict.fromkeys(self.last, 0)
        is_new = headers["bridge"] != self.bridge or headers["seq"] > self.beat + 5
        self.store, self.bridge, self.beat = headers["store"], headers["bridge"], headers["seq"]
        for channel, last in list(self.last.items()):
            if is_new or heads.get(channel, 0) > last:
                self.replay(channel)

    def replay(self, channel):
        """All that is stored above the last."""
        more = True
        while more:
            reply = self.ask(op="replay", channel=channel, after=self.last[channel])
            for _, envelope in reply["messages"]:
                self.work(channel, envelope[0], envelope[3])
            self.skipped += reply["gaps"]
            self.last[channel], more = reply["next"], reply["more"]

    def ask(self, **request):
        """Asks until it is answered well: a bridge may be gone, and Redis away."""
        while True:
            self.asked += 1
            self.dealer.send(msgpack.packb({**request, "seq": self.asked}))
            while self.dealer.poll(2000):
                reply = msgpack.unpackb(self.dealer.recv())
                if reply["seq"] == self.asked and reply["ok"]:
                    return reply
                if reply["seq"] == self.asked:
                    self.dealer.poll(reply["retry_ms"])
                    break
