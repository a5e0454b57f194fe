"""The words that services and the gateway share: roles, features, error formats, names of services."""
