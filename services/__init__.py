"""The services of Concord. Each owns its database; none imports another."""
