"""Tests of the standing of tenants."""
