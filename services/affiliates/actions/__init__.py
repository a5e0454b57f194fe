"""Writes. Each adds its events and its audit row to the caller's transaction and never commits."""
