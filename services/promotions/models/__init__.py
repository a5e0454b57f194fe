"""What promotions remembers, one module a noun. All of them are imported here, so that the metadata is whole."""

from services.promotions.models.base import Base
from services.promotions.models.bundles import BundleVersion
from services.promotions.models.cart_campaigns import CartCampaign, CartCampaignProduct, LinkedProducts
from services.promotions.models.carts import Cart, CartItem
from services.promotions.models.catalogue import Catalogue, Product, ProductCategory, Variant
from services.promotions.models.evaluations import Evaluation, UnitReturn
from services.promotions.models.pricelists import Pricelist, PricelistEntry, PricelistVariant
from services.promotions.models.sales import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore, SalesVariant
from services.promotions.models.store_campaigns import StoreCampaign, StoreCampaignStore
from services.promotions.models.stores import CustomerGroup, Store
from services.promotions.models.tenants import Settings, Tenant
from services.promotions.models.usage import CampaignUsage, Reservation, ReservedCampaign

__all__ = [
    "Base",
    "BundleVersion",
    "CampaignUsage",
    "Cart",
    "CartCampaign",
    "CartCampaignProduct",
    "CartItem",
    "Catalogue",
    "CustomerGroup",
    "Evaluation",
    "LinkedProducts",
    "Pricelist",
    "PricelistEntry",
    "PricelistVariant",
    "Product",
    "ProductCategory",
    "Reservation",
    "ReservedCampaign",
    "SalesCampaign",
    "SalesSelection",
    "SalesSnapshot",
    "SalesStore",
    "SalesVariant",
    "Settings",
    "Store",
    "StoreCampaign",
    "StoreCampaignStore",
    "Tenant",
    "UnitReturn",
    "Variant",
]
