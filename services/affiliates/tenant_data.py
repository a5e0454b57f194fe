"""What affiliates holds of tenants. The books stay when a merchant has ended, and with them what they refer to by an
id; names and addresses go, and so does everything else."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, exists, or_, select

from privacy.person import FORMER_USER, NO_ADDRESS
from privacy.tenant_data import FORMER_COMPANY, TenantData, change_where, delete_where
from services.affiliates.affiliates.models import Affiliate, AffiliateUser
from services.affiliates.campaigns.models import Campaign, CampaignRun
from services.affiliates.clicks.models import Click, ClickCount, ClickFeed
from services.affiliates.commissions.models import LedgerEntry
from services.affiliates.conversions.models import Conversion, ConversionItem, Refund
from services.affiliates.links.models import Link
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product

BOOKS = "the books: what was earned, of which order, in which campaign, by which affiliate, by ids"
CONVERSION_TRACES: Any = {"named_click_id": None, "visitor_id": None, "buyer_hash": None, "click_id": None}


def _unbooked_conversions(tenant_id: UUID) -> ColumnElement[bool]:
    booked = exists().where(LedgerEntry.conversion_id == Conversion.id)
    return and_(Conversion.merchant_id == tenant_id, ~booked)


def _of_unbooked(column: Any) -> Any:
    return lambda tenant_id: column.in_(select(Conversion.id).where(_unbooked_conversions(tenant_id)))


def _of_conversions(column: Any) -> Any:
    return lambda tenant_id: column.in_(select(Conversion.id).where(Conversion.merchant_id == tenant_id))


def _of_campaigns(column: Any) -> Any:
    return lambda tenant_id: column.in_(select(Campaign.id).where(Campaign.merchant_id == tenant_id))


def _traced(tenant_id: UUID) -> ColumnElement[bool]:
    traces = (getattr(Conversion, name).is_not(None) for name in CONVERSION_TRACES)
    return and_(Conversion.merchant_id == tenant_id, or_(*traces))


def _unbooked_campaigns(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Campaign.merchant_id == tenant_id, ~exists().where(LedgerEntry.campaign_id == Campaign.id))


def _described(tenant_id: UUID) -> ColumnElement[bool]:
    texts = or_(Campaign.description.is_not(None), Campaign.terms_and_conditions.is_not(None))
    return and_(Campaign.merchant_id == tenant_id, texts)


def _unbooked_affiliates(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Affiliate.merchant_id == tenant_id, ~exists().where(LedgerEntry.affiliate_id == Affiliate.id))


def _known_affiliates(tenant_id: UUID) -> ColumnElement[bool]:
    known = or_(Affiliate.email != NO_ADDRESS, Affiliate.name != FORMER_USER, Affiliate.user_id.is_not(None))
    return and_(Affiliate.merchant_id == tenant_id, known)


def _without_books(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Merchant.id == tenant_id, ~exists().where(LedgerEntry.merchant_id == tenant_id))


def _known_merchant(tenant_id: UUID) -> ColumnElement[bool]:
    return and_(Merchant.id == tenant_id, or_(Merchant.name != FORMER_COMPANY, Merchant.fallback_url.is_not(None)))


TENANT_DATA = (
    TenantData(Click, "Visits through affiliates' links.", secret=("address_hash",)),
    TenantData(ClickCount, "Visits by link and day."),
    TenantData(ClickFeed, "How many clicks were told.", rows=lambda tenant_id: ClickFeed.id == tenant_id),
    TenantData(Link, "Affiliates' links.", rows=_of_campaigns(Link.campaign_id)),
    TenantData(Product, "Products."),
    TenantData(CampaignRun, "When campaigns ran.", rows=_of_campaigns(CampaignRun.campaign_id)),
    TenantData(LedgerEntry, "The books of commission.", steps=(), remains=BOOKS),
    TenantData(
        Refund,
        "Refunds of orders.",
        rows=_of_conversions(Refund.conversion_id),
        steps=(delete_where(_of_unbooked(Refund.conversion_id)),),
        remains=BOOKS,
    ),
    TenantData(
        ConversionItem,
        "Lines of orders.",
        rows=_of_conversions(ConversionItem.conversion_id),
        steps=(delete_where(_of_unbooked(ConversionItem.conversion_id)),),
        remains=BOOKS,
    ),
    TenantData(
        Conversion,
        "Orders that were reported, and what was decided about them.",
        secret=("buyer_hash",),
        steps=(delete_where(_unbooked_conversions), change_where(_traced, **CONVERSION_TRACES)),
        remains=BOOKS,
    ),
    TenantData(
        Campaign,
        "Affiliate campaigns.",
        steps=(
            delete_where(_unbooked_campaigns),
            change_where(_described, description=None, terms_and_conditions=None),
        ),
        remains=BOOKS,
    ),
    TenantData(AffiliateUser, "By which addresses affiliates' accounts are known."),
    TenantData(
        Affiliate,
        "Its affiliates.",
        steps=(
            delete_where(_unbooked_affiliates),
            change_where(
                _known_affiliates,
                name=FORMER_USER,
                email=NO_ADDRESS,
                email_key=cast(Affiliate.id, String) + f":{NO_ADDRESS}",
                user_id=None,
                refusal_reason=None,
            ),
        ),
        remains=BOOKS,
    ),
    TenantData(
        Merchant,
        "The company's name and settings here.",
        steps=(
            delete_where(_without_books),
            change_where(_known_merchant, name=FORMER_COMPANY, fallback_url=None, allowed_hosts=[]),
        ),
        remains="currency and time zone of the books, under no name",
    ),
)
