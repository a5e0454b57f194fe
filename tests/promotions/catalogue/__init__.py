"""Tests of the catalogue: products, price lists, stores, amounts."""
