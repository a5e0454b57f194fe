"""Reads: selects, pages, projections. Every statement is narrowed to the caller's merchant."""

from services.affiliates.affiliates import queries
from services.affiliates.campaigns import queries as campaigns_queries
from services.affiliates.conversions import attribution
from services.affiliates.conversions import queries as conversions_queries
from services.affiliates.merchant_settings import queries as merchant_settings_queries
from services.affiliates.merchants import queries as merchants_queries
from services.affiliates.payouts import queries as payouts_queries
from services.affiliates.products import queries as products_queries
from services.affiliates.reports import queries as reports_queries

__all__ = [
    "affiliates",
    "attribution",
    "campaigns",
    "conversions",
    "currencies",
    "ledger",
    "merchants",
    "products",
    "reports",
]
