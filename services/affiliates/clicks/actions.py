"""Writing clicks, many at once: the clicks, how many there were a day, and the events that tell of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.bulk import insert_ignoring, insert_many
from chassis.messaging import outbox
from services.affiliates.clicks.models import Click, ClickCount, ClickFeed
from services.affiliates.clicks.new_click import NewClick
from services.affiliates.clicks.rules import NO_VISITORS
from services.affiliates.conversions import events
from services.affiliates.merchants.models import Merchant

TOLD = 500  # clicks an event, so that it stays far below what a broker takes
SYSTEM = Principal.system("affiliates")
COLUMNS = [field.name for field in fields(NewClick)]


def record_clicks(session: Session, clicks: Sequence[NewClick], *, again: bool, now: datetime) -> None:
    """Write clicks that were kept in memory.

    Locks what is counted in the order of its keys, so that two processes that write at the same time do not wait for
    each other in a circle.

    Args:
        again: some of them may have been written by an attempt whose end was not heard of.
    """
    if again:
        written = set(session.scalars(select(Click.id).where(Click.id.in_([click.id for click in clicks]))))
        clicks = [click for click in clicks if click.id not in written]
    if not clicks:
        return
    insert_many(session, Click.__table__, [{name: getattr(click, name) for name in COLUMNS} for click in clicks])
    if of_visitors := [click for click in clicks if click.reason not in NO_VISITORS]:
        _count(session, of_visitors)
    by_merchant: dict[UUID, list[NewClick]] = defaultdict(list)
    for click in clicks:
        by_merchant[click.merchant_id].append(click)
    for merchant_id in sorted(by_merchant):
        _tell(session, merchant_id, by_merchant[merchant_id], now)


def _count(session: Session, clicks: Sequence[NewClick]) -> None:
    """Count clicks on the days of their merchants (D61)."""
    zones = _zones(session, {click.merchant_id for click in clicks})
    counted: dict[tuple[UUID, date], dict[str, Any]] = {}
    for click in clicks:
        key = (click.link_id, click.clicked_at.astimezone(zones.get(click.merchant_id, UTC)).date())
        row = counted.setdefault(
            key,
            {
                "link_id": click.link_id,
                "day": key[1],
                "merchant_id": click.merchant_id,
                "campaign_id": click.campaign_id,
                "affiliate_id": click.affiliate_id,
                "live": 0,
                "other": 0,
            },
        )
        row["live" if click.live else "other"] += 1
    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    table = ClickCount.__table__
    statement = insert(table).values([counted[key] for key in sorted(counted)])
    more = {name: table.c[name] + statement.excluded[name] for name in ("live", "other")}
    session.execute(statement.on_conflict_do_update(index_elements=["link_id", "day"], set_=more))


def _zones(session: Session, merchant_ids: set[UUID]) -> dict[UUID, tzinfo]:
    rows = session.execute(select(Merchant.id, Merchant.time_zone).where(Merchant.id.in_(merchant_ids)))
    return {merchant_id: ZoneInfo(time_zone) for merchant_id, time_zone in rows if time_zone}


def _tell(session: Session, merchant_id: UUID, clicks: Sequence[NewClick], now: datetime) -> None:
    insert_ignoring(session, ClickFeed, [{"id": merchant_id, "event_sequence": 0}])
    feed = session.get_one(ClickFeed, merchant_id, with_for_update=True)
    for start in range(0, len(clicks), TOLD):
        told = tuple(_told(click) for click in clicks[start : start + TOLD])
        event = events.ClickRecorded(merchant_id, told)
        outbox.add(session, feed, event, tenants=(merchant_id,), actor=SYSTEM, now=now)


def _told(click: NewClick) -> dict[str, Any]:
    return {
        "clickId": click.id,
        "linkId": click.link_id,
        "campaignId": click.campaign_id,
        "affiliateId": click.affiliate_id,
        "clickedAt": click.clicked_at,
        "live": click.live,
        "reason": click.reason,
        "flags": click.flags.split(),
    }
