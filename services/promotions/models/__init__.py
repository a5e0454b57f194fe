"""What promotions remembers, one module a noun. All of them are imported here, so that the metadata is whole."""

from services.promotions.carts.campaign_models import CartCampaign, CartCampaignProduct, LinkedProducts
from services.promotions.carts.models import Cart, CartItem
from services.promotions.catalogue.models import Catalogue, Product, ProductCategory, Variant
from services.promotions.catalogue.pricelist_models import Pricelist, PricelistEntry, PricelistVariant
from services.promotions.catalogue.store_models import CustomerGroup, Store
from services.promotions.common.models import Base
from services.promotions.common.tenant_models import Settings, Tenant
from services.promotions.evaluations.models import Evaluation, UnitReturn
from services.promotions.evaluations.usage_models import CampaignUsage, Reservation, ReservedCampaign
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesSnapshot, SalesStore, SalesVariant
from services.promotions.store_campaigns.models import StoreCampaign, StoreCampaignStore
from services.promotions.tills.models import BundleVersion

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
