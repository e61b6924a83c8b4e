"""Records what was tried while things break, and how it ended; checks that against what is there in the end."""

from .background import Background
from .client import PATIENCE_S
from .wait import eventually

ANSWER_S = 2
MAY_COME_AGAIN = {"busy", "unavailable", "unknown_outcome"}


class Runner(Background):
    """Calls `step ()` until `stop`; a failure of it is that of `stop`."""

    def __init__(self, bridge):
        super().__init__()
        self._client = bridge.client()
        self.start()

    def run(self):
        while not self._stop.is_set():
            self.step()

    def step(self):
        raise NotImplementedError

    def ask(self, **request):
        """One try; None where no reply came: the bridge may be gone, with the request or after it."""
        seq = self._client.send(**request)
        try:
            reply = self._client.reply(seq, ANSWER_S + request.get("wait_ms", 0) / 1000)
        except AssertionError:
            return None
        assert reply["ok"] or (reply["code"] in MAY_COME_AGAIN and reply["retry_ms"] > 0), reply
        return reply

    def insist(self, **request):
        """Asks until it is answered well."""
        while True:
            reply = self.ask(**request)
            if reply and reply["ok"]:
                return reply
            self.rest()

    def rest(self, pause_s=0.05):
        self._stop.wait(pause_s)

    def stop(self):
        self.join(4 * PATIENCE_S)


class Publisher(Runner):
    """Publishes `name 1`, `name 2`, … one after the other. With `insists` each has a msg_id, and is sent again until
    it is ok; else it is tried once.

    `ok`: {payload: id}; `failed`: refused, so not stored; `unknown`: perhaps stored."""

    def __init__(self, bridge, channel, name, insists):
        self.channel, self.name, self.insists = channel, name, insists
        self.ok, self.failed, self.unknown = {}, set(), set()
        self.count = 0
        super().__init__(bridge)

    def step(self):
        self.count += 1
        payload = b"%s %d" % (self.name, self.count)
        if self.insists:
            reply = self.insist(op="publish", channel=self.channel, payload=payload, headers={"msg_id": payload})
        else:
            reply = self.ask(op="publish", channel=self.channel, payload=payload)
        if reply and reply["ok"]:
            self.ok[payload] = reply["ids"][0]
        else:
            is_known = reply and reply["code"] != "unknown_outcome"
            (self.failed if is_known else self.unknown).add(payload)
            self.rest(0.02)

    @property
    def tried(self):
        return self.ok.keys() | self.failed | self.unknown


class Taker(Runner):
    """Takes, and acks until it is told how that went. `delivered`: payloads, as often as they came; `done`,
    `settled`: how often the ack of an id was told to be done, and to be done or already."""

    def __init__(self, bridge, channel, name):
        self.channel, self.name = channel, name
        self.delivered, self.done, self.settled = [], [], set()
        super().__init__(bridge)

    def step(self):
        reply = self.ask(op="take", channels=[self.channel], max=20, lease_ms=3000, wait_ms=300, consumer=self.name)
        for _, (id_, _, _, payload), lease, _ in reply["messages"] if reply and reply["ok"] else []:
            self.delivered.append(payload)
            told = self.insist(op="ack", channel=self.channel, items=[[id_, lease]])
            self.done += told["done"]
            self.settled.update(told["done"] + told["already"])


def check_stored(publishers, messages):
    """All that was ok is there under its id, once; nothing that failed or was never tried; each publisher's in its
    order. `messages`: the channel's, [(id, payload)]. Returns {payload: id}."""
    found = {}
    for id_, payload in messages:
        assert payload not in found, f"{payload} under {found[payload]} and {id_}"
        found[payload] = id_
    ids = [id_ for id_, _ in messages]
    assert ids == sorted(set(ids))
    assert found.keys() <= set().union(*(publisher.tried for publisher in publishers))
    for publisher in publishers:
        assert publisher.ok, publisher.name
        assert {payload: found.get(payload) for payload in publisher.ok} == publisher.ok, "what was ok is lost"
        assert not found.keys() & publisher.failed, "what failed is there"
        own = [int(payload.split()[1]) for payload in found if payload.startswith(publisher.name + b" ")]
        assert own == sorted(own), publisher.name
    return found


def wait_settled(client, takers, found):
    """Until each message is settled; each was done once. Returns how many came more than once."""
    channel, ids = takers[0].channel, set(found.values())

    def is_settled():
        group = client.ok(op="status", channel=channel)["channels"][channel]["groups"]["default"]
        return (group["waiting"], group["leased"]) == (0, 0)

    eventually(is_settled, "all to be settled", 4 * PATIENCE_S)
    for taker in takers:
        taker.stop()
    done = [id_ for taker in takers for id_ in taker.done]
    assert len(done) == len(set(done)), "an ack was done twice"
    assert set().union(*(taker.settled for taker in takers)) == ids
    delivered = [payload for taker in takers for payload in taker.delivered]
    assert set(delivered) == found.keys()
    return len(delivered) - len(found)
