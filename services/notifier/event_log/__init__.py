"""The event log: every event once, in one order, for the tenants it names."""
