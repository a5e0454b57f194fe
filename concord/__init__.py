"""The composition root: the list of services, the command line, starting everything on one machine, demo data."""
