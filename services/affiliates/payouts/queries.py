"""Reads of the ledger: entries, balances, statements."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.principal import caller
from chassis.core.text import fold
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.commissions.ledger_rules import TAKEN_BACK, Account
from services.affiliates.commissions.models import LedgerEntry, in_minor, sum_where
from services.affiliates.conversions.models import Conversion
from services.affiliates.reports.queries import period_of_caller
from services.affiliates.reports.rules import Period


def list_entries(session: Session, *, page: int, page_size: int, **filters: Any) -> Page:
    """The caller's ledger, newest first."""
    statement = (
        select(LedgerEntry, in_minor(), Conversion.external_order_id)
        .join(Conversion, Conversion.id == LedgerEntry.conversion_id)
        .where(LedgerEntry.merchant_id == caller().tenant_id)
        .order_by(LedgerEntry.at.desc(), LedgerEntry.id.desc())
    )
    if "external_order_id" in filters:
        statement = statement.where(Conversion.external_order_id == filters.pop("external_order_id"))
    for name, value in filters.items():
        statement = statement.where(getattr(LedgerEntry, name) == value)
    return paginate(session, statement, page=page, page_size=page_size, to_item=_entry)


def balances(session: Session, affiliate_id: UUID | None = None) -> list[dict[str, Any]]:
    """What the caller owes each affiliate, in each currency."""
    sums = [sum_where(in_minor(), LedgerEntry.account == account) for account in Account]
    key = (LedgerEntry.affiliate_id, LedgerEntry.currency)
    statement = select(*key, *sums).where(LedgerEntry.merchant_id == caller().tenant_id).group_by(*key).order_by(*key)
    if affiliate_id:
        statement = statement.where(LedgerEntry.affiliate_id == affiliate_id)
    return [
        {
            "affiliate_id": affiliate,
            "currency": currency,
            "held": money.from_minor(int(held), currency),
            "approved": money.from_minor(int(approved), currency),
        }
        for affiliate, currency, held, approved in session.execute(statement)
    ]


def statements(
    session: Session,
    *,
    since: date | None = None,
    until: date | None = None,
    affiliate_id: UUID | None = None,
    now: datetime,
) -> list[dict[str, Any]]:
    """What each affiliate's approved account opened with, earned, gave back and closed with; and what is held."""
    entry, period = LedgerEntry, period_of_caller(session, since, until, now)
    approved, before = entry.account == Account.APPROVED, entry.at < period.begin
    within = entry.at >= period.begin
    key = (entry.affiliate_id, Affiliate.name, Affiliate.email, entry.currency)
    statement = (
        select(
            *key,
            sum_where(in_minor(), approved & before),
            sum_where(in_minor(), approved & within & entry.cause.not_in(TAKEN_BACK)),
            sum_where(in_minor(), approved & within & entry.cause.in_(TAKEN_BACK)),
            sum_where(in_minor(), entry.account == Account.HELD),
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


def _entry(row: Sequence[Any]) -> dict[str, Any]:
    entry, minor, external_order_id = row
    names = ("id", "at", "affiliate_id", "campaign_id", "cause", "account", "currency")
    fields = {name: getattr(entry, name) for name in names}
    return fields | {"external_order_id": external_order_id, "amount": money.from_minor(minor, entry.currency)}
