"""Tests of till bundles."""
