"""Clicks that wait in memory, and how they are written: many together, none twice."""

from collections import deque
from collections.abc import Sequence
from threading import Lock

from prometheus_client import Counter, Gauge

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.errors import is_away, is_busy
from chassis.process.service import Runtime
from services.affiliates.clicks import actions
from services.affiliates.clicks.new_click import NewClick

MOST = 200_000  # clicks in memory, some 100 MB; further ones are counted and let go
BATCH = 2000  # clicks a transaction
TRIES = 5  # how often what the database refuses is offered again

written = Counter("concord_clicks_written_total", "Clicks written to the database")
lost = Counter("concord_clicks_lost_total", "Clicks that could not be kept", ["why"])
waiting = Gauge("concord_clicks_waiting", "Clicks in memory, not yet written")

log = logger(__name__)


class ClickBuffer:
    """Clicks of one process on their way to the database."""

    def __init__(self) -> None:
        self._waiting: deque[NewClick] = deque()
        self._writing = Lock()  # one writer at a time, so that clicks are written in their order
        self._refused = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, click: NewClick) -> None:
        if len(self._waiting) >= MOST:
            lost.labels("full").inc()
            return
        self._waiting.append(click)

    def flush(self, runtime: Runtime) -> bool:
        """Write what waits, at most a batch; say whether more may, so that who ends can ask until nothing does.

        What fails stays and is offered again: while the database is away for as long as it takes, what it refuses
        ``TRIES`` times. A batch whose fate is unknown is compared with what is there before it is written again.
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
                actions.record_clicks(session, batch, again=self._refused > 0, now=utcnow())
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
