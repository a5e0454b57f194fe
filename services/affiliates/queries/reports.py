"""Reports and statements: sums over counted clicks, conversions and the ledger, a few statements each."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select
from sqlalchemy.orm import Session

from chassis.identity import caller
from services.affiliates.models import Affiliate, Campaign, ClickCount, Conversion, ConversionItem, LedgerEntry, Product
from services.affiliates.rules.conversions import ConversionStatus
from services.affiliates.rules.ledger import APPROVING, REVERSING, Account, Cause
from services.affiliates.rules.reports import By, Period, Row, from_cents

TAKEN_BACK = (Cause.REFUNDED, Cause.REVERSED)
BATCH = 500  # names a statement


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
    return sorted(rows.values(), key=lambda row: (row.name, row.key))


def statements(session: Session, period: Period, affiliate_id: UUID | None = None) -> list[dict[str, Any]]:
    """What each affiliate's approved account opened with, got, gave back and closed with, and what is held besides."""
    entry = LedgerEntry
    approved, before = entry.account == Account.APPROVED, entry.at < period.begin
    within = entry.at >= period.begin
    key = (entry.affiliate_id, Affiliate.name, Affiliate.email, entry.currency)
    statement = (
        select(
            *key,
            _sum(entry.cents, approved & before),
            _sum(entry.cents, approved & within & entry.cause.not_in(TAKEN_BACK)),
            _sum(entry.cents, approved & within & entry.cause.in_(TAKEN_BACK)),
            _sum(entry.cents, entry.account == Account.HELD),
        )
        .join(Affiliate, Affiliate.id == entry.affiliate_id)
        .where(entry.merchant_id == caller().tenant_id, entry.at < period.end)
        .group_by(*key)
        .order_by(Affiliate.name, entry.affiliate_id, entry.currency)
    )
    if affiliate_id:
        statement = statement.where(entry.affiliate_id == affiliate_id)
    return [_statement(period, *row) for row in session.execute(statement)]


def _statement(period: Period, affiliate: UUID, name: str, email: str, currency: str, *cents: int) -> dict[str, Any]:
    opening, earned, taken_back, held = (from_cents(each) for each in cents)
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
    key = _conversion_key(session, by)
    statement = select(key, func.count()).where(*_credited(period)).group_by(key)
    for found, count in session.execute(_narrowed(statement, Conversion, only)):
        _row(rows, found).conversions = count


def _add_money(session: Session, rows: dict[str, Row], period: Period, by: By, only: Mapping[str, UUID]) -> None:
    key, entry = _conversion_key(session, by), LedgerEntry
    sums = [_sum(entry.cents, entry.account == account) for account in (Account.HELD, Account.APPROVED)]
    statement = (
        select(key, Conversion.currency, *sums, _sum(-entry.cents, entry.cause.in_(TAKEN_BACK)))
        .join(Conversion, Conversion.id == entry.conversion_id)
        .where(*_credited(period))
        .group_by(key, Conversion.currency)
    )
    for found, currency, held, approved, taken_back in session.execute(_narrowed(statement, Conversion, only)):
        money = _row(rows, found).in_currency(currency)
        money.held, money.approved = from_cents(held), from_cents(approved)
        money.reversed = from_cents(taken_back)


def _of_products(session: Session, period: Period, only: Mapping[str, UUID]) -> dict[str, Row]:
    """By the lines of orders. A partial refund is spread over the lines in proportion and rounded for each, so the sums
    of a product may differ by cents from the ledger's."""
    whole = _cents(ConversionItem.commission)
    part = whole * 1.0 * _cents(Conversion.refunded) / func.nullif(_cents(Conversion.order_amount), 0)
    in_part = func.coalesce(cast(func.round(part), BigInteger), 0)
    undone = case((Conversion.order_status.in_(REVERSING), whole), else_=in_part)
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
    for found, currency, count, held, granted, taken_back in session.execute(_narrowed(statement, Conversion, only)):
        row = _row(rows, found)
        row.clicks = row.dead_clicks = None
        row.conversions += count
        money = row.in_currency(currency)
        money.held, money.approved, money.reversed = from_cents(held), from_cents(granted), from_cents(taken_back)
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


def _conversion_key(session: Session, by: By) -> Any:
    if by is By.CAMPAIGN:
        return Conversion.campaign_id
    if by is By.AFFILIATE:
        return Conversion.affiliate_id
    if session.get_bind().dialect.name == "postgresql":
        return func.date(func.timezone("UTC", Conversion.occurred_at))
    return func.date(Conversion.occurred_at)


def _credited(period: Period) -> Iterable[ColumnElement[bool]]:
    return (
        Conversion.merchant_id == caller().tenant_id,
        Conversion.status == ConversionStatus.CREDITED,
        Conversion.occurred_at >= period.begin,
        Conversion.occurred_at < period.end,
    )


def _narrowed(statement: Select[Any], model: Any, only: Mapping[str, UUID]) -> Select[Any]:
    return statement.where(*(getattr(model, name) == value for name, value in only.items()))


def _cents(amount: Any) -> ColumnElement[int]:
    return cast(func.round(amount * 100), BigInteger)


def _sum(what: Any, where: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((where, what), else_=0)), 0)


def _row(rows: dict[str, Row], key: Any) -> Row:
    return rows.setdefault(str(key), Row(str(key)))
