"""The people of a tenant: adding and removing them."""
