"""How often a service goes through its tables after an erasure or an end, and for how long one process has the work."""

from datetime import timedelta

LEASE = timedelta(minutes=1)

PASSES = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=8))
"""Everything is gone through again so long after the pass before: what was under way at the erasure or the end has
arrived by then. The last pass is later than the broker keeps anything."""
