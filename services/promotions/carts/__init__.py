"""Carts of shoppers, with the cart campaigns and linked products that decide what a cart can hold (S4)."""
