"""How far the access feed looks back."""

from datetime import timedelta

from chassis.core.clock import CLOCKS_APART

FEED_OVERLAP = CLOCKS_APART + timedelta(minutes=1)
"""How far the access feed looks back. A change is stamped before it commits: it may wait 10 s for a lock, and clocks
differ. A change that is sent twice does no harm."""
