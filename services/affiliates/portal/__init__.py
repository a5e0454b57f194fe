"""The affiliates' own API: what one affiliate of a merchant sees of itself (S2-22)."""
