"""Payouts: ledger entries, balances and statements of what is owed to affiliates."""
