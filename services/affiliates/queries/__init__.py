"""Reads: selects, pages, projections. Every statement is narrowed to the caller's merchant."""

from services.affiliates.queries import campaigns, merchants

__all__ = ["campaigns", "merchants"]
