"""Who hears what: tenants, contacts, preferences, digests, and reassignment when a user is removed."""
