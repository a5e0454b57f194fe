"""The one interface to a message broker, and the choice between the embedded one and RabbitMQ.

Both keep the same promises (tests/chassis/test_broker_contract.py holds them to it):

* ``publish`` returns how many messages, counted from the first, are durably stored. The archive stores every message,
  so a message without a route means a broken topology and is refused.
* Every subscriber owns one durable queue ``<subscriber>.events``; each queue gets its own copy.
* A message is acknowledged only after the handler returned. When the handler raises or its process dies, the message
  is delivered again; after fifty deliveries it is a dead letter in ``<subscriber>.dead``.
"""

from chassis.messaging.broker.base import (
    ARCHIVE,
    EXCHANGE,
    MAX_BODY,
    Broker,
    BrokerUnavailable,
    DeadLetter,
    Message,
    TopologyBroken,
)

__all__ = [
    "ARCHIVE",
    "EXCHANGE",
    "MAX_BODY",
    "Broker",
    "BrokerUnavailable",
    "DeadLetter",
    "Message",
    "TopologyBroken",
    "connect",
]


def connect(url: str, name: str) -> Broker:
    """The broker behind ``url``: ``amqp://…`` is RabbitMQ, ``embedded:///path/to/broker.db`` the embedded one.

    ``name`` is shown to operators as the connection's name, e.g. ``campaigns.relay``.
    """
    if url.startswith(("amqp://", "amqps://")):
        # Only here, so that a process without RabbitMQ does not carry pika.
        from chassis.messaging.broker.rabbitmq import RabbitBroker

        return RabbitBroker(url, name)
    if url.startswith("embedded:///"):
        from chassis.messaging.broker.embedded import EmbeddedBroker

        return EmbeddedBroker(url.removeprefix("embedded://"), name)
    raise ValueError("CONCORD_BROKER_URL must start with amqp://, amqps:// or embedded:///")
