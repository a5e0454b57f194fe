"""The only door of Concord: verifies credentials, checks flags and limits, and passes requests on to the services."""
