"""Which messages of a published batch are confirmed; shared by the two threads of a publisher."""

from collections.abc import Sequence
from threading import Event

from chassis.messaging.broker.base import Message


class Confirms:
    """One batch that is being published. ``prefix`` messages, counted from the first, are confirmed; it only grows.

    The batch is done when all messages before ``end`` are confirmed; ``end`` moves forward to the first message that
    was refused, and ``cause`` then says why. The publishing thread changes it, the caller waits on ``done``.
    """

    def __init__(self, messages: Sequence[Message]):
        self.messages = messages
        self.first_tag = 1  # the channel's number for the first message
        self.sent = 0
        self.prefix = 0
        self.end = len(messages)
        self.cause: Exception | None = None
        self.done = Event()
        self._confirmed = bytearray(len(messages))

    def may_send(self, window: int) -> bool:
        """Whether one more message fits among at most ``window`` in flight; none follows a refused one."""
        return self.sent < self.end and self.sent - self.prefix < window

    def confirm(self, tag: int, multiple: bool) -> None:
        """The broker has stored message number ``tag``, with ``multiple`` also all before it."""
        if tag < self.first_tag:
            return  # of an abandoned batch on the same channel
        index = tag - self.first_tag
        for at in range(self.prefix if multiple else index, index + 1):
            self._confirmed[at] = 1
        while self.prefix < self.end and self._confirmed[self.prefix]:
            self.prefix += 1
        self._finish_when_complete()

    def refuse(self, tag: int, multiple: bool, cause: Exception) -> None:
        """The broker will not store message number ``tag``, with ``multiple`` also none before it still in flight."""
        if tag < self.first_tag:
            return
        index = tag - self.first_tag
        if multiple:
            index = next(at for at in range(self.prefix, index + 1) if not self._confirmed[at])
        self._stop_before(index, cause)

    def returned(self, id: str, type: str, cause: Exception) -> None:
        """The broker had no queue for this message. Its confirm still follows, without a meaning."""
        for index in range(self.prefix, self.sent):
            message = self.messages[index]
            if (message.id, message.type) == (id, type) and not self._confirmed[index]:
                self._stop_before(index, cause)
                break

    def _stop_before(self, index: int, cause: Exception) -> None:
        if index < self.end:
            self.end, self.cause = index, cause
        self._finish_when_complete()

    def abandon(self, cause: Exception) -> None:
        """End the batch: no more confirms will come."""
        if not self.done.is_set():
            self.cause = cause
            self.done.set()

    def _finish_when_complete(self) -> None:
        if self.prefix >= self.end:
            self.done.set()
