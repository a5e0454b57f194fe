"""Who am I: the own account."""
