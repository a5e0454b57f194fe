"""Tests of conversions and refunds."""
