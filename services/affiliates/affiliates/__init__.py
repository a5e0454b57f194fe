"""Affiliates of a merchant: they apply, are approved, are suspended."""
