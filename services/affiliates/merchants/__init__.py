"""Merchants: the service's copy of each tenant, with its time zone."""
