"""A Durable in a thread of its own, that can be made to lose what was sent to it."""

import collections
import threading

import zmq
from durable import Durable

from .wait import eventually
from .wire import id_of


class _Lossy:
    """Stands in for a SUB socket; what `loses` says is never seen behind it."""

    def __init__(self, follower, sub):
        self._follower, self._sub = follower, sub
        self._frames = None

    def poll(self, wait_ms):
        if not self._sub.poll(wait_ms):
            return 0
        self._frames = self._sub.recv_multipart()
        topic, id_ = self._frames[0].decode(), id_of(self._frames[1])
        if self._follower.loses(topic, id_):
            self._follower.lost[topic] += 1
            return 0
        self._follower.live[topic].append(id_)
        return 1

    def recv_multipart(self):
        return self._frames


class Follower:
    """`got`: {channel: [(id, payload)]} as the Durable worked them; `live`, `lost`: {topic: ids that came on SUB},
    {topic: count of those that were lost}. `loses (topic, id)` may be replaced at any time."""

    def __init__(self, bridge, *channels):
        self.got = {channel: [] for channel in channels}
        self.live, self.lost = collections.defaultdict(list), collections.Counter()
        self.hear()
        self._durable = Durable(bridge.context, bridge.endpoint("pub"), bridge.endpoint("router"), channels,
                                lambda channel, id_, payload: self.got[channel].append((id_, payload)))
        self._socket = self._durable.sub
        self._socket.rcvhwm = 0
        self._durable.sub = _Lossy(self, self._socket)
        self._stop = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.is_set():
                self._durable.step(50)
        except zmq.ContextTerminated:
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self._failure = failure
        self._socket.close(0)
        self._durable.dealer.close(0)

    @property
    def skipped(self):
        return self._durable.skipped

    def hear(self):
        self.loses = lambda topic, id_: False

    def lose(self, *topics):
        """Loses all of these topics, or all, from now on."""
        self.loses = lambda topic, id_: not topics or topic in topics

    def wait(self, condition, what):
        eventually(lambda: self._failure or condition(), what)
        if self._failure:
            raise self._failure

    def wait_lost(self, count, topic):
        """Until so many of a topic have been lost."""
        self.wait(lambda: self.lost[topic] >= count, f"the loss of {count} of {topic}")

    def wait_got(self, channel, expected):
        """Until it has worked exactly these [(id, payload)], in this order."""
        try:
            self.wait(lambda: len(self.got[channel]) >= len(expected), "all messages")
        finally:
            got = self.got[channel]
            assert got == expected, f"{len(got)} of {len(expected)}: {sorted(set(expected) - set(got))[:5]} missing"

    def stop(self):
        self._stop.set()
        self._thread.join()
        if self._failure:
            raise self._failure
