"""How the web server's worker hears that it is to stop."""

import signal

from chassis.process import worker
from chassis.process.worker import Worker


class NotTwice:
    """Like an Event: whoever sets it while it is being set would wait for ever. A signal comes meanwhile."""

    def __init__(self, signalled):
        self.signalled = signalled
        self.sets = 0

    def set(self):
        self.sets += 1
        assert self.sets == 1, "set while it is being set"
        self.signalled()


class Queue:
    def defer(self, callback):
        pass


def test_a_second_signal_while_the_first_is_handled_does_nothing(monkeypatch):
    stopping = Worker.__new__(Worker)
    stopping.alive, stopping.method_queue = True, Queue()
    event = NotTwice(lambda: stopping.handle_exit(signal.SIGTERM, None))
    monkeypatch.setattr(worker, "stopping", event)
    stopping.handle_exit(signal.SIGTERM, None)
    assert not stopping.alive
    assert event.sets == 1
