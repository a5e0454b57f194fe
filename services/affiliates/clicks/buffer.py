"""Click buffer: clicks wait in memory and are written in groups, none twice."""

from collections import deque
from collections.abc import Sequence
from threading import Lock

from prometheus_client import Counter, Gauge

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.errors import is_away, is_busy
from chassis.process.service import Runtime
from services.affiliates.clicks.actions import record_clicks
from services.affiliates.clicks.rules import NewClick

MAX_CLICKS = 200_000  # in memory, about 100 MB; further clicks are counted and dropped
BATCH = 2000  # clicks a transaction
TRIES = 5  # for a batch that the database refuses

written = Counter("concord_clicks_written_total", "Clicks written to the database")
lost = Counter("concord_clicks_lost_total", "Clicks that were lost", ["why"])
waiting = Gauge("concord_clicks_waiting", "Clicks in memory, not yet written")

log = logger(__name__)


class ClickBuffer:
    """Clicks of one process on their way to the database."""

    def __init__(self) -> None:
        self._waiting: deque[NewClick] = deque()
        self._writing = Lock()  # one writer at a time, so that clicks are written in order
        self._refused = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, click: NewClick) -> None:
        if len(self._waiting) >= MAX_CLICKS:
            lost.labels("full").inc()
            return
        self._waiting.append(click)

    def flush(self, runtime: Runtime) -> bool:
        """Write at most a batch; return whether more clicks may wait, so that a process that ends can empty the buffer.

        A batch that fails is tried again: without limit while the database is away, ``TRIES`` times if it refuses the
        batch. If the result of an attempt is unknown, the next one skips the clicks that are in the table.
        """
        with self._writing:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if batch:
                self._write(runtime, batch)
            waiting.set(len(self._waiting))
            return len(batch) == BATCH and not self._refused

    def _write(self, runtime: Runtime, batch: Sequence[NewClick]) -> None:
        try:
            with runtime.database.begin() as session:
                record_clicks(session, batch, again=self._refused > 0, now=utcnow())
        except Exception as error:
            log.warning("clicks wait in memory", count=len(batch), error=repr(error))
            self._refused += 0 if is_away(error) or is_busy(error) else 1
            if self._refused >= TRIES:
                log.error("clicks could not be written", count=len(batch), first=str(batch[0].id), error=repr(error))
                lost.labels("refused").inc(len(batch))
                self._refused = 0
                return
            self._refused = max(1, self._refused)
            self._waiting.extendleft(reversed(batch))
        else:
            self._refused = 0
            written.inc(len(batch))
