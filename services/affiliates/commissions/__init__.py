"""Commission: how much an order earns, and the ledger of each affiliate's accounts."""
