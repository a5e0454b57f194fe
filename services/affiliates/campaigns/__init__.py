"""Campaigns: drafted, activated, paused, approved, listed."""
