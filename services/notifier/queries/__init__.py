"""Reads: selects, pages and projections."""
