"""One run: bring a platform up, load it while everything is killed, let it settle, judge."""

import random
import shutil
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

from aiosmtpd.controller import Controller

from tests.chaos import fleet, ledger
from tests.chaos.books import Books, settle
from tests.chaos.load import Load, World, build
from tests.chaos.verdict import Received, Verdict, judge, stalls
from tests.e2e.harness import free_ports

DRAIN = 30.0  # seconds everything has to settle once the killing ends
STALL = 30.0  # seconds a role may stand still: ten, and the twenty a server takes to come back
ABSORBED = 100  # a run with fewer than one absorbed redelivery among so many events has not tried hard enough
LOOK = 1.0
WARM_UP = 10.0  # seconds before the first kill: a queue that is seconds old does not survive one (RabbitMQ 3.10)


@dataclass(frozen=True)
class Plan:
    """How long and how hard. ``pause`` is the seconds between two kills, on average; ``members``, who there is and how
    often; ``ease``, how much longer users pause than in the long run."""

    seconds: float
    pause: float
    seed: int
    drain: float = DRAIN
    suppliers: int = 3
    retailers: int = 5
    silent: int = 25
    members: Mapping[str, int] = field(default_factory=lambda: fleet.MEMBERS)
    ease: float = 1.0


@dataclass
class Outcome:
    """What a run saw and found."""

    engines: str
    seed: int
    kills: dict[str, int]
    requests: int
    unanswered: int
    absorbed: int
    drained: float
    left: dict[str, int]
    longest_stalls: dict[str, float]
    verdict: Verdict
    void: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing was lost, doubled, inverted or left undone."""
        return self.verdict.clean and not self.left

    @property
    def passed(self) -> bool:
        """Sound, and it proves something."""
        return self.sound and not self.void


class MailServer:
    """Takes every mail, and counts how often it took which."""

    def __init__(self) -> None:
        self.posted: Counter[str] = Counter()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.posted[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, int]]:
    server, port = MailServer(), free_ports(1)
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


class Receiver(ThreadingHTTPServer):
    """Takes every webhook message, and remembers in which order each tenant's came: ``/<tenant>`` is its path."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self) -> None:
        self.taken: dict[str, list[UUID]] = defaultdict(list)
        super().__init__(("127.0.0.1", 0), _Hooked)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Hooked(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken[self.path.strip("/")].append(UUID(self.headers["webhook-id"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def run(engines: str, plan: Plan, say: Callable[[str], None]) -> Outcome:
    """A whole run on ``real`` or ``embedded`` engines; removes all it made but the logs of a run that found a fault."""
    home = Path(tempfile.mkdtemp(prefix=f"concord-chaos-{engines}-"))
    outcome = _run(engines, plan, home, say)
    if outcome.sound:
        shutil.rmtree(home)
    return outcome


def _run(engines: str, plan: Plan, home: Path, say: Callable[[str], None]) -> Outcome:
    with getattr(fleet, engines)() as (chosen, servers), mail_server() as (mails, smtp_port), receiver() as hooked:
        extra = {
            "CONCORD_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            # A sender's lease lasts nine times as long as it waits for the server: what a killed one held is sent soon.
            "CONCORD_SMTP_TIMEOUT": "1",
            "CONCORD_WEBHOOK_TIMEOUT": "2",  # and a webhook's lease lasts twice as long
            "CONCORD_MESSAGE_DELAY": "1",  # everything has half a minute to settle
            "CONCORD_MAIL_RATE": "1000000/minute",
            "CONCORD_MAIL_RECIPIENT_RATE": "",
        }
        template = chosen.environment.get("CONCORD_DATABASE_URL", f"sqlite:///{home}/{{service}}.db")
        books = Books(template, chosen.environment.get("CONCORD_BROKER_URL", f"embedded:///{home}/broker.db"))
        ledger.prepare(template.replace("{service}", ledger.NAME))
        with fleet.running(home, chosen, extra, plan.members) as running:
            say(f"{engines}: {len(running.processes)} processes are up, logs in {home}")
            world = build(
                running,
                suppliers=plan.suppliers,
                retailers=plan.retailers,
                silent=plan.silent,
                receiver=hooked.url,
            )
            received = Received(mails.posted, hooked.taken)
            return _batter(running, servers, books, world, received, plan, say)


def _batter(
    running: Any, servers: Any, books: Books, world: World, received: Received, plan: Plan, say: Any
) -> Outcome:
    load = Load(running, world, plan.seed, plan.ease)
    killer = fleet.Killer(running, servers, random.Random(plan.seed), plan.pause)
    absorbed = fleet.Absorbed(running)
    watch = Watch(stalls(books, load.accepted, received.mails.total), killer)
    load.start()
    time.sleep(WARM_UP)
    stop = threading.Event()
    killing = threading.Thread(target=killer.run, args=(stop,))
    killing.start()
    deadline = time.monotonic() + plan.seconds
    while time.monotonic() < deadline and killing.is_alive():
        absorbed.look()
        watch.look()
        time.sleep(LOOK)
    stop.set()
    killing.join()
    say(f"killing is over: {sum(killer.kills.values())} kills")
    load.stop()
    running.wait_until_ready()
    drained, left = settle(books, plan.drain)
    absorbed.look()
    outcome = Outcome(
        engines=running.engines.name,
        seed=plan.seed,
        kills=killer.kills,
        requests=load.accepted.answered,
        unanswered=load.accepted.unanswered,
        absorbed=absorbed.total,
        drained=drained,
        left=left,
        longest_stalls=watch.longest,
        verdict=judge(books, load.accepted, world.hooks, received),
    )
    outcome.void += _voids(outcome, watch)
    return outcome


def _voids(outcome: Outcome, watch: "Watch") -> Iterator[str]:
    """Why a run proves nothing, whatever it found."""
    if outcome.absorbed * ABSORBED < outcome.verdict.events:
        yield f"only {outcome.absorbed} redeliveries were absorbed among {outcome.verdict.events} events"
    for role, seconds in watch.longest.items():
        if seconds > STALL:
            yield f"{role} stood still for {seconds:.0f} s"
    yield from (f"{role} made no progress" for role in watch.idle)


class Watch:
    """How long each role has stood still at most."""

    def __init__(self, progress: dict[str, Callable[[], int]], killer: fleet.Killer) -> None:
        self._progress = progress
        self._killer = killer
        now = time.monotonic()
        self._last = dict.fromkeys(progress, (0, now))
        self.longest = dict.fromkeys(progress, 0.0)

    @property
    def idle(self) -> list[str]:
        return [role for role, (reached, _) in self._last.items() if not reached]

    def look(self) -> None:
        now = time.monotonic()
        for role, ask in self._progress.items():
            reached, since = self._last[role]
            with suppress(Exception):  # the database is being killed, too
                if ask() > reached:
                    self._last[role] = (ask(), now)
                    continue
            self.longest[role] = max(self.longest[role], now - since)
