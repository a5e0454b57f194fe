"""What the gateway and the services ask about tenants and credentials."""
