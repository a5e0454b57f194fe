"""What this service publishes, one module a noun. A published shape never changes; a new shape is a new version."""

from services.promotions.carts import events
from services.promotions.catalogue import events as catalogue_events
from services.promotions.catalogue import pricelist_events
from services.promotions.evaluations import events as evaluations_events
from services.promotions.sales import events as sales_events
from services.promotions.store_campaigns import events as store_campaigns_events

ALL: tuple[type, ...] = (
    evaluations_events.SettingsChanged,
    catalogue_events.ProductsChanged,
    catalogue_events.StoreCreated,
    catalogue_events.StoreChanged,
    catalogue_events.CustomerGroupCreated,
    catalogue_events.CustomerGroupChanged,
    pricelist_events.PricelistCreated,
    pricelist_events.PricelistRenamed,
    pricelist_events.PricelistDeleted,
    pricelist_events.PricelistProductsChanged,
    sales_events.SalesCampaignCreated,
    sales_events.SalesCampaignChanged,
    sales_events.SalesCampaignActivated,
    sales_events.SalesCampaignDeactivated,
    sales_events.SalesSelectionReplaced,
    *store_campaigns_events.ALL,
    *events.ALL,
)
