"""``concord topology``: creates the queue of every subscriber before anything is published, so no event is missed."""

import sys

import click

from chassis.core import logs
from chassis.messaging.broker import BrokerUnavailable, TopologyBroken, connect
from chassis.process.settings import Settings
from concord import platform
from concord.environment import settings_or_exit


@click.command("topology")
def command() -> None:
    """Declare the exchange and the queues of all subscribers. A queue gets only events published later."""
    logs.configure("WARNING", "console")
    for name in declare(settings_or_exit()):
        click.echo(f"{name}: declared")


def declare(settings: Settings) -> list[str]:
    """Declare the queues of all subscribers; return their names. Ends the command where the broker refuses."""
    broker = connect(settings.broker_url, "concord.topology")
    subscribers = [subscriber for name in platform.SERVICES for subscriber in platform.load(name).listeners]
    try:
        for subscriber in subscribers:
            broker.declare(subscriber.name, subscriber.patterns)
    except (BrokerUnavailable, TopologyBroken) as error:
        sys.exit(f"The broker's queues could not be declared: {error}")
    finally:
        broker.close()
    return [subscriber.name for subscriber in subscribers]
