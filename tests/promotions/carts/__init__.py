"""Tests of carts, cart campaigns and linked products."""
