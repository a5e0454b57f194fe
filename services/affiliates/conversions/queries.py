"""Reading conversions as they explain themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.money import rounded
from chassis.core.principal import caller
from chassis.http.pages import Page, paginate
from services.affiliates.commissions import ledger_rules as money
from services.affiliates.commissions.ledger_rules import Account, OrderState, OrderStatus
from services.affiliates.conversions.models import Conversion, ConversionItem
from services.affiliates.conversions.rules import ConversionStatus, explain

FILTERS = ("status", "order_status", "external_order_id", "affiliate_id", "campaign_id")


@dataclass(frozen=True)
class ToldLine:
    """A line of an order with the order's currency."""

    item: ConversionItem
    currency: str

    def __getattr__(self, name: str) -> Any:
        return getattr(self.item, name)


@dataclass(frozen=True)
class Told:
    """A conversion as it is told: what was decided, why, and what is left of the commission."""

    conversion: Conversion
    lines: Sequence[ConversionItem]

    @property
    def items(self) -> list[ToldLine]:
        return [ToldLine(line, self.conversion.currency) for line in self.lines]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.conversion, name)

    @property
    def affiliate_id(self) -> UUID | None:
        """Whom it was credited to; nobody until it was."""
        return self.conversion.affiliate_id if self.status == ConversionStatus.CREDITED else None

    @property
    def commission_credited(self) -> Decimal | None:
        if self.status == ConversionStatus.ACCEPTED:
            return None
        return rounded(self.conversion.commission or Decimal(0), self.conversion.currency)

    @property
    def commission(self) -> Decimal | None:
        credited = self.commission_credited
        return credited and money.remaining(credited, self._order)

    @property
    def commission_state(self) -> str | None:
        """Where the commission stands: HELD, APPROVED, or REVERSED once the order was undone."""
        if self.status != ConversionStatus.CREDITED:
            return None
        if self._order.status in money.REVERSING:
            return "REVERSED"
        return Account.APPROVED if self._order.status in money.APPROVING else Account.HELD

    @property
    def window_ends_at(self) -> datetime | None:
        found = self.conversion
        return found.clicked_at + timedelta(days=found.window_days or 0) if found.clicked_at else None

    @property
    def explanation(self) -> str | None:
        found = self.conversion
        if found.reason is None:
            return None
        level = found.commission_level
        return explain(
            found.reason,
            clicked_at=found.clicked_at,
            window_days=found.window_days,
            level=level,
            currency=found.currency,
            unapplied=found.unapplied or (),
        )

    @property
    def _order(self) -> OrderState:
        found = self.conversion
        return OrderState(
            OrderStatus(found.order_status),
            found.order_amount,
            found.currency,
            found.refunded,
            found.refunded_by_item,
            found.taken_by_item,
        )


def conversion(session: Session, external_order_id: str, *, lock: bool = False) -> Conversion:
    """One of the caller's conversions.

    Raises:
        NotFound: no such order was reported.
    """
    mine = (Conversion.merchant_id == caller().tenant_id, Conversion.external_order_id == external_order_id)
    statement = select(Conversion).where(*mine)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("No such order was reported.")
    return found


def items(session: Session, of: Conversion) -> Sequence[ConversionItem]:
    """The lines of an order as they were reported."""
    lines = select(ConversionItem).where(ConversionItem.conversion_id == of.id)
    return session.scalars(lines.order_by(ConversionItem.position)).all()


def told(session: Session, found: Conversion) -> Told:
    return Told(found, items(session, found))


def conversions(session: Session, *, page: int, page_size: int, **wanted: Any) -> Page:
    """The caller's conversions, newest first, without their lines."""
    statement = select(Conversion).where(Conversion.merchant_id == caller().tenant_id)
    for name in FILTERS:
        if name in wanted:
            statement = statement.where(getattr(Conversion, name) == wanted[name])
    statement = statement.order_by(Conversion.received_at.desc(), Conversion.id.desc())
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda found: Told(found, ()))


def due(now: datetime) -> Select[tuple[Conversion]]:
    """The conversions that wait to be weighed, the longest due first."""
    waiting = select(Conversion).where(Conversion.status == ConversionStatus.ACCEPTED, Conversion.due_at <= now)
    return waiting.order_by(Conversion.due_at).limit(1)
