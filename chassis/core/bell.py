"""Wakes the threads of one process that wait for something to do."""

import threading


class Bell:
    """Any number of threads wait, and each of them is woken by a ring.

    A thread reads ``rings`` before it looks for work and hands it to ``wait`` afterwards, so that a ring between the
    two is not missed.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._condition:
            self.rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Until there were more rings than ``heard``, or ``seconds`` are over."""
        with self._condition:
            self._condition.wait_for(lambda: self.rings != heard, seconds)
