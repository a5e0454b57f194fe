"""What orders cost: evaluations, returned units, reservations and limits, and a tenant's settings for them."""
