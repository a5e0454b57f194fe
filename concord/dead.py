"""``concord dead``: what subscribers could not handle, with the reason; tried again or given up.

Two kinds: events whose handler failed are rows in the subscriber's database; messages whose consumers died of them
wait in the broker. Replaying or dropping one of those makes it a row first, so that it is treated as the others are.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getuser

import click

from chassis.core import logs
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.core.text import shortened
from chassis.messaging import retry_table
from chassis.messaging.broker import BrokerUnavailable, DeadLetter, TopologyBroken
from chassis.messaging.events import Drop, Subscriber
from chassis.messaging.retry_table import DEAD, RetryRow
from chassis.process.service import Runtime
from concord import platform
from concord.environment import settings_or_exit

IN_BROKER = "in the broker"
log = logs.logger(__name__)


@dataclass
class Place:
    """A subscriber, and the running of its service."""

    runtime: Runtime
    subscriber: Subscriber

    def rows(self, **wanted: str) -> list[RetryRow]:
        with self.runtime.database.read() as session:
            return retry_table.find(session, [self.subscriber.name], **wanted)

    def letters(self, take: Callable[[DeadLetter], bool]) -> None:
        """Look through the broker's dead letters. A queue that was never declared has none."""
        broker = self.runtime.broker("dead")
        try:
            broker.dead_letters(self.subscriber.name, take)
        except TopologyBroken:
            return
        except BrokerUnavailable as error:
            click.echo(f"{self.subscriber.name}: the broker cannot be asked: {error}", err=True)
        finally:
            broker.close()


@click.group("dead")
@click.option("--service", type=click.Choice(platform.SERVICES), help="Only this service's subscribers.")
@click.option("--subscriber", help="Only this one, e.g. notifier.")
@click.pass_context
def commands(context: click.Context, service: str | None, subscriber: str | None) -> None:
    """Look at events that could not be handled, try them again or give them up."""
    context.obj = (service, subscriber)


@commands.command("list")
@click.option("--waiting", is_flag=True, help="Also those that are still tried again by themselves.")
@click.pass_obj
def list_dead(chosen: tuple[str | None, str | None], waiting: bool) -> None:
    """One line for each event, oldest first."""
    found = 0
    with _places(chosen) as places:
        for place in places:
            for row in place.rows():
                if waiting or row.state == DEAD:
                    found += 1
                    click.echo(_line(place, row.event_id, row.type, row.state, row.error))
            for letter in _letters(place):
                found += 1
                click.echo(
                    _line(place, retry_table.key_of(letter.message), letter.message.type, IN_BROKER, letter.reason)
                )
    if not found:
        click.echo("No dead letters.")


@commands.command()
@click.argument("event_id")
@click.pass_obj
def show(chosen: tuple[str | None, str | None], event_id: str) -> None:
    """Everything known of an event: where it failed, how often, why, and the event itself."""
    found = False
    with _places(chosen) as places:
        for place in places:
            for row in place.rows(event_id=event_id):
                found = True
                _show(place, row.state, row.attempts, row.parked_at.isoformat(), row.error, row.body)
            for letter in _letters(place, event_id):
                found = True
                _show(place, IN_BROKER, None, None, letter.reason, letter.message.body.decode("utf-8", "replace"))
    if not found:
        sys.exit(f"{event_id} is no dead letter of these subscribers.")


@commands.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters of the chosen subscribers.")
@click.option("--force", is_flag=True, help="Also what was handled before, and out of its turn. This is logged.")
@click.pass_obj
def replay(chosen: tuple[str | None, str | None], event_ids: tuple[str, ...], everything: bool, force: bool) -> None:
    """Have events tried again at once, under their own ids, where their consumers run."""
    _require_choice(event_ids, everything)
    revived = 0
    with _places(chosen) as places:
        for place in places:
            _take_from_broker(place, event_ids, everything)
            for row in place.rows():
                if row.event_id in event_ids or (everything and row.state == DEAD):
                    revived += _replay(place, row, force=force)
    _report(revived, "will be tried again")


