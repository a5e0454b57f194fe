"""Clicks: redirects, visitors, robots, and the buffer that writes clicks in groups."""
