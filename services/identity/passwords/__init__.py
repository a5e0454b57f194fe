"""Passwords: hashing and what a good one is."""
