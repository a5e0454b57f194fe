"""The companies on the platform: their names, slugs, time zones and features."""
