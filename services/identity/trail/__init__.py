"""The trail of what was changed here (D8)."""
