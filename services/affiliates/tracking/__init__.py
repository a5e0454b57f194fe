"""Following visitors through links: a redirect never waits for the database, and no click is lost with it.

Links are kept in the memory of each process and looked at anew every second. Clicks wait there for at most as long and
are then written together. While the database is away redirects go on from memory, and clicks wait.
"""

from services.affiliates.clicks.tracker import Tracker, Visit, flush_clicks, flush_now, of, refresh_links

__all__ = ["Tracker", "Visit", "flush_clicks", "flush_now", "of", "refresh_links"]
