"""Events as identity and campaigns publish them, and mail servers on loopback that behave or misbehave."""

import contextlib
import socket
import socketserver
import threading
import time
from email import message_from_bytes
from email.policy import default
from uuid import UUID, uuid4

from aiosmtpd.controller import Controller
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select, update

from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import Principal, acting_as
from chassis.process import settings as process_settings
from contracts.roles import Role
from services.notifier import settings
from services.notifier.audience import tasks
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound import claims, sender, settlement
from tests.plugin import principal, sample_event

FJORD = UUID("8f3c0000-0000-4000-8000-000000000001")
ROLF = UUID("8f3c0000-0000-4000-8000-00000000000a")
NORDIC = UUID("a91b0000-0000-4000-8000-000000000002")
ANNA = UUID("a91b0000-0000-4000-8000-00000000000b")
SYSTEM = Principal.system("notifier")


def own_settings(notifier=None):
    """The notifier's settings: of a running one, or of a new process with the variables that are set."""
    return settings.of(notifier.runtime.settings if notifier else process_settings.load())


def user_added(user_id=ROLF, tenant_id=FJORD, sequence=1, **changes):
    data = {
        "userId": str(user_id),
        "tenantId": str(tenant_id),
        "email": "rolf@fjord-retail.example",
        "name": "Rolf Fjord",
        "role": "RetailerAdmin",
    }
    return sample_event("identity.UserAdded.v1", data | changes, subject=str(user_id), sequence=sequence)


def user_removed(user_id=ROLF, tenant_id=FJORD, sequence=2):
    data = {"userId": str(user_id), "tenantId": str(tenant_id)}
    return sample_event("identity.UserRemoved.v1", data, subject=str(user_id), sequence=sequence)


def invite_created(retailer_id=FJORD, **changes):
    data = {
        "inviteId": str(uuid4()),
        "campaignId": str(uuid4()),
        "campaignName": "Spring Showroom Push",
        "participationAsk": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
        "startDate": "2026-04-01T00:00:00Z",
        "endDate": "2026-05-15T00:00:00Z",
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "retailerId": str(retailer_id),
        "retailerName": "Fjord Retail",
    }
    tenants = f"{NORDIC},{retailer_id}"
    return sample_event("campaigns.InviteCreated.v1", data | changes, subject=data["inviteId"], tenantids=tenants)


PARTNERS = {
    "supplierId": str(NORDIC),
    "supplierName": "Nordic Heating",
    "retailerId": str(FJORD),
    "retailerName": "Fjord Retail",
}
BOTH = f"{NORDIC},{FJORD}"


def anna_added(**changes):
    """The supplier's admin."""
    data = {"email": "anna@nordic-heating.example", "name": "Anna Lind", "role": "SupplierAdmin"}
    return user_added(ANNA, NORDIC, **data | changes)


def invite_responded(response="Accepted", note="Happy to join.", **changes):
    data = PARTNERS | {
        "inviteId": str(uuid4()),
        "campaignId": str(UUID(int=7)),
        "campaignName": "Spring Showroom Push",
        "response": response,
        "note": note,
    }
    return sample_event("campaigns.InviteResponded.v1", data | changes, subject=data["inviteId"], tenantids=BOTH)


THREAD = UUID("7a1d0000-0000-4000-8000-000000000004")


def message_posted(sequence=2, *, thread=THREAD, to=FJORD, preview="Let me know if it works.", **changes):
    """A message in a thread of Nordic Heating and Fjord Retail, to the latter where nothing else is said."""
    sender = FJORD if to == NORDIC else NORDIC
    data = PARTNERS | {
        "messageId": str(uuid4()),
        "threadId": str(thread),
        "subject": "Spring campaign artwork",
        "senderTenantId": str(sender),
        "senderName": "Rolf Fjord" if to == NORDIC else "Anna Lind",
        "recipientTenantId": str(to),
        "preview": preview,
        "isSystem": False,
    }
    event = "messaging.MessagePosted.v1"
    return sample_event(event, data | changes, subject=str(thread), sequence=sequence, tenantids=BOTH)


def thread_read(sequence, *, thread=THREAD, by=FJORD):
    data = {"threadId": str(thread), "tenantId": str(by), "readAt": rfc3339(utcnow())}
    return sample_event("messaging.ThreadRead.v1", data, subject=str(thread), sequence=sequence, tenantids=str(by))


def tier_assigned(**changes):
    data = PARTNERS | {
        "tierId": str(uuid4()),
        "tierName": "Gold",
        "previousTierId": None,
        "previousTierName": None,
    }
    return sample_event("prm.TierAssigned.v1", data | changes, subject=data["tierId"], tenantids=BOTH)


def tier_unassigned():
    data = PARTNERS | {"tierId": str(uuid4()), "tierName": "Gold"}
    return sample_event("prm.TierUnassigned.v1", data, subject=data["tierId"], tenantids=BOTH)


def relationship(kind, status="Active", actor=ROLF):
    """``what`` is Invited, Requested, Accepted …"""
    data = PARTNERS | {"relationshipId": str(uuid4()), "status": status}
    event = f"prm.Relationship{kind}.v1"
    return sample_event(event, data, subject=data["relationshipId"], tenantids=BOTH, actorid=str(actor))


