"""What a tenant sells, where and at which regular price: products, price lists, stores, customer groups."""
