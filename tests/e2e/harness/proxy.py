"""Stands between a bridge and its redis-server, or clients and their bridge, and breaks what passes."""

import collections
import select
import socket
import threading
import time

from .wait import PATIENCE_S

APPEND = b"zrb:appended"  #  in each call of append.lua, and nowhere else
CHUNK = 65536


class _Link:
    """One connection through the proxy."""

    def __init__(self, near, far):
        self.near, self.far = near, far     #  the bridge's end, Redis's end
        self.open = [near, far]             #  those that may yet send something
        self.appends = False                #  it is the lane's

    def close(self):
        self.near.close()
        self.far.close()


class Cut:
    """What the lane's connection suffers next, once. `done` is set when it has happened.

    forward: so many bytes of what follows towards Redis still pass; None: all.
    back: so many bytes of replies to that still pass, and the next one cuts; None: `forward` cuts.
    held: Redis does not get the rest of it until `Proxy.deliver`, which may be after the bridge has come back.
    """

    def __init__(self, forward=None, back=None, held=False):
        self.forward, self.back, self.held = forward, back, held
        self.begun = False
        self.done = threading.Event()

    def wait(self):
        assert self.done.wait(PATIENCE_S), "nothing passed that could be cut"


class Proxy:
    """Owns a listening unix socket and the connections through it; one thread moves the bytes. `server`: has the path
    of the socket to which they lead."""

    def __init__(self, path, server):
        self.path, self.server = path, server
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._links = []
        self._forgotten = []        #  links that stay open
        self._held = []             #  (socket to Redis, bytes)
        self._cut = None
        self._stalled = False
        self._delay_s = 0
        self._late = collections.deque()    #  (when it passes on, its link and end, bytes), in that order
        self._lock = threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"unix://{self.path}"

    #  For the tests

    def cut(self, **how):
        """Arms a Cut and returns it."""
        cut = Cut(**how)
        with self._lock:
            assert self._cut is None, "one at a time"
            self._cut = cut
        return cut

    def cut_all(self):
        """Cuts every connection, now."""
        with self._lock:
            for link in self._links:
                link.near.shutdown(socket.SHUT_RDWR)

    def forget_all(self):
        """Nothing passes any more by the connections that are there, and nobody is told."""
        with self._lock:
            self._forgotten += self._links
            self._links = []
        self._wake.send(b"x")

    @property
    def connections(self):
        return len(self._links)

    def stall(self):
        """Nothing passes, and nothing is lost, until `go_on`."""
        self._stalled = True
        self._wake.send(b"x")

    def go_on(self):
        self._stalled = False
        self._wake.send(b"x")

    def delay(self, delay_s):
        """All that comes from now on, from either side, passes on so much later; nothing overtakes."""
        self._delay_s = delay_s

    def deliver(self):
        """Redis gets what was held back, and runs it: returns when it has answered."""
        with self._lock:
            held, self._held = self._held, []
        assert held
        for far, data in held:
            far.settimeout(PATIENCE_S)
            far.sendall(data)
            assert far.recv(CHUNK)
            far.close()

    def close(self):
        self._wake.send(b"q")
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._wake.close()
        self._woken.close()

    #  The thread

    def _run(self):
        while True:
            ends = {} if self._stalled else {end: link for link in self._links for end in link.open}
            waiting = [self._woken] if self._stalled else [self._woken, self._listener, *ends]
            for end in select.select(waiting, [], [], self._wait_s())[0]:
                if end is self._woken:
                    if end.recv(1) == b"q":
                        self._end()
                        return
                elif end is self._listener:
                    self._accept()
                else:
                    self._receive(ends[end], end)
            while self._wait_s() == 0:
                with self._lock:
                    self._move(*self._late.popleft()[1:])

    def _wait_s(self):
        """How long until something passes on; None: nothing does."""
        return max(0, self._late[0][0] - time.monotonic()) if self._late and not self._stalled else None

    def _end(self):
        for link in self._links + self._forgotten:
            link.close()
        for far, _ in self._held:
            far.close()
        self._listener.close()

    def _accept(self):
        near, _ = self._listener.accept()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self.server.path))
        except OSError:
            near.close()
            far.close()
            return
        with self._lock:
            self._links.append(_Link(near, far))

    def _drop(self, link):
        self._links.remove(link)
        link.close()

    def _receive(self, link, end):
        try:
            data = end.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            link.open.remove(end)
        soonest = self._late[-1][0] if self._late else 0
        self._late.append((max(soonest, time.monotonic() + self._delay_s), link, end, data))

    def _move(self, link, end, data):
        if link not in self._links:
            return
        if not data:
            self._drop(link)
            return
        try:
            if end is link.near:
                self._forward(link, data)
            else:
                self._back(link, data)
        except OSError:
            self._drop(link)

    def _finish(self, link, held=b""):
        cut, self._cut = self._cut, None
        if cut.held:
            self._links.remove(link)
            self._held.append((link.far, held))
            link.near.close()
        else:
            self._drop(link)
        cut.done.set()

    def _forward(self, link, data):
        cut = self._cut
        if not cut or not (cut.begun or APPEND in data):
            link.far.sendall(data)
            return
        if cut.begun and not link.appends:
            link.far.sendall(data)
            return
        cut.begun = link.appends = True
        if cut.forward is None:
            link.far.sendall(data)
            return
        link.far.sendall(data[:cut.forward])
        if len(data) >= cut.forward:
            self._finish(link, data[cut.forward:])
        else:
            cut.forward -= len(data)

    def _back(self, link, data):
        cut = self._cut
        if not cut or not cut.begun or not link.appends or cut.back is None:
            link.near.sendall(data)
            return
        link.near.sendall(data[:cut.back])
        if len(data) > cut.back:
            self._finish(link)
        else:
            cut.back -= len(data)
