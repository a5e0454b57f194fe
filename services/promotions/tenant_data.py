"""What promotions holds of tenants: all of it is their own, so it goes when they end. Children come before parents."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from privacy.tenant_data import TenantData
from services.promotions.carts.campaign_models import CartCampaign, CartCampaignProduct, LinkedProducts
from services.promotions.carts.models import Cart, CartItem
from services.promotions.catalogue.models import (
    Catalogue,
    CustomerGroup,
    Pricelist,
    PricelistEntry,
    PricelistVariant,
    Product,
    ProductCategory,
    Settings,
    Store,
    Variant,
)
from services.promotions.common.models import Tenant
from services.promotions.evaluations.models import (
    CampaignUsage,
    Evaluation,
    Reservation,
    ReservedCampaign,
    UnitReturn,
)
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore, SalesVariant
from services.promotions.store_campaigns.models import StoreCampaign, StoreCampaignStore
from services.promotions.tills.models import BundleVersion


def _of(child: type[DeclarativeBase], why: str, column: Any, parent: Any) -> TenantData:
    """Rows that are only reached through their parent."""
    return TenantData(
        child, why, rows=lambda tenant_id: column.in_(select(parent.id).where(parent.tenant_id == tenant_id))
    )


TENANT_DATA = (
    TenantData(BundleVersion, "Which campaigns tills were given."),
    _of(CartItem, "What is in shoppers' carts.", CartItem.cart_id, Cart),
    TenantData(Cart, "Shoppers' carts."),
    TenantData(LinkedProducts, "Products that go only with another one in carts."),
    _of(CartCampaignProduct, "Products of cart campaigns.", CartCampaignProduct.campaign_id, CartCampaign),
    TenantData(CartCampaign, "Cart campaigns."),
    _of(StoreCampaignStore, "Stores of store campaigns.", StoreCampaignStore.campaign_id, StoreCampaign),
    TenantData(StoreCampaign, "Store campaigns."),
    TenantData(UnitReturn, "Units that came back."),
    TenantData(Evaluation, "Orders as they were priced."),
    _of(ReservedCampaign, "Campaigns that orders have reserved.", ReservedCampaign.reservation_id, Reservation),
    TenantData(Reservation, "What orders have reserved."),
    TenantData(CampaignUsage, "What orders have used of sales campaigns."),
    TenantData(SalesVariant, "Variants that sales campaigns treat otherwise than their product."),
    _of(SalesSnapshot, "Products that qualified for sales campaigns.", SalesSnapshot.campaign_id, SalesCampaign),
    _of(SalesSelection, "What sales campaigns were made for.", SalesSelection.campaign_id, SalesCampaign),
    _of(SalesStore, "Stores of sales campaigns.", SalesStore.campaign_id, SalesCampaign),
    TenantData(SalesCampaign, "Sales campaigns."),
    TenantData(Settings, "Settings of promotions."),
    TenantData(Store, "Stores."),
    TenantData(CustomerGroup, "Customer groups."),
    _of(PricelistVariant, "Prices of variants on price lists.", PricelistVariant.pricelist_id, Pricelist),
    _of(PricelistEntry, "Prices on price lists.", PricelistEntry.pricelist_id, Pricelist),
    TenantData(Pricelist, "Price lists."),
    TenantData(Variant, "Variants of products."),
    TenantData(ProductCategory, "Categories of products."),
    TenantData(Product, "Products."),
    TenantData(Catalogue, "How often the catalogue has changed."),
    TenantData(Tenant, "The company's name, slug and features here."),
)
