"""Events about conversions. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _ConversionEvent:
    """Subject: the conversion. Visible to the merchant."""

    conversion_id: UUID
    external_order_id: str
    merchant_id: UUID
    merchant_name: str
    campaign_id: UUID | None
    campaign_title: str | None
    affiliate_id: UUID | None
    affiliate_name: str | None
    affiliate_email: str | None
    click_id: UUID | None
    currency: str


@publishes("affiliates.ConversionCredited.v1")
@dataclass(frozen=True)
class ConversionCredited(_ConversionEvent):
    """An order was credited to an affiliate; ``commission`` is held or approved as its order status says."""

    commission: Decimal
    commission_level: str
    order_status: str


@publishes("affiliates.ConversionRefused.v1")
@dataclass(frozen=True)
class ConversionRefused(_ConversionEvent):
    """An order was refused: it is credited to no affiliate, now or later (D34)."""

    reason: str


@publishes("affiliates.CommissionReversed.v1")
@dataclass(frozen=True)
class CommissionReversed(_ConversionEvent):
    """Commission was taken back, in part for a partial refund; ``remaining`` is what is left of it."""

    reversed: Decimal
    remaining: Decimal
    order_status: str
