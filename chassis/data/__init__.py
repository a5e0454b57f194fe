"""A service's own database: engine, tenants, transactions, migrations, audit and encryption."""
