"""Webhooks: events as signed HTTP requests to addresses that tenants have set up."""
