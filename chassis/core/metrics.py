"""The metrics of a process, for Prometheus. Served at ``/metrics``."""

from prometheus_client import Counter, Gauge, Histogram

requests = Counter("concord_requests_total", "Requests answered", ["method", "route", "status"])
latency = Histogram(
    "concord_request_seconds",
    "Time to answer a request",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

outbox_backlog = Gauge("concord_outbox_backlog", "Events written but not yet confirmed by the broker")
outbox_age = Gauge("concord_outbox_oldest_seconds", "Age of the oldest event not yet confirmed")
relay_published = Counter("concord_relay_published_total", "Events confirmed by the broker")
relay_returned = Counter("concord_relay_returned_total", "Messages returned for lack of a queue: topology is broken")
relay_failures = Counter("concord_relay_failures_total", "Relay rounds that failed and were tried again")

events_handled = Counter("concord_events_handled_total", "Events whose effect is committed", ["subscriber", "type"])
events_duplicate = Counter("concord_events_duplicate_total", "Redeliveries absorbed by the inbox", ["subscriber"])
events_displaced = Counter(
    "concord_events_displaced_total",
    "Events that were never handled although their place had passed: dead letters, each a reason to look",
    ["subscriber"],
)
event_failures = Counter("concord_event_failures_total", "Failures of a handler, stored in the retry table")
retry_rows = Gauge("concord_events_parked", "Events in the retry table by state", ["state"])
events_early = Gauge("concord_events_early", "Events of ordered subscribers that wait for predecessors", ["subscriber"])
events_early_age = Gauge(
    "concord_events_early_oldest_seconds", "How long the oldest of these has waited", ["subscriber"]
)
consumer_failures = Counter("concord_consumer_failures_total", "Lost connections, and databases that are away")
