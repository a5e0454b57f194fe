"""Deliveries: one row for each mail, and the states it goes through."""
