"""Reports and statements: sums over counted clicks, conversions and the ledger, a few statements each."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.principal import caller
from chassis.core.text import fold
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.clicks.models import ClickCount
from services.affiliates.commissions.ledger_rules import APPROVING, REVERSING, Account, Cause
from services.affiliates.conversions.models import Conversion, ConversionItem, LedgerEntry, in_minor
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.products.models import Product
from services.affiliates.reports.rules import By, Period, Row

TAKEN_BACK = (Cause.REFUNDED, Cause.REVERSED)
BATCH = 500  # names a statement
FINEST = 10**money.FINEST


def report(session: Session, period: Period, by: By, **only: UUID) -> list[Row]:
    """Clicks, conversions and commission in a period, a row for each campaign, affiliate, product or day.

    Clicks count on the day they were made, an order and all of its commission on the day it was placed.

    Args:
        only: ``campaign_id`` and ``affiliate_id`` to which it is narrowed.
    """
    if by is By.PRODUCT:
        rows = _of_products(session, period, only)
    else:
        rows = {}
        _add_clicks(session, rows, period, by, only)
        _add_conversions(session, rows, period, by, only)
        _add_money(session, rows, period, by, only)
    names = _names(session, by, rows)
    for key, row in rows.items():
        row.name = names.get(key, "")
    return sorted(rows.values(), key=lambda row: (fold(row.name), row.key))


def statements(session: Session, period: Period, affiliate_id: UUID | None = None) -> list[dict[str, Any]]:
    """What each affiliate's approved account opened with, got, gave back and closed with, and what is held besides."""
    entry = LedgerEntry
    approved, before = entry.account == Account.APPROVED, entry.at < period.begin
    within = entry.at >= period.begin
    key = (entry.affiliate_id, Affiliate.name, Affiliate.email, entry.currency)
    statement = (
        select(
            *key,
            _sum(in_minor(), approved & before),
            _sum(in_minor(), approved & within & entry.cause.not_in(TAKEN_BACK)),
            _sum(in_minor(), approved & within & entry.cause.in_(TAKEN_BACK)),
            _sum(in_minor(), entry.account == Account.HELD),
        )
        .join(Affiliate, Affiliate.id == entry.affiliate_id)
        .where(entry.merchant_id == caller().tenant_id, entry.at < period.end)
        .group_by(*key)
    )
    if affiliate_id:
        statement = statement.where(entry.affiliate_id == affiliate_id)
    rows = sorted(session.execute(statement), key=lambda row: (fold(row.name), str(row.affiliate_id), row.currency))
    return [_statement(period, *row) for row in rows]


def _statement(period: Period, affiliate: UUID, name: str, email: str, currency: str, *minor: int) -> dict[str, Any]:
    opening, earned, taken_back, held = (money.from_minor(int(amount), currency) for amount in minor)
    return {
        "affiliate_id": affiliate,
        "affiliate_name": name,
        "affiliate_email": email,
        "currency": currency,
        "since": period.since,
        "until": period.until,
        "opening": opening,
        "earned": earned,
        "taken_back": -taken_back,
        "closing": opening + earned + taken_back,
        "held": held,
    }


def _add_clicks(session: Session, rows: dict[str, Row], period: Period, by: By, only: Mapping[str, UUID]) -> None:
    key = {By.CAMPAIGN: ClickCount.campaign_id, By.AFFILIATE: ClickCount.affiliate_id, By.DAY: ClickCount.day}[by]
    statement = (
        select(key, func.sum(ClickCount.live), func.sum(ClickCount.other))
        .where(ClickCount.merchant_id == caller().tenant_id, ClickCount.day.between(period.since, period.until))
        .group_by(key)
    )
    for found, live, dead in session.execute(_narrowed(statement, ClickCount, only)):
        row = _row(rows, found)
        row.clicks, row.dead_clicks = int(live), int(dead)


def _add_conversions(session: Session, rows: dict[str, Row], period: Period, by: By, only: Mapping[str, UUID]) -> None:
    key = _conversion_key(session, by, period)
    statement = select(key, func.count()).where(*_credited(period)).group_by(key)
    for found, count in session.execute(_narrowed(statement, Conversion, only)):
        _row(rows, found).conversions = count


