"""What the affiliate programme remembers: merchants, campaigns, affiliates, links, clicks, conversions, money."""

from services.affiliates.models.affiliates import ONE_ADDRESS, ONE_CODE, Affiliate, Link
from services.affiliates.models.base import Base
from services.affiliates.models.campaigns import ONE_CAMPAIGN_CODE, Campaign, CampaignRun
from services.affiliates.models.clicks import Click, ClickCount, ClickFeed
from services.affiliates.models.conversions import ONE_ORDER, Conversion, ConversionItem, LedgerEntry, Refund, in_minor
from services.affiliates.models.merchants import Merchant
from services.affiliates.models.products import ONE_PRODUCT, Product

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
