"""What a tenant's own software signs in with."""