def tenant_created(tenant_id=FJORD, time_zone="Europe/Oslo", sequence=1, kind="Created", tenantids=""):
    data = {
        "tenantId": str(tenant_id),
        "slug": "fjord-retail",
        "name": "Fjord Retail",
        "kind": "Retailer",
        "timeZone": time_zone,
        "features": [],
    }
    about = {"subject": str(tenant_id), "sequence": sequence, "tenantids": tenantids}
    return sample_event(f"identity.Tenant{kind}.v2", data, **about)


PREFERENCES = "/api/v1/notifications/preferences"


def choose(notifier, user_id=ROLF, tenant_id=FJORD, role=Role.RETAILER_ADMIN, **changes):
    """A user's preferences changed as a client would."""
    who = principal(role, tenant_id=tenant_id, user_id=user_id)
    answer = notifier.client(who).put(PREFERENCES, json=changes)
    assert answer.status_code == 200, answer.json
    return answer.json


def write_digests(notifier):
    """What the scheduler does until no digest is due."""
    with acting_as(SYSTEM):
        while tasks.write_due(notifier.runtime):
            pass


@contextlib.contextmanager
def statements(notifier):
    """The SQL statements that the block makes the notifier's database carry out."""
    result = []

    def note(_connection, _cursor, statement, *_rest):
        result.append(statement)

    engine = notifier.database.engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        yield result
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)


def deliveries(notifier, **expected):
    """Every row, oldest first."""
    with acting_as(SYSTEM), notifier.database.read() as session:
        rows = session.scalars(select(Delivery).filter_by(**expected).order_by(Delivery.id)).all()
    return list(rows)


def mark(notifier, **values):
    """Change every row, as if it had become so."""
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(update(Delivery).values(**values))


def states(notifier):
    return sorted(row.state for row in deliveries(notifier))


def send(notifier):
    """What the scheduler does until it has nothing more to do."""
    with acting_as(SYSTEM):
        while sender.send_due(notifier.runtime):
            pass


def claim(notifier, now=None):
    """A sender takes the next due mail."""
    with acting_as(SYSTEM):
        due = claims.claim_due(notifier.database, now or utcnow(), limit=1)
    return due[0] if due else None


def settle(notifier, claimed, failure=None):
    """That sender says what became of it."""
    with acting_as(SYSTEM):
        settlement.settle(notifier.database, claimed, failure, utcnow())


def queue(notifier, count=1, **changes):
    """``count`` invites to Rolf, written but not yet sent."""
    notifier.deliver(user_added(), *(invite_created(**changes) for _ in range(count)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Inbox:
    """What a good mail server took; ``answers`` refuses or defers a recipient or a text, once for each entry."""

    def __init__(self):
        self.taken = []
        self.connections = 0
        self.answers = {"RCPT": [], "DATA": []}
        self.before_answer = lambda mails: None
        self._lock = threading.Lock()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.answers["RCPT"]:
            return self.answers["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answers["DATA"]:
            return self.answers["DATA"].pop(0)
        with self._lock:
            self.taken.append((envelope.rcpt_tos[0], message_from_bytes(envelope.original_content, policy=default)))
        self.before_answer(self.taken)
        return "250 OK"

    @property
    def messages(self):
        return [message for _to, message in self.taken]

    @property
    def message_ids(self):
        return [message["Message-ID"] for message in self.messages]


@contextlib.contextmanager
def mail_server(inbox, **options):
    """A real SMTP server; yields its port."""
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


GREETING, RCPT, TEXT = b"greeting", b"RCPT", b"text"


class BadServer(socketserver.ThreadingTCPServer):
    """A mail server that stops being one at ``moment``: it ``hang``s, ``close``s or ``drip``s its answer there.

    One that ``dawdle``s answers in the end, after ``seconds`` in which it never falls silent; also at several moments.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, moment, kind):
        self.moments, self.what = moment if isinstance(moment, tuple) else (moment,), kind
        self.over = threading.Event()
        self.reached = self.taken = 0
        self.seconds = 0.0
        super().__init__(("127.0.0.1", 0), _BadSession)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.over.set()
        self.shutdown()
        self.server_close()

    @property
    def port(self):
        return self.server_address[1]


class _BadSession(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError, _Over):
            self.answer(GREETING, b"220 bad.example")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.answer(b"DATA", b"354 go on")
                    while (text := self.rfile.readline()) not in (b".\r\n", b""):
                        pass
                    self.server.taken += bool(text)
                    self.answer(TEXT, b"250 taken")
                else:
                    self.answer(line[:4].upper(), b"250 fine")

    def answer(self, moment, text):
        if moment not in self.server.moments:
            self.wfile.write(text + b"\r\n")
            return
        self.server.reached += 1
        if self.server.what == "dawdle":
            until = time.monotonic() + self.server.seconds
            while time.monotonic() < until and not self.server.over.wait(0.05):
                self.wfile.write(text.replace(b" ", b"-") + b"\r\n")
            self.wfile.write(text + b"\r\n")
            return
        if self.server.what == "hang":
            self.server.over.wait(30)
        elif self.server.what == "drip":
            while not self.server.over.wait(0.05):
                self.wfile.write(b"2")
        raise _Over


class _Over(Exception):
    pass
