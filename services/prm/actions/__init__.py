"""Writes: each does one thing inside the transaction it is given, with its audit row and its events."""
