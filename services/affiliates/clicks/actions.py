"""Writes of clicks in groups: the clicks, their number a day, and the events about them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.bulk import batches, insert_ignoring, insert_many, insertion
from chassis.messaging import outbox
from services.affiliates.clicks.events import ClickRecorded
from services.affiliates.clicks.models import Click, ClickCount, ClickFeed
from services.affiliates.clicks.rules import NO_VISITORS, NewClick
from services.affiliates.merchants.models import Merchant

EVENT_CLICKS = 500  # clicks in an event, which stays far below a broker's limit
SYSTEM = Principal.system("affiliates")
COUNTED = ("link_id", "merchant_id", "campaign_id", "affiliate_id")
COLUMNS = [field.name for field in fields(NewClick)]


def record_clicks(session: Session, clicks: Sequence[NewClick], *, again: bool, now: datetime) -> None:
    """Write buffered clicks.

    Locks the counts in the order of their keys, so that two processes that write at the same time cannot deadlock.

    Args:
        again: an earlier attempt with an unknown result may have written some of them.
    """
    if again:
        written = set(session.scalars(select(Click.id).where(Click.id.in_([click.id for click in clicks]))))
        clicks = [click for click in clicks if click.id not in written]
    if not clicks:
        return
    insert_many(session, Click.__table__, [{name: getattr(click, name) for name in COLUMNS} for click in clicks])
    if visits := [click for click in clicks if click.reason not in NO_VISITORS]:
        _count(session, visits)
    by_merchant: dict[UUID, list[NewClick]] = defaultdict(list)
    for click in clicks:
        by_merchant[click.merchant_id].append(click)
    for merchant_id in sorted(by_merchant):
        _publish(session, merchant_id, by_merchant[merchant_id], now)


def _count(session: Session, clicks: Sequence[NewClick]) -> None:
    """Add clicks to the counts of their merchants' days (D61)."""
    zones = _zones(session, {click.merchant_id for click in clicks})
    rows: dict[tuple[UUID, date], dict[str, Any]] = {}
    for click in clicks:
        day = click.clicked_at.astimezone(zones.get(click.merchant_id, UTC)).date()
        empty = {name: getattr(click, name) for name in COUNTED} | {"day": day, "live": 0, "other": 0}
        row = rows.setdefault((click.link_id, day), empty)
        row["live" if click.live else "other"] += 1
    table = ClickCount.__table__
    statement = insertion(session, ClickCount).values([rows[key] for key in sorted(rows)])
    sums = {name: table.c[name] + statement.excluded[name] for name in ("live", "other")}
    session.execute(statement.on_conflict_do_update(index_elements=["link_id", "day"], set_=sums))


def _zones(session: Session, merchant_ids: set[UUID]) -> dict[UUID, tzinfo]:
    rows = session.execute(select(Merchant.id, Merchant.time_zone).where(Merchant.id.in_(merchant_ids)))
    return {merchant_id: ZoneInfo(time_zone) for merchant_id, time_zone in rows if time_zone}


def _publish(session: Session, merchant_id: UUID, clicks: Sequence[NewClick], now: datetime) -> None:
    feed = _lock_feed(session, merchant_id)
    for batch in batches(clicks, EVENT_CLICKS):
        event = ClickRecorded(merchant_id, tuple(_as_row(click) for click in batch))
        outbox.add(session, feed, event, tenants=(merchant_id,), actor=SYSTEM, now=now)


def _lock_feed(session: Session, merchant_id: UUID) -> ClickFeed:
    insert_ignoring(session, ClickFeed, [{"id": merchant_id, "event_sequence": 0}])
    return session.get_one(ClickFeed, merchant_id, with_for_update=True)


def _as_row(click: NewClick) -> dict[str, Any]:
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
