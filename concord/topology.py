"""``concord topology``: every subscriber has its queue before anybody publishes, so that no first event is missed."""

import sys

import click

from chassis.core import logs
from chassis.messaging.broker import BrokerUnavailable, TopologyBroken, connect
from chassis.process.settings import Settings
from concord import platform
from concord.environment import settings_or_exit


@click.command("topology")
def command() -> None:
    """Declare the exchange and the queues of all subscribers. What a queue was not there for, it does not get."""
    logs.configure("WARNING", "console")
    for name in declare(settings_or_exit()):
        click.echo(f"{name}: declared")


def declare(settings: Settings) -> list[str]:
    """Declare what every service's subscribers listen on; their names. Ends the command where the broker refuses."""
    broker = connect(settings.broker_url, "concord.topology")
    subscribers = [one for service in platform.SERVICES for one in platform.load(service).listeners]
    try:
        for subscriber in subscribers:
            broker.declare(subscriber.name, subscriber.patterns)
    except (BrokerUnavailable, TopologyBroken) as error:
        sys.exit(f"The broker's queues could not be declared: {error}")
    finally:
        broker.close()
    return [subscriber.name for subscriber in subscribers]
