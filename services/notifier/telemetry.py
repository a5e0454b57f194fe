"""What is counted about mails, by senders and by what people decide."""

from prometheus_client import Counter

outcomes = Counter("concord_mails_total", "Mails by what became of them", ["topic", "outcome"])
