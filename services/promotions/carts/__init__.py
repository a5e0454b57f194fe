"""Carts of shoppers, and the cart campaigns and linked products that rule what a cart can hold (S4)."""
