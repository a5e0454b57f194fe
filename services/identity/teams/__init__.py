"""The people of a tenant: inviting, changing, suspending, removing and forgetting them, and ending a whole tenant."""
