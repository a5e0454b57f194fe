"""Notification topics, one file each: events, wording, default cadence, digest section."""
