"""``concord dead``: shows events that subscribers could not handle, with the reason; replays or drops them.

There are two kinds. An event whose handler failed is a row in the subscriber's retry table. A message that killed its
consumers waits in the broker; it becomes a row before it is replayed or dropped, so that both kinds are treated alike.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from getpass import getuser

import click
from sqlalchemy.orm import Session

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

Choice = tuple[str | None, str | None]
"""The options ``--service`` and ``--subscriber``."""


@dataclass
class DeadLetters:
    """The events that one subscriber could not handle, in its retry table and in the broker."""

    runtime: Runtime
    subscriber: Subscriber

    def rows(self, **columns: str) -> list[RetryRow]:
        with self.runtime.database.read() as session:
            return retry_table.find(session, self.subscriber.name, **columns)

    def in_broker(self, *event_ids: str) -> list[DeadLetter]:
        """The broker's dead letters with these ids, or all of them."""
        letters: list[DeadLetter] = []

        def look(letter: DeadLetter) -> bool:
            if not event_ids or retry_table.key_of(letter.message) in event_ids:
                letters.append(letter)
            return False

        self._visit_broker(look)
        return letters

    def move_to_table(self, event_ids: Collection[str], *, everything: bool) -> None:
        """Make rows of the broker's dead letters; each is committed before the broker may forget it."""

        def move(letter: DeadLetter) -> bool:
            if not everything and retry_table.key_of(letter.message) not in event_ids:
                return False
            with self.runtime.database.begin() as session:
                retry_table.add(session, self.subscriber.name, letter.message, Drop(letter.reason))
            return True

        self._visit_broker(move)

    def _visit_broker(self, take: Callable[[DeadLetter], bool]) -> None:
        """Show the broker's dead letters to ``take``. A queue that was never declared has none."""
        broker = self.runtime.broker("dead")
        try:
            broker.dead_letters(self.subscriber.name, take)
        except TopologyBroken:
            return
        except BrokerUnavailable as error:
            click.echo(f"The broker does not show the dead letters of {self.subscriber.name}: {error}", err=True)
        finally:
            broker.close()

    def replay(self, row: RetryRow, *, force: bool) -> bool:
        """Have an event tried again; False where it is gone, or was handled and is not forced."""
        with self._lock(row) as (session, locked_row):
            if locked_row is None:
                return False
            if not retry_table.replay(session, locked_row, utcnow(), force=force):
                message = f"{self.subscriber.name} has handled {row.event_id} already. Use --force to handle it again."
                click.echo(message, err=True)
                return False
        if force:
            self._log("event forced", row)
        return True

    def drop(self, row: RetryRow) -> bool:
        """Give an event up; False where it is gone."""
        with self._lock(row) as (session, locked_row):
            if locked_row is None:
                return False
            retry_table.drop(session, locked_row, ordered=self.subscriber.ordered)
        self._log("event dropped", row, error=row.error)
        return True

    @contextmanager
    def _lock(self, row: RetryRow) -> Iterator[tuple[Session, RetryRow | None]]:
        with self.runtime.database.begin() as session:
            yield session, retry_table.lock_row(session, row.consumer, row.event_id)

    def _log(self, event: str, row: RetryRow, **facts: str) -> None:
        facts = {"event_id": row.event_id, "event_type": row.type, "subscriber": row.consumer, **facts}
        log.warning(event, **facts, by=getuser())


@click.group("dead")
@click.option("--service", type=click.Choice(platform.SERVICES), help="Only the subscribers of this service.")
@click.option("--subscriber", help="Only this subscriber, e.g. notifier.")
@click.pass_context
def commands(context: click.Context, service: str | None, subscriber: str | None) -> None:
    """Show events that could not be handled, replay them or drop them."""
    context.obj = (service, subscriber)


