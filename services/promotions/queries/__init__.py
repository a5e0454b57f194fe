"""Reads, one module a noun. Every statement is narrowed to the caller's tenant."""
