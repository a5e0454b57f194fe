"""Tests of commission and the ledger."""
