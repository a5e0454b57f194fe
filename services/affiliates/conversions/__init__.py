"""Conversions: orders taken in, attributed to a click, followed through refunds."""
