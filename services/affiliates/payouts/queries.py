"""Reading the ledger, and what its entries come to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.principal import caller
from chassis.http.pages import Page, paginate
from services.affiliates.commissions.ledger_rules import Account
from services.affiliates.conversions.models import Conversion, LedgerEntry, in_minor


def entries(session: Session, *, page: int, page_size: int, **wanted: Any) -> Page:
    """The caller's ledger, newest first."""
    statement = (
        select(LedgerEntry, in_minor(), Conversion.external_order_id)
        .join(Conversion, Conversion.id == LedgerEntry.conversion_id)
        .where(LedgerEntry.merchant_id == caller().tenant_id)
        .order_by(LedgerEntry.at.desc(), LedgerEntry.id.desc())
    )
    if "external_order_id" in wanted:
        statement = statement.where(Conversion.external_order_id == wanted.pop("external_order_id"))
    for name, value in wanted.items():
        statement = statement.where(getattr(LedgerEntry, name) == value)
    return paginate(session, statement, page=page, page_size=page_size, to_item=_entry)


def balances(session: Session, affiliate_id: UUID | None = None) -> list[dict[str, Any]]:
    """What the caller owes each affiliate, in each currency."""
    sums = [func.sum(case((LedgerEntry.account == account, in_minor()), else_=0)) for account in Account]
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


def _entry(row: Sequence[Any]) -> dict[str, Any]:
    entry, minor, external_order_id = row
    shown = ("id", "at", "affiliate_id", "campaign_id", "cause", "account", "currency")
    told = {name: getattr(entry, name) for name in shown}
    return told | {"external_order_id": external_order_id, "amount": money.from_minor(minor, entry.currency)}
