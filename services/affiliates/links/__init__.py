"""Tracking links: their codes, where they lead, and the link cache of each process."""
