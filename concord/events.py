"""``concord events``: publishes events again, for a broker that lost them or a subscriber that missed them."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.core import logs
from chassis.core.principal import Principal, acting_as
from chassis.messaging.broker import Broker, BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.broker.topic import matches
from chassis.messaging.outbox import OutboxRow
from chassis.process.service import Runtime
from concord import platform
from concord.environment import settings_or_exit

PAGE = 500
TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@click.group("events")
def commands() -> None:
    """Work on events that were published."""


@commands.command()
@click.option(
    "--service",
    "name",
    required=True,
    type=click.Choice(platform.SERVICES),
    help="The service that published the events.",
)
@click.option("--since", required=True, type=click.DateTime(TIMES), help="In UTC.")
@click.option("--type", "pattern", default="#", help="Only types that match, e.g. campaigns.InviteCreated.*.")
def republish(name: str, since: datetime, pattern: str) -> None:
    """Publish a service's events again, with their ids and in their order.

    Subscribers ignore events that they have handled. Sent events stay in the outbox for a day; older events come from
    the broker's archive, which keeps them for seven days.
    """
    logs.configure("WARNING", "console")
    runtime = Runtime(platform.load(name), settings_or_exit())
    broker = runtime.broker("republish")
    try:
        with acting_as(Principal.system("operator")):
            count = _republish(runtime, broker, since.replace(tzinfo=UTC), pattern)
    except (BrokerUnavailable, TopologyBroken) as error:
        sys.exit(
            f"The broker refused the events: {error}. Try again: an event that is published twice takes effect once."
        )
    finally:
        broker.close()
        runtime.close()
    click.echo(f"{count} events published again.")


def _republish(runtime: Runtime, broker: Broker, since: datetime, pattern: str) -> int:
    with runtime.database.read() as session:
        oldest = session.scalar(select(func.min(OutboxRow.created_at)))
        total = session.scalar(select(func.count()).select_from(_sent(since).subquery())) or 0
    older = []
    if oldest is None or since < oldest:
        older = _archived(broker, runtime.service.name, since, oldest, pattern)
    count = 0
    with click.progressbar(length=total + len(older), label="Publishing", show_pos=True) as bar:
        for page in _pages(older):
            count += _publish(broker, page)
            bar.update(len(page))
        for page, row_count in _outbox(runtime, since, pattern):
            count += _publish(broker, page)
            bar.update(row_count)
    return count


def _archived(broker: Broker, service: str, since: datetime, until: datetime | None, pattern: str) -> list[Message]:
    """Events that the outbox no longer has. Events of the outbox's first second come from both, which does no harm."""
    messages: dict[str, Message] = {}

    def read(message: Message, at: datetime) -> None:
        matching = message.type.startswith(f"{service}.") and matches(pattern, message.type)
        if matching and (until is None or at <= until):
            messages.setdefault(message.id, message)

    try:
        broker.read_archive(since, read)
    except TopologyBroken:
        click.echo("The broker has no archive. Only events in the outbox are published again.", err=True)
    return list(messages.values())


def _pages(messages: list[Message]) -> Iterator[list[Message]]:
    for start in range(0, len(messages), PAGE):
        yield messages[start : start + PAGE]


def _outbox(runtime: Runtime, since: datetime, pattern: str) -> Iterator[tuple[list[Message], int]]:
    """Pages of sent rows that match, with how many rows were read. Unsent rows are left to the relay."""
    last = 0
    while True:
        with runtime.database.read() as session:
            rows = _page_after(session, since, last)
        if not rows:
            return
        last = rows[-1].id
        matching = [row for row in rows if matches(pattern, row.type)]
        yield [Message(str(row.event_id), row.type, row.body.encode()) for row in matching], len(rows)


def _page_after(session: Session, since: datetime, last: int) -> list[OutboxRow]:
    return list(session.scalars(_sent(since).where(OutboxRow.id > last).order_by(OutboxRow.id).limit(PAGE)))


def _sent(since: datetime) -> Select[tuple[OutboxRow]]:
    return select(OutboxRow).where(OutboxRow.sent_at.is_not(None), OutboxRow.created_at >= since)


def _publish(broker: Broker, messages: list[Message]) -> int:
    """Publish all messages; raises what stops the broker from confirming them."""
    confirmed = 0
    while confirmed < len(messages):
        confirmed += broker.publish(messages[confirmed:])
    return confirmed
