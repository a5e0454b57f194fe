"""What this service publishes, one module a noun. A published shape never changes; a new shape is a new version."""

from services.promotions.events import cart_campaigns, catalogue, pricelists, sales, settings, store_campaigns

ALL: tuple[type, ...] = (
    settings.SettingsChanged,
    catalogue.ProductsChanged,
    catalogue.StoreCreated,
    catalogue.StoreChanged,
    catalogue.CustomerGroupCreated,
    catalogue.CustomerGroupChanged,
    pricelists.PricelistCreated,
    pricelists.PricelistRenamed,
    pricelists.PricelistDeleted,
    pricelists.PricelistProductsChanged,
    sales.SalesCampaignCreated,
    sales.SalesCampaignChanged,
    sales.SalesCampaignActivated,
    sales.SalesCampaignDeactivated,
    sales.SalesSelectionReplaced,
    *store_campaigns.ALL,
    *cart_campaigns.ALL,
)
