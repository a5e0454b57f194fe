"""A service at work: its declaration, settings, roles, server and health."""
