"""Writes, one module a noun. Each adds its events to the caller's transaction and never commits."""
