"""SCIM 2.0: a tenant's directory adds, changes and suspends its people (RFC 7643, RFC 7644)."""
