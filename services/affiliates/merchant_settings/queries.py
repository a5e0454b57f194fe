"""Whether the amounts that a merchant has stored without a currency fit a currency (D9)."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.core.money import minor_units
from services.affiliates.campaigns.models import Campaign
from services.affiliates.common.terms import Kind, fits
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product

BATCH = 1000


def misfit(session: Session, merchant_id: UUID, currency: str) -> str | None:
    """Describe a stored amount that has more decimals than ``currency``; None if every amount fits.

    Checks the prices and FIXED commissions that name no currency, because theirs is the merchant's.
    """
    counts_exactly = session.get_bind().dialect.name == "postgresql"  # SQLite keeps amounts as text
    for words, statement in _stored(merchant_id):
        if counts_exactly and statement.selected_columns[1] is Product.__table__.c.price:
            statement = statement.where(func.round(Product.price, minor_units(currency)) != Product.price).limit(1)
        for name, amount in session.execute(statement.execution_options(yield_per=BATCH)):
            if not fits(Decimal(amount), currency):
                return words.format(name)
    return None


def _stored(merchant_id: UUID) -> Iterable[tuple[str, Select[Any]]]:
    product = (Product.merchant_id == merchant_id, Product.currency.is_(None))
    campaign = (Campaign.merchant_id == merchant_id, Campaign.commission_currency.is_(None))
    fixed = select(Product.external_id, Product.commission_value).where(*product)
    yield "The price of product {}", select(Product.external_id, Product.price).where(*product)
    yield "The commission of product {}", fixed.where(Product.commission_type == Kind.FIXED)
    of_campaigns = select(Campaign.title, Campaign.commission_value).where(*campaign)
    yield "The commission of campaign {}", of_campaigns.where(Campaign.commission_type == Kind.FIXED)
    own = select(Merchant.name, Merchant.commission_value).where(Merchant.id == merchant_id)
    yield "The default commission", own.where(Merchant.commission_type == Kind.FIXED)
