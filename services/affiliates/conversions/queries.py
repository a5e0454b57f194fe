"""Reads of conversions, each with its explanation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from chassis.core.money import rounded
from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.affiliates.affiliates.models import Affiliate
from services.affiliates.campaigns.models import Campaign
from services.affiliates.commissions import ledger_rules
from services.affiliates.commissions.ledger_rules import Account, OrderState, OrderStatus
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.rules import ConversionStatus, explain
from services.affiliates.merchants.models import Merchant

MISSING = "No such order was reported."


@dataclass(frozen=True)
class ConversionView:
    """A conversion with what was decided, why, and what is left of the commission."""

    conversion: Conversion
    items: Sequence[ConversionItem]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.conversion, name)

    @property
    def affiliate_id(self) -> UUID | None:
        """The affiliate to whom it was credited; None until then."""
        return self.conversion.affiliate_id if self.status == ConversionStatus.CREDITED else None

    @property
    def commission_credited(self) -> Decimal | None:
        if self.status == ConversionStatus.ACCEPTED:
            return None
        return rounded(self.conversion.commission or Decimal(0), self.conversion.currency)

    @property
    def commission(self) -> Decimal | None:
        credited = self.commission_credited
        return credited and ledger_rules.remaining(credited, order_state(self.conversion))

    @property
    def commission_state(self) -> str | None:
        """HELD, APPROVED, or REVERSED once the order was undone."""
        if self.status != ConversionStatus.CREDITED:
            return None
        if self.order_status in ledger_rules.REVERSING:
            return "REVERSED"
        return Account.APPROVED if self.order_status in ledger_rules.APPROVING else Account.HELD

    @property
    def window_ends_at(self) -> datetime | None:
        row = self.conversion
        return row.clicked_at + timedelta(days=row.window_days or 0) if row.clicked_at else None

    @property
    def explanation(self) -> str | None:
        row = self.conversion
        if row.reason is None:
            return None
        return explain(
            row.reason,
            clicked_at=row.clicked_at,
            window_days=row.window_days,
            level=row.commission_level,
            currency=row.currency,
            unapplied=row.unapplied or (),
        )


def order_state(conversion: Conversion) -> OrderState:
    return OrderState(
        OrderStatus(conversion.order_status),
        conversion.order_amount,
        conversion.currency,
        conversion.refunded,
        conversion.refunded_by_item,
        conversion.taken_by_item,
    )


def get_conversion(session: Session, external_order_id: str) -> Conversion:
    """One of the caller's conversions.

    Raises:
        NotFound: no such order was reported.
    """
    return one_or_404(session, _of_order(external_order_id), MISSING)


def lock_conversion(session: Session, external_order_id: str) -> Conversion:
    """One of the caller's conversions, locked until the transaction ends. Raises as ``get_conversion``."""
    return one_or_404(session, _of_order(external_order_id).with_for_update(), MISSING)


def _of_order(external_order_id: str) -> Select[tuple[Conversion]]:
    own = (Conversion.merchant_id == caller().tenant_id, Conversion.external_order_id == external_order_id)
    return select(Conversion).where(*own)


def items_of(session: Session, conversion: Conversion) -> Sequence[ConversionItem]:
    """The lines of an order as they were reported."""
    statement = select(ConversionItem).where(ConversionItem.conversion_id == conversion.id)
    items = session.scalars(statement.order_by(ConversionItem.position)).all()
    for item in items:
        item.currency = conversion.currency
    return items


def view(session: Session, conversion: Conversion) -> ConversionView:
    return ConversionView(conversion, items_of(session, conversion))


def list_conversions(session: Session, *, page: int, page_size: int, **filters: Any) -> Page:
    """The caller's conversions, newest first, without their lines."""
    statement = select(Conversion).where(Conversion.merchant_id == caller().tenant_id)
    for name, value in filters.items():
        statement = statement.where(getattr(Conversion, name) == value)
    statement = statement.order_by(Conversion.received_at.desc(), Conversion.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: ConversionView(row, ()))


def due_conversion(now: datetime) -> Select[tuple[Conversion]]:
    """The conversion that has waited longest to be weighed."""
    due = select(Conversion).where(Conversion.status == ConversionStatus.ACCEPTED, Conversion.due_at <= now)
    return due.order_by(Conversion.due_at).limit(1)


def event_fields(
    conversion: Conversion, merchant: Merchant, campaign: Campaign | None, affiliate: Affiliate | None
) -> dict[str, Any]:
    """The fields that all events about a conversion share."""
    return {
        "conversion_id": conversion.id,
        "external_order_id": conversion.external_order_id,
        "merchant_id": merchant.id,
        "merchant_name": merchant.name,
        "campaign_id": campaign and campaign.id,
        "campaign_title": campaign and campaign.title,
        "affiliate_id": affiliate and affiliate.id,
        "affiliate_name": affiliate and affiliate.name,
        "affiliate_email": affiliate and affiliate.email,
        "click_id": conversion.click_id,
        "currency": conversion.currency,
    }
