"""Measured comparisons: ours beside the limit or the peer, in one run on one machine."""
