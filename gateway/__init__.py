"""The way into Concord: verifies credentials, checks flags and limits, passes requests on to services."""
