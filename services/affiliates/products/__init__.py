"""Products of a merchant, imported in bulk."""
