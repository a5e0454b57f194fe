"""The way of an event: outbox, relay, broker, consumer, inbox, resequencer, retry table."""
