"""Events on their way: outbox, relay, broker, inbox, consumer."""
