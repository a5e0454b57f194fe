"""Reads of products."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import caller
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product


def list_products(session: Session, *, page: int, page_size: int, campaign_id: UUID | None = None) -> Page:
    """The caller's products in the order of their ids, of one campaign if ``campaign_id`` is set."""
    statement = select(Product).where(Product.merchant_id == caller().tenant_id).order_by(Product.external_id)
    if campaign_id:
        statement = statement.where(Product.campaign_id == campaign_id)
    merchant_currency = _currency(session)
    return paginate(
        session, statement, page=page, page_size=page_size, to_item=lambda product: _priced(product, merchant_currency)
    )


def get_product(session: Session, external_id: str) -> Product:
    """One of the caller's products.

    Raises:
        NotFound: there is none with that id.
    """
    own = (Product.merchant_id == caller().tenant_id, Product.external_id == external_id)
    product = one_or_404(session, select(Product).where(*own), "There is no such product.")
    return _priced(product, _currency(session))


def _currency(session: Session) -> str | None:
    return session.scalar(select(Merchant.currency).where(Merchant.id == caller().tenant_id))


def _priced(product: Product, merchant_currency: str | None) -> Product:
    """The product with the currency of its price."""
    product.price_currency = product.currency or merchant_currency or ""
    return product
