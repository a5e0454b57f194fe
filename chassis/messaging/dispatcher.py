"""The dispatcher: hands the events of a batch to their handlers, several at once where handlers take them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.orm import Session

from chassis.core import context
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import Series, Subscription, series_of


@dataclass
class _Run:
    """Events of a batch that the same handlers take one after the other."""

    handlers: list[Subscription]
    events: list[Mapping[str, Any]]
    series: set[Series]

    @property
    def together(self) -> bool:
        return all(handler.together for handler in self.handlers)


class Dispatcher:
    """The handlers of one subscriber."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._subscriptions = subscriptions
        self._handlers: dict[str, list[Subscription]] = {}  # by type, as types come by

    def dispatch(self, session: Session, events: Sequence[Mapping[str, Any]]) -> None:
        """Hand events to their handlers; those of one series take effect in their order."""
        for run in self._runs(events):
            if single := [handler for handler in run.handlers if not handler.together]:
                for event in run.events:
                    _hand_over(session, single, event)
            for handler in run.handlers:
                if handler.together:
                    handler.handle(session, [handler.receive(event) for event in run.events])

    def _runs(self, events: Sequence[Mapping[str, Any]]) -> list[_Run]:
        """Bring together events with the same handlers. An event joins an earlier run only across runs that take their
        events together and have none of its series, so each series stays in order."""
        runs: list[_Run] = []
        for event in events:
            single = _Run(self._handlers_of(event["type"]), [event], {series_of(event)})
            for run in reversed(runs):
                if run.handlers == single.handlers:
                    run.events.append(event)
                    run.series |= single.series
                    break
                if run.series & single.series or not (run.together and single.together):
                    runs.append(single)
                    break
            else:
                runs.append(single)
        return runs

    def _handlers_of(self, event_type: str) -> list[Subscription]:
        if event_type not in self._handlers:
            self._handlers[event_type] = [
                subscription for subscription in self._subscriptions if matches(subscription.event_type, event_type)
            ]
        return self._handlers[event_type]


def _hand_over(session: Session, handlers: Sequence[Subscription], event: Mapping[str, Any]) -> None:
    context.traceparent.set(context.accept_traceparent(event.get("traceparent")))
    context.request_id.set(event.get("correlationid"))
    with structlog.contextvars.bound_contextvars(event_id=event["id"], event_type=event["type"]):
        for handler in handlers:
            handler.handle(session, handler.receive(event))
