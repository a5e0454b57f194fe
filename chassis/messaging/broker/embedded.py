"""The embedded broker: durable queues in one SQLite file, for running the platform with nothing installed.

A commit is the confirm. A consumer takes a lease on a batch, renews it while it works and acknowledges with its token.
A consumer that dies or stalls loses the lease, and the messages are delivered again. Works between processes on one
machine.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from threading import Event

from chassis.core.bell import Bell
from chassis.messaging.broker.base import (
    BrokerUnavailable,
    DeadLetter,
    Handler,
    Message,
    dead_queue_of,
    queue_of,
    refuse_large_bodies,
)
from chassis.messaging.broker.store import MAX_DELIVERIES, Claim, Store

LEASE = 10.0
POLL = 0.03  # seconds until another process's messages are seen; this process's own wake the consumer


class EmbeddedBroker:
    """A ``Broker`` over the file at ``path``. ``lease`` is in seconds, at most five minutes."""

    def __init__(self, path: str, name: str, *, lease: float = LEASE):
        self._path = path
        self._name = name
        self._lease = lease
        self._bell = _bells.setdefault(path, Bell())
        self._lock = threading.Lock()
        self._publisher: Store | None = None
        self._closed = Event()

    def declare(self, subscriber: str, types: Sequence[str]) -> None:
        """Replaces the subscriber's bindings: only the subscriber itself adds any here."""
        with self._store() as store:
            store.declare(queue_of(subscriber), types)
            store.declare(dead_queue_of(subscriber), [])

    def publish(self, messages: Sequence[Message]) -> int:
        refuse_large_bodies(messages)
        if not messages:
            return 0
        with self._lock:
            self._refuse_when_closed()
            self._publisher = self._publisher or Store(self._path)
            self._publisher.publish(messages)
        self._bell.ring()
        return len(messages)

    def consume(
        self, subscriber: str, handle: Handler, *, stop: Event, prefetch: int = 20, batch: int | None = None
    ) -> None:
        """Claims no more than one batch: a claim is one short look at the file."""
        queue, limit = queue_of(subscriber), min(prefetch, batch or prefetch)
        with self._store() as store, _Renewal(self._path, self._lease) as renewal:
            while not stop.is_set():
                self._refuse_when_closed()
                rings = self._bell.rings
                claim = store.claim(queue, limit, self._lease)
                if claim is None:
                    self._bell.wait(rings, POLL)
                else:
                    self._work(store, renewal, claim, handle)

    def _work(self, store: Store, renewal: "_Renewal", claim: Claim, handle: Handler) -> None:
        try:
            with renewal.of(claim):
                handle(claim.messages)
        except BaseException:
            with suppress(BrokerUnavailable):  # the lease ends by itself; the handler's error matters more
                store.give_back(claim)
            raise
        if not store.settle(claim):
            raise BrokerUnavailable(f"{self._name} lost its lease on {claim.queue}; the batch is delivered again")

    def depth(self, subscriber: str) -> int:
        with self._store() as store:
            return store.depth(queue_of(subscriber))

    def dead_letters(self, subscriber: str, take: Callable[[DeadLetter], bool], *, limit: int = 1000) -> None:
        with self._store() as store:
            queue, reason = dead_queue_of(subscriber), f"came back {MAX_DELIVERIES} times"
            letters = [(seq, DeadLetter(message, reason)) for seq, message in store.waiting(queue, limit)]
            store.discard(queue, [seq for seq, letter in letters if take(letter)])

    def read_archive(self, since: datetime, read: Callable[[Message, datetime], object]) -> None:
        with self._store() as store:
            for message, published_at in store.archive(since.timestamp()):
                read(message, datetime.fromtimestamp(int(published_at), UTC))

    def rewrite(self, change: Callable[[bytes], bytes], after: int) -> int | None:
        with self._store() as store:
            return store.rewrite(change, after)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            publisher, self._publisher = self._publisher, None
            if publisher:
                publisher.close()

    def _store(self) -> closing[Store]:
        self._refuse_when_closed()
        return closing(Store(self._path))

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise BrokerUnavailable(f"{self._name} closed its broker")


class _Renewal:
    """A thread that keeps the lease of the batch in work alive, however long the handler takes."""

    def __init__(self, path: str, lease: float):
        self._path = path
        self._lease = lease
        self._claim: Claim | None = None
        self._ended = Event()
        self._thread = threading.Thread(target=self._run, name="broker-lease", daemon=True)

    def __enter__(self) -> "_Renewal":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def of(self, claim: Claim) -> Iterator[None]:
        self._claim = claim
        try:
            yield
        finally:
            self._claim = None

    def _run(self) -> None:
        while not self._ended.wait(self._lease / 3):
            claim = self._claim
            if claim:  # to renew a claim that was just acknowledged changes nothing: its token is gone
                with suppress(BrokerUnavailable), closing(Store(self._path)) as store:
                    store.renew(claim, self._lease)


_bells: dict[str, Bell] = {}  # one per file, shared by the relay's and the consumer's brokers of a process
