"""What the affiliate programme remembers: merchants, campaigns, affiliates, links, clicks, conversions, money."""

from services.affiliates.affiliates.models import ONE_ADDRESS, ONE_CODE, Affiliate, Link
from services.affiliates.campaigns.models import ONE_CAMPAIGN_CODE, Campaign, CampaignRun
from services.affiliates.clicks.models import Click, ClickCount, ClickFeed
from services.affiliates.common.models import Base
from services.affiliates.conversions.models import ONE_ORDER, Conversion, ConversionItem, LedgerEntry, Refund, in_minor
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import ONE_PRODUCT, Product

__all__ = [
    "ONE_ADDRESS",
    "ONE_CAMPAIGN_CODE",
    "ONE_CODE",
    "ONE_ORDER",
    "ONE_PRODUCT",
    "Affiliate",
    "Base",
    "Campaign",
    "CampaignRun",
    "Click",
    "ClickCount",
    "ClickFeed",
    "Conversion",
    "ConversionItem",
    "LedgerEntry",
    "Link",
    "Merchant",
    "Product",
    "Refund",
    "in_minor",
]
