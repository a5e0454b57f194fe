"""The deliberate faults: each takes one promise out of the code, at run time and in this process alone.

Beside each stand the tests that ought to miss it. None of this is known to the code it changes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt
import pika.channel
from sqlalchemy import select, text, true
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_many
from chassis.http import versions
from chassis.messaging import dispatcher, outbox, processor, relay, resequencer, retry_table
from chassis.messaging.broker import ARCHIVE, EXCHANGE, embedded, rabbitmq, rabbitmq_publisher
from chassis.messaging.events import Series
from chassis.messaging.outbox import UNSENT, OutboxRow
from gateway import credentials
from services.campaigns.models import Campaign
from services.identity.links.models import Link
from services.identity.sessions import actions as session_actions
from services.identity.sessions import queries as session_queries
from services.identity.sso import oidc

BROKERS = "tests/chassis/test_broker_contract.py"
RABBITMQ = "tests/chassis/test_broker_rabbitmq.py"
EVENTS = "tests/chassis/test_events.py"
RELAY = "tests/chassis/test_relay.py"
SERIES = "tests/chassis/test_series.py"


@dataclass(frozen=True)
class Fault:
    """What is broken, how, and pytest's arguments for the tests that watch over it."""

    name: str
    apply: Callable[[], None]
    tests: tuple[str, ...]


def _ack_before_commit() -> None:
    """The broker forgets a batch when it is given out, not when its effect is committed."""
    work, hand_out = embedded.EmbeddedBroker._work, rabbitmq._Consumer.hand_out

    def settle_first(self: Any, store: Any, renewal: Any, claim: Any, handle: Any) -> None:
        store.settle(claim)
        store.settle = lambda _claim: True
        work(self, store, renewal, claim, handle)

    def ack_first(self: Any, worker: Any, handle: Any) -> None:
        if self._arrived:
            self._channel.basic_ack(self._arrived[-1][0], multiple=True)
            self._channel.basic_ack = lambda *_, **__: None
        hand_out(self, worker, handle)

    embedded.EmbeddedBroker._work = settle_first  # type: ignore[method-assign]
    rabbitmq._Consumer.hand_out = ack_first  # type: ignore[method-assign]


def _no_confirms() -> None:
    """What was written to the socket counts as stored."""

    def send(self: Any, batch: Any) -> None:
        while batch.sent < len(batch.messages):
            message = batch.messages[batch.sent]
            batch.sent += 1
            self._published += 1
            properties = self._properties(message)
            self._channel.basic_publish(EXCHANGE, message.type, message.body, properties, mandatory=True)
        batch.confirm(batch.first_tag + batch.sent - 1, multiple=True)

    rabbitmq_publisher.Publisher._send = send  # type: ignore[method-assign]


def _no_mandatory_no_archive() -> None:
    """Nobody is told of a message without a queue, and nothing keeps it."""
    publish, bind = pika.channel.Channel.basic_publish, pika.channel.Channel.queue_bind

    def forget(self: Any, *arguments: Any, **options: Any) -> Any:
        return publish(self, *arguments, **options | {"mandatory": False})

    def bind_all_but_the_archive(self: Any, queue: str, *arguments: Any, **options: Any) -> Any:
        if queue != ARCHIVE:
            return bind(self, queue, *arguments, **options)
        return None

    pika.channel.Channel.basic_publish = forget
    pika.channel.Channel.queue_bind = bind_all_but_the_archive


def _cursor_relay() -> None:
    """Rows after the last one sent, instead of those that are not sent."""
    last: dict[int, int] = {}
    at_work: list[int] = [0]
    publish_batch, mark = relay.Relay.publish_batch, relay._mark

    def remember(self: Any) -> int:
        at_work[0] = id(self)
        return publish_batch(self)

    def unsent() -> Any:
        columns = (OutboxRow.id, OutboxRow.event_id, OutboxRow.type, OutboxRow.body)
        after = OutboxRow.id > last.get(at_work[0], 0)
        return select(*columns).where(UNSENT, after).order_by(OutboxRow.id).limit(relay.BATCH)

    def mark_and_go_on(session: Session, rows: Any, confirmed: int, failure: Any) -> None:
        mark(session, rows, confirmed, failure)
        if confirmed:
            last[at_work[0]] = rows[confirmed - 1].id

    relay.Relay.publish_batch = remember  # type: ignore[method-assign]
    relay._unsent = unsent
    relay._mark = mark_and_go_on


def _no_lease() -> None:
    """Every relay works, whoever else does."""
    from contextlib import nullcontext

    relay.file_lease = lambda _path: nullcontext(True)  # type: ignore[assignment]
    relay.LEASE = text("SELECT true")


def _inbox_elsewhere() -> None:
    """The inbox row is committed by itself, before the effect."""
    remember = processor.remember

    def remember_apart(session: Session, *arguments: Any) -> set[Any]:
        if session.get_bind().dialect.name != "postgresql":
            return remember(session, *arguments)  # a second writer would wait for the first for ever
        with Session(session.get_bind()) as other, other.begin():
            return remember(other, *arguments)

    processor.remember = remember_apart  # type: ignore[attr-defined]


