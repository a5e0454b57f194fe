"""The consumer: takes events from the subscriber's queue, has them processed, and acknowledges them.

A handler that returns has handled its event. One that raises :class:`Drop` sends it to the dead letters. One that
raises anything else has it stored in the retry table and tried again, 8 times over growing delays; then it is dead too.
A message is acknowledged once its event is handled, in the retry table, dead or waiting for its turn, so an event that
fails never delays the others.
"""

from collections.abc import Sequence
from threading import Event

from sqlalchemy import delete, false

from chassis.core import metrics
from chassis.core.backoff import PATIENCE, Backoff
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.data.errors import is_away
from chassis.messaging.broker import Broker, Message, TopologyBroken
from chassis.messaging.events import Subscriber
from chassis.messaging.inbox import InboxRow
from chassis.messaging.processor import Processor

BATCH = 50  # events of one transaction
# The next batch is at hand when one is committed: a consumer that has to ask for it idles for a third of its time.
# So many events come again at most when a consumer dies.
PREFETCH = 2 * BATCH

log = logger(__name__)


class Consumer:
    """One subscriber at its queue."""

    def __init__(self, subscriber: Subscriber, database: Database, broker: Broker) -> None:
        self._subscriber = subscriber
        self._processor = Processor(subscriber)
        self._database = database
        self._broker = broker
        self._system = Principal.system(subscriber.name)

    def run(self, stop: Event) -> None:
        """Handle events until ``stop`` is set; reconnects and declares its queue again for as long as it takes.

        It consumes nothing until the database accepts writes: a message that goes back has one delivery less before it
        is a dead letter.
        """
        name, backoff = self._subscriber.name, Backoff(cap=PATIENCE)

        def handle(batch: Sequence[Message]) -> None:
            self.handle(batch)
            backoff.reset()

        while not stop.is_set():
            try:
                self._require_writable()
                self._broker.declare(name, self._subscriber.patterns)
                self._broker.consume(name, handle, stop=stop, prefetch=PREFETCH, batch=BATCH)
            except Exception as error:
                metrics.consumer_failures.inc()
                level = log.error if isinstance(error, TopologyBroken) else log.warning
                level("consumer stopped, starting again", subscriber=name, error=repr(error))
                stop.wait(backoff.next())

    def _require_writable(self) -> None:
        """Raise unless the database accepts writes: during a failover the old one may be readable only."""
        with acting_as(self._system), self._database.begin() as session:
            session.execute(delete(InboxRow).where(false()))

    def handle(self, batch: Sequence[Message]) -> None:
        """Handle a batch in one transaction; when an event of it fails, each in a transaction of its own.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is away; nothing was acknowledged.
        """
        with acting_as(self._system):
            if self._try(batch) is None:
                return
            for message in batch:
                failure = self._try([message])
                if failure is not None:
                    with self._database.begin() as session:
                        self._processor.fail(session, message, failure)

    def _try(self, batch: Sequence[Message]) -> Exception | None:
        """Process messages in one transaction; return why it was rolled back, None where it was committed."""
        try:
            with self._database.begin() as session:
                self._processor.process(session, batch)
        except Exception as error:
            if is_away(error):
                raise
            return error
        return None