def _add_money(session: Session, rows: dict[str, Row], period: Period, by: By, only: Mapping[str, UUID]) -> None:
    key, entry = _conversion_key(session, by, period), LedgerEntry
    sums = [_sum(in_minor(), entry.account == account) for account in (Account.HELD, Account.APPROVED)]
    statement = (
        select(key, Conversion.currency, *sums, _sum(-in_minor(), entry.cause.in_(TAKEN_BACK)))
        .join(Conversion, Conversion.id == entry.conversion_id)
        .where(*_credited(period))
        .group_by(key, Conversion.currency)
    )
    for found, currency, held, approved, taken_back in session.execute(_narrowed(statement, Conversion, only)):
        _row(rows, found).add(
            currency, *(money.from_minor(int(minor), currency) for minor in (held, approved, taken_back))
        )


def _of_products(session: Session, period: Period, only: Mapping[str, UUID]) -> dict[str, Row]:
    """By the lines of orders, each with what it has taken back; together they come to what the ledger says."""
    whole = _finest(ConversionItem.commission)
    undone = case((Conversion.order_status.in_(REVERSING), whole), else_=_finest(ConversionItem.taken_back))
    approved = Conversion.order_status.in_(APPROVING)
    key = (ConversionItem.external_id, Conversion.currency)
    statement = (
        select(
            *key,
            func.count(Conversion.id.distinct()),
            _sum(whole - undone, ~approved),
            _sum(whole - undone, approved),
            func.sum(undone),
        )
        .join(Conversion, Conversion.id == ConversionItem.conversion_id)
        .where(*_credited(period))
        .group_by(*key)
    )
    rows: dict[str, Row] = {}
    for external_id, currency, count, *sums in session.execute(_narrowed(statement, Conversion, only)):
        row = _row(rows, external_id)
        row.clicks = row.dead_clicks = None
        row.conversions += count
        row.add(currency, *(money.rounded(Decimal(int(amount)) / FINEST, currency) for amount in sums))
    return rows


def _names(session: Session, by: By, rows: Mapping[str, Row]) -> dict[str, str]:
    """What the rows' keys are called; days are called nothing."""
    known: dict[By, Select[Any]] = {
        By.CAMPAIGN: select(Campaign.id, Campaign.title).where(Campaign.merchant_id == caller().tenant_id),
        By.AFFILIATE: select(Affiliate.id, Affiliate.name).where(Affiliate.merchant_id == caller().tenant_id),
        By.PRODUCT: select(Product.external_id, Product.name).where(Product.merchant_id == caller().tenant_id),
    }
    if by not in known or not rows:
        return {}
    if by is not By.PRODUCT:
        return {str(key): name for key, name in session.execute(known[by]) if str(key) in rows}
    names: dict[str, str] = {}
    ordered = sorted(rows)  # of a large catalogue only what was sold
    for start in range(0, len(ordered), BATCH):
        among = known[by].where(Product.external_id.in_(ordered[start : start + BATCH]))
        names |= {key: name for key, name, *_ in session.execute(among)}
    return names


def _conversion_key(session: Session, by: By, period: Period) -> Any:
    if by is By.CAMPAIGN:
        return Conversion.campaign_id
    if by is By.AFFILIATE:
        return Conversion.affiliate_id
    on_postgres = session.get_bind().dialect.name == "postgresql"
    (_, first), *changes = period.offsets()
    day = partial(_local_day, on_postgres=on_postgres)
    if not changes:
        return day(first)
    until = zip(changes, [first, *(minutes for _, minutes in changes)], strict=False)
    earlier = [(Conversion.occurred_at < moment, day(minutes)) for (moment, _), minutes in until]
    return case(*earlier, else_=day(changes[-1][1]))


def _local_day(minutes: int, *, on_postgres: bool) -> ColumnElement[Any]:
    """The day on which an order was placed where clocks are so many minutes ahead of UTC. Neither database is asked
    what it knows of time zones."""
    if on_postgres:
        return func.date(func.timezone("UTC", Conversion.occurred_at) + timedelta(minutes=minutes))
    return func.date(Conversion.occurred_at, f"{minutes:+d} minutes")


def _credited(period: Period) -> Iterable[ColumnElement[bool]]:
    return (
        Conversion.merchant_id == caller().tenant_id,
        Conversion.status == ConversionStatus.CREDITED,
        Conversion.occurred_at >= period.begin,
        Conversion.occurred_at < period.end,
    )


def _narrowed(statement: Select[Any], model: Any, only: Mapping[str, UUID]) -> Select[Any]:
    return statement.where(*(getattr(model, name) == value for name, value in only.items()))


def _finest(amount: Any) -> ColumnElement[int]:
    """An amount of any currency in whole parts of the finest minor unit there is."""
    return cast(func.round(amount * FINEST), BigInteger)


def _sum(what: Any, where: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((where, what), else_=0)), 0)


def _row(rows: dict[str, Row], key: Any) -> Row:
    return rows.setdefault(str(key), Row(str(key)))
