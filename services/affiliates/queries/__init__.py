"""Reads: selects, pages, projections. Every statement is narrowed to the caller's merchant."""

from services.affiliates.queries import (
    affiliates,
    attribution,
    campaigns,
    conversions,
    currencies,
    ledger,
    merchants,
    products,
    reports,
)

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
