"""The digest: a mail made of the events of several topics."""

from services.notifier.topics.base import Category, Topic

DIGEST = Topic(
    name="digest",
    description="summaries",
    roles=(),
    subject="Your {cadence} summary from Concord",
    cadence=None,
    category=Category.ONCE,
)
