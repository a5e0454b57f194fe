"""Settings of a merchant: default commission, currency, fallback address, allowed hosts."""
