"""What promotions remembers, one module a noun. All of them are imported here, so that the metadata is whole."""

from services.promotions.models.base import Base
from services.promotions.models.catalogue import Catalogue, Product, ProductCategory, Variant
from services.promotions.models.pricelists import Pricelist, PricelistEntry
from services.promotions.models.sales import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore
from services.promotions.models.stores import CustomerGroup, Store
from services.promotions.models.tenants import Settings, Tenant

__all__ = [
    "Base",
    "Catalogue",
    "CustomerGroup",
    "Pricelist",
    "PricelistEntry",
    "Product",
    "ProductCategory",
    "SalesCampaign",
    "SalesSelection",
    "SalesSnapshot",
    "SalesStore",
    "Settings",
    "Store",
    "Tenant",
    "Variant",
]
