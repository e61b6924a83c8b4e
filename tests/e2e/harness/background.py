"""What goes on beside a test."""

import threading


class Background:
    """Calls `run ()` in a thread; what fails there is raised by `check` and `join`."""

    def __init__(self):
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guard, daemon=True)

    def start(self):
        self._thread.start()

    def _guard(self):
        try:
            self.run()
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def run(self):
        """Until `_stop` is set."""
        raise NotImplementedError

    def check(self):
        if self.failure:
            raise self.failure

    def join(self, patience_s):
        """Asks it to stop, and waits for that."""
        self._stop.set()
        self._thread.join(patience_s)
        assert not self._thread.is_alive(), f"{self} does not end"
        self.check()
