"""The decisions that need no database, no clock and no request, one module a noun."""
