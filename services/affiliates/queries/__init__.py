"""Reads: selects, pages, projections. Every statement is narrowed to the caller's merchant."""

from services.affiliates.queries import affiliates, campaigns, merchants, products

__all__ = ["affiliates", "campaigns", "merchants", "products"]
