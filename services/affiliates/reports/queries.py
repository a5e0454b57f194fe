"""Reads of reports: sums over counted clicks, conversions and the ledger, in a few statements."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.principal import caller
from chassis.core.text import fold
from chassis.data.bulk import among
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.clicks.models import ClickCount
from services.affiliates.commissions.ledger_rules import APPROVING, REVERSING, TAKEN_BACK, Account
from services.affiliates.commissions.models import LedgerEntry, in_minor, sum_where
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.rules import ConversionStatus
from services.affiliates.merchants.queries import merchant
from services.affiliates.products.models import Product
from services.affiliates.reports.rules import By, Period, Row, period_of

FINEST = 10**money.FINEST


def period_of_caller(session: Session, since: date | None, until: date | None, now: datetime) -> Period:
    """The period asked for, in the caller's time zone (D61). Raises what ``rules.period_of`` raises."""
    return period_of(since, until, now, merchant(session, now).zone)


def report(
    session: Session, *, by: str, since: date | None = None, until: date | None = None, now: datetime, **filters: UUID
) -> list[Row]:
    """Clicks, conversions and commission in a period, a row for each campaign, affiliate, product or day.

    Clicks count on the day they were made, an order and all of its commission on the day it was placed.

    Args:
        by: a value of ``By``.
        filters: ``campaign_id`` and ``affiliate_id``.
    """
    by, period = By(by), period_of_caller(session, since, until, now)
    if by is By.PRODUCT:
        rows = _of_products(session, period, filters)
    else:
        rows = {}
        _add_clicks(session, rows, period, by, filters)
        _add_conversions(session, rows, period, by, filters)
        _add_money(session, rows, period, by, filters)
    names = _names(session, by, rows)
    for key, row in rows.items():
        row.name = names.get(key, "")
    return sorted(rows.values(), key=lambda row: (fold(row.name), row.key))


def _add_clicks(session: Session, rows: dict[str, Row], period: Period, by: By, filters: Mapping[str, UUID]) -> None:
    key = {By.CAMPAIGN: ClickCount.campaign_id, By.AFFILIATE: ClickCount.affiliate_id, By.DAY: ClickCount.day}[by]
    statement = (
        select(key, func.sum(ClickCount.live), func.sum(ClickCount.other))
        .where(ClickCount.merchant_id == caller().tenant_id, ClickCount.day.between(period.since, period.until))
        .group_by(key)
    )
    for key_value, live, dead in session.execute(_narrowed(statement, ClickCount, filters)):
        row = _row(rows, key_value)
        row.clicks, row.dead_clicks = int(live), int(dead)


def _add_conversions(
    session: Session, rows: dict[str, Row], period: Period, by: By, filters: Mapping[str, UUID]
) -> None:
    key = _conversion_key(session, by, period)
    statement = select(key, func.count()).where(*_credited(period)).group_by(key)
    for key_value, count in session.execute(_narrowed(statement, Conversion, filters)):
        _row(rows, key_value).conversions = count


def _add_money(session: Session, rows: dict[str, Row], period: Period, by: By, filters: Mapping[str, UUID]) -> None:
    key, entry = _conversion_key(session, by, period), LedgerEntry
    sums = [sum_where(in_minor(), entry.account == account) for account in (Account.HELD, Account.APPROVED)]
    statement = (
        select(key, Conversion.currency, *sums, sum_where(-in_minor(), entry.cause.in_(TAKEN_BACK)))
        .join(Conversion, Conversion.id == entry.conversion_id)
        .where(*_credited(period))
        .group_by(key, Conversion.currency)
    )
    for key_value, currency, held, approved, taken_back in session.execute(_narrowed(statement, Conversion, filters)):
        _row(rows, key_value).add(
            currency, *(money.from_minor(int(minor), currency) for minor in (held, approved, taken_back))
        )


def _of_products(session: Session, period: Period, filters: Mapping[str, UUID]) -> dict[str, Row]:
    """Sums over the lines of orders, less what refunds took back of each. Together they come to the ledger's sums."""
    commission = _finest(ConversionItem.commission)
    undone = case((Conversion.order_status.in_(REVERSING), commission), else_=_finest(ConversionItem.taken_back))
    approved = Conversion.order_status.in_(APPROVING)
    key = (ConversionItem.external_id, Conversion.currency)
    statement = (
        select(
            *key,
            func.count(Conversion.id.distinct()),
            sum_where(commission - undone, ~approved),
            sum_where(commission - undone, approved),
            func.sum(undone),
        )
        .join(Conversion, Conversion.id == ConversionItem.conversion_id)
        .where(*_credited(period))
        .group_by(*key)
    )
    rows: dict[str, Row] = {}
    for external_id, currency, count, *sums in session.execute(_narrowed(statement, Conversion, filters)):
        row = _row(rows, external_id)
        row.clicks = row.dead_clicks = None
        row.conversions += count
        row.add(currency, *(money.rounded(Decimal(int(amount)) / FINEST, currency) for amount in sums))
    return rows


def _names(session: Session, by: By, rows: Mapping[str, Row]) -> dict[str, str]:
    """The names of the rows' keys; days have none."""
    statements: dict[By, Select[Any]] = {
        By.CAMPAIGN: select(Campaign.id, Campaign.title).where(Campaign.merchant_id == caller().tenant_id),
        By.AFFILIATE: select(Affiliate.id, Affiliate.name).where(Affiliate.merchant_id == caller().tenant_id),
        By.PRODUCT: select(Product.external_id, Product.name).where(Product.merchant_id == caller().tenant_id),
    }
    if by not in statements or not rows:
        return {}
    if by is not By.PRODUCT:
        return {str(key): name for key, name in session.execute(statements[by]) if str(key) in rows}
    sold = statements[by].where(among(session, Product.external_id, list(rows)))  # of a catalogue that may be large
    return {key: name for key, name, *_ in session.execute(sold)}


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
    """The day on which an order was placed, where clocks are ``minutes`` ahead of UTC. The databases' own knowledge of
    time zones is not used."""
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


def _narrowed(statement: Select[Any], model: Any, filters: Mapping[str, UUID]) -> Select[Any]:
    return statement.where(*(getattr(model, name) == value for name, value in filters.items()))


def _finest(amount: Any) -> ColumnElement[int]:
    """An amount of any currency in whole units of the finest minor unit of all currencies."""
    return cast(func.round(amount * FINEST), BigInteger)


def _row(rows: dict[str, Row], key: Any) -> Row:
    return rows.setdefault(str(key), Row(str(key)))