@commands.command()
@click.argument("event_ids", nargs=-1, required=True)
@click.pass_obj
def drop(chosen: tuple[str | None, str | None], event_ids: tuple[str, ...]) -> None:
    """Give events up for good. An ordered subscriber goes on with what waits behind them. This is logged."""
    dropped = 0
    with _places(chosen) as places:
        for place in places:
            _take_from_broker(place, event_ids, everything=False)
            for row in place.rows():
                if row.event_id in event_ids:
                    dropped += _drop(place, row)
    _report(dropped, "were given up")


@contextmanager
def _places(chosen: tuple[str | None, str | None]) -> Iterator[list[Place]]:
    service, subscriber = chosen
    settings = settings_or_exit()
    logs.configure("WARNING", "console")
    runtimes, places = [], []
    for declaration in map(platform.load, [service] if service else platform.SERVICES):
        listeners = [one for one in declaration.listeners if subscriber in (None, one.name)]
        if listeners:
            runtimes.append(Runtime(declaration, settings))
            places += [Place(runtimes[-1], one) for one in listeners]
    if not places:
        sys.exit(f"There is no subscriber {subscriber or service!r}.")
    try:
        with acting_as(Principal.system("operator")):
            yield places
    finally:
        for runtime in runtimes:
            runtime.close()


def _letters(place: Place, *event_ids: str) -> list[DeadLetter]:
    found: list[DeadLetter] = []

    def look(letter: DeadLetter) -> bool:
        if not event_ids or retry_table.key_of(letter.message) in event_ids:
            found.append(letter)
        return False

    place.letters(look)
    return found


def _take_from_broker(place: Place, event_ids: Sequence[str], everything: bool) -> None:
    """Make rows of the broker's dead letters; each is committed before the broker may forget it."""

    def take(letter: DeadLetter) -> bool:
        if not everything and retry_table.key_of(letter.message) not in event_ids:
            return False
        with place.runtime.database.begin() as session:
            retry_table.add(session, place.subscriber.name, letter.message, Drop(letter.reason))
        return True

    place.letters(take)


def _replay(place: Place, row: RetryRow, *, force: bool) -> int:
    with place.runtime.database.begin() as session:
        again = session.get(RetryRow, (row.consumer, row.event_id), with_for_update=True)
        if again is None:
            return 0
        if not retry_table.replay(session, again, utcnow(), force=force):
            click.echo(f"{row.event_id} was handled by {row.consumer} before; --force handles it again.", err=True)
            return 0
    if force:
        log.warning("event forced", event_id=row.event_id, event_type=row.type, subscriber=row.consumer, by=getuser())
    return 1


def _drop(place: Place, row: RetryRow) -> int:
    with place.runtime.database.begin() as session:
        given_up = session.get(RetryRow, (row.consumer, row.event_id), with_for_update=True)
        if given_up is None:
            return 0
        retry_table.drop(session, given_up, ordered=place.subscriber.ordered)
    name = place.subscriber.name
    log.warning(
        "event dropped", event_id=row.event_id, event_type=row.type, subscriber=name, error=row.error, by=getuser()
    )
    return 1


def _line(place: Place, event_id: str, event_type: str, state: str, error: str) -> str:
    reason = shortened(" ".join(error.split()), 100)
    return f"{place.subscriber.name:20} {event_id:36} {event_type:36} {state:{len(IN_BROKER)}} {reason}"


def _show(place: Place, state: str, attempts: int | None, since: str | None, error: str, body: str) -> None:
    facts = {"subscriber": place.subscriber.name, "state": state, "attempts": attempts, "parked": since}
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name:10} {value}")
    click.echo(f"{'error':10} {error}")
    try:
        click.echo(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
    except ValueError:
        click.echo(body)


def _require_choice(event_ids: Sequence[str], everything: bool) -> None:
    if bool(event_ids) == everything:
        raise click.UsageError("name events, or say --all")


def _report(count: int, what: str) -> None:
    click.echo(f"{count} {what}.")
    if not count:
        sys.exit(1)
