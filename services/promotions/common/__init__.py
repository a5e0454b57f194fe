"""What the rooms of promotions share: the mapped base, tenants, fields on the wire, uids and warnings."""
