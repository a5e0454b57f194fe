"""Writes, one module a noun. Whatever touches a tenant's contacts or adds a mail for it locks the tenant first."""