@commands.command("list")
@click.option("--waiting", is_flag=True, help="Also show events that are retried automatically.")
@click.pass_obj
def list_dead(choice: Choice, waiting: bool) -> None:
    """Show one line for each event, oldest first."""
    lines = []
    with _dead_letters(choice) as subscribers:
        for letters in subscribers:
            name = letters.subscriber.name
            rows = [row for row in letters.rows() if waiting or row.state == DEAD]
            lines += [_line(name, row.event_id, row.type, row.state, row.error) for row in rows]
            for letter in letters.in_broker():
                event_id = retry_table.key_of(letter.message)
                lines.append(_line(name, event_id, letter.message.type, IN_BROKER, letter.reason))
    click.echo("\n".join(lines) if lines else "No dead letters.")


@commands.command()
@click.argument("event_id")
@click.pass_obj
def show(choice: Choice, event_id: str) -> None:
    """Show an event with its subscriber, its attempts and the error."""
    shown = False
    with _dead_letters(choice) as subscribers:
        for letters in subscribers:
            for row in letters.rows(event_id=event_id):
                facts = {"state": row.state, "attempts": row.attempts, "failed": row.parked_at.isoformat()}
                shown = _show(letters, facts | {"error": row.error}, row.body)
            for letter in letters.in_broker(event_id):
                body = letter.message.body.decode("utf-8", "replace")
                shown = _show(letters, {"state": IN_BROKER, "error": letter.reason}, body)
    if not shown:
        sys.exit(f"There is no dead letter {event_id}.")


@commands.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Replay all dead letters of the chosen subscribers.")
@click.option("--force", is_flag=True, help="Also replay handled events, and events out of their turn. This is logged.")
@click.pass_obj
def replay(choice: Choice, event_ids: tuple[str, ...], everything: bool, force: bool) -> None:
    """Replay events at once, with their ids, where their consumers run."""
    if bool(event_ids) == everything:
        raise click.UsageError("Name the events, or use --all.")
    count = 0
    with _dead_letters(choice) as subscribers:
        for letters in subscribers:
            letters.move_to_table(event_ids, everything=everything)
            for row in letters.rows():
                if row.event_id in event_ids or (everything and row.state == DEAD):
                    count += letters.replay(row, force=force)
    _report(count, "will be retried now")


@commands.command()
@click.argument("event_ids", nargs=-1, required=True)
@click.pass_obj
def drop(choice: Choice, event_ids: tuple[str, ...]) -> None:
    """Drop events for good. An ordered subscriber goes on with the events that wait behind them. This is logged."""
    count = 0
    with _dead_letters(choice) as subscribers:
        for letters in subscribers:
            letters.move_to_table(event_ids, everything=False)
            count += sum(letters.drop(row) for row in letters.rows() if row.event_id in event_ids)
    _report(count, "dropped")


@contextmanager
def _dead_letters(choice: Choice) -> Iterator[list[DeadLetters]]:
    """The dead letters of the chosen subscribers."""
    service, name = choice
    settings = settings_or_exit()
    logs.configure("WARNING", "console")
    with ExitStack() as stack:
        dead_letters = []
        for declaration in map(platform.load, [service] if service else platform.SERVICES):
            if listeners := [listener for listener in declaration.listeners if name in (None, listener.name)]:
                runtime = Runtime(declaration, settings)
                stack.callback(runtime.close)
                dead_letters += [DeadLetters(runtime, listener) for listener in listeners]
        if not dead_letters:
            sys.exit(f"There is no subscriber {name or service!r}.")
        stack.enter_context(acting_as(Principal.system("operator")))
        yield dead_letters


def _line(subscriber: str, event_id: str, event_type: str, state: str, error: str) -> str:
    reason = shortened(" ".join(error.split()), 100)
    return f"{subscriber:20} {event_id:36} {event_type:36} {state:{len(IN_BROKER)}} {reason}"


def _show(letters: DeadLetters, facts: dict[str, object], body: str) -> bool:
    for name, value in {"subscriber": letters.subscriber.name, **facts}.items():
        click.echo(f"{name:10} {value}")
    try:
        click.echo(json.dumps(json.loads(body), indent=2, ensure_ascii=False))
    except ValueError:
        click.echo(body)
    return True


def _report(count: int, outcome: str) -> None:
    """Say how many events were changed; none is a failure of the command."""
    click.echo(f"{count} {'event' if count == 1 else 'events'} {outcome}.")
    if not count:
        sys.exit(1)
