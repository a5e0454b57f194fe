"""Till bundles: the signed state of a store, with which a till evaluates orders without a network."""