def _outbox_elsewhere() -> None:
    """The event is committed by itself, whatever becomes of the change it tells of."""

    def add_apart(session: Session, rows: Any) -> None:
        if session.get_bind().dialect.name != "postgresql":
            insert_many(session, OutboxRow.__table__, rows)
            return
        with Session(session.get_bind()) as other, other.begin():
            insert_many(other, OutboxRow.__table__, rows)

    outbox.add_rows = add_apart


def _cursor_without_source() -> None:
    """The events of two services about one subject count as one series."""

    def by_subject_alone(event: Any) -> Series:
        return Series("", UUID(event["subject"]))

    for module in (resequencer, dispatcher, processor, retry_table):
        module.series_of = by_subject_alone  # type: ignore[attr-defined]


def _known_by_its_place() -> None:
    """An event whose place has passed counts as a duplicate, whether it was handled or not."""
    resequencer.Resequencer._require_duplicates = lambda *_: None  # type: ignore[method-assign]


def _new_id_at_retry() -> None:
    """A failed event that is tried again passes for another one."""
    lock_next_due = retry_table.lock_next_due

    def disguise(session: Session, *arguments: Any) -> Any:
        if row := lock_next_due(session, *arguments):
            row.body = json.dumps(json.loads(row.body) | {"id": str(uuid4())})
        return row

    retry_table.lock_next_due = disguise


def _no_tenant_filter() -> None:
    """Whoever knows a campaign's id may have it."""
    Campaign.visible_to = classmethod(lambda _cls, _tenant_id: true())  # type: ignore[assignment,method-assign]


def _if_match_ignored() -> None:
    """A write on a version that nobody has seen any more succeeds."""
    versions.require = lambda _resource, _expected: None


def _algorithm_from_the_token() -> None:
    """A token is checked with the algorithm that it asks for itself."""
    decode = jwt.decode

    class Trusting:
        def __getattr__(self, name: str) -> Any:
            return getattr(jwt, name)

        def decode(self, token: str, *arguments: Any, **options: Any) -> Any:
            if "algorithms" in options:
                options["algorithms"] = [jwt.get_unverified_header(token)["alg"]]
            return decode(token, *arguments, **options)

    credentials.jwt = Trusting()  # type: ignore[attr-defined]


def _grace_without_family_check() -> None:
    """A used refresh token gives its successor for ten seconds, whatever has become of its sign-in and its tenant."""

    def grant_again(session: Session, token: Any, user: Any, refresh_token: str, **options: Any) -> Any:
        signed_in = session_queries.session_of(session, token.family)
        if user is None or signed_in is None:  # there is nobody to make a token for
            return None
        return session_actions._access(session, user, signed_in, refresh_token, **options)

    session_actions._grant_again = grant_again


def _reset_token_reusable() -> None:
    """A link that was used opens the account again."""
    Link.use = lambda _self, _now: None  # type: ignore[method-assign]


def _sso_without_nonce() -> None:
    """An ID token counts for whatever sign-in it comes back in."""
    oidc.CodeIDToken.validate_nonce = lambda _claims: None


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("ack before commit", _ack_before_commit, (BROKERS, "-k", "raising_handler_gets")),
        Fault("no confirms", _no_confirms, (RABBITMQ, "-k", "full_queue or without_route")),
        Fault("no mandatory and no archive", _no_mandatory_no_archive, (RABBITMQ, "-k", "no_route or without_route")),
        Fault("cursor relay", _cursor_relay, (RELAY, "-k", "skipped or order")),
        Fault("relay without lease", _no_lease, (RELAY, EVENTS, "-k", "standby or only_one_relay")),
        Fault("inbox row in another transaction", _inbox_elsewhere, (EVENTS, "-k", "failed_event and postgresql")),
        Fault(
            "outbox row outside the transaction", _outbox_elsewhere, (EVENTS, "-k", "change_it_tells and postgresql")
        ),
        Fault("cursor without source", _cursor_without_source, (SERIES, "-k", "source")),
        Fault("known by its place", _known_by_its_place, (SERIES, "-k", "dead_letter or are_not_one")),
        Fault("retry with a new event id", _new_id_at_retry, (EVENTS, "-k", "failed_event")),
        Fault("tenant filter removed", _no_tenant_filter, ("tests/campaigns/test_access.py", "-k", "anothers")),
        Fault("If-Match ignored", _if_match_ignored, ("tests/chassis/test_web.py", "-k", "if_match")),
        Fault(
            "grace without family check",
            _grace_without_family_check,
            ("tests/identity/test_session.py", "-k", "in_its_ten_seconds or line_of"),
        ),
        Fault(
            "algorithm taken from the token",
            _algorithm_from_the_token,
            ("tests/gateway/test_credentials.py", "-k", "algorithms"),
        ),
        Fault("reset token reusable", _reset_token_reusable, ("tests/identity/test_recovery.py", "-k", "good_once")),
        Fault("SSO without nonce", _sso_without_nonce, ("tests/identity/sso/test_proofs.py", "-k", "nonce")),
    )
}
