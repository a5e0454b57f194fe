"""What the guide for internal subscribers says works, word for word, with the rights it gives and no others."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pika
import pytest

from chassis.messaging.broker import ARCHIVE, EXCHANGE, Message
from chassis.messaging.broker.rabbitmq import RabbitBroker
from tests.chassis.broker_helpers import PATIENCE
from tests.plugin import sample_event

pytest_plugins = ["tests.chassis.broker_fixtures"]
pytestmark = pytest.mark.real

GUIDE = (Path(__file__).parents[2] / "docs/events/subscribing.md").read_text()
SHELL, PYTHON = (re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) for language in ("sh", "python"))


def run(commands: str, vhost: str, name: str) -> None:
    commands = commands.replace("-p /", f"-p {vhost}").replace("warehouse", name)
    subprocess.run(["sh", "-ec", commands], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def broker(rabbitmq_url):
    broker = RabbitBroker(rabbitmq_url, "prm.relay")
    broker.publish([message("sample.Before.v1")])  # Concord was there first
    yield broker
    broker.close()


@pytest.fixture(scope="module")
def outsider(rabbitmq_url, broker):
    """The name of a user as the guide makes it: its own, so that runs do not meet; removed as it says."""
    name, vhost = f"warehouse-{uuid4().hex[:8]}", urlsplit(rabbitmq_url).path[1:]
    run(SHELL[0], vhost, name)
    yield name
    run(SHELL[2], vhost, name)


@pytest.fixture(scope="module")
def url(rabbitmq_url, outsider):
    return rabbitmq_url.replace("guest:guest", f"{outsider}:a-long-secret")


def message(event_type: str) -> Message:
    event = sample_event(event_type, {"name": "Spring"})
    return Message(event["id"], event_type, json.dumps(event).encode())


class Program:
    """A program of the guide, running in a folder of its own."""

    def __init__(self, source: str, url: str, name: str, folder: Path):
        environment = {"PATH": os.environ["PATH"], "AMQP_URL": url}
        command = [sys.executable, "-c", source.replace("warehouse", name)]
        self.process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the program said nothing"
        return line

    def end(self) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.communicate()


def test_the_program_hears_what_it_is_bound_to_once(broker, outsider, url, tmp_path):
    program = Program(PYTHON[0], url, outsider, tmp_path)
    try:
        wait_for_queue(url, outsider)
        twice, last = message("campaigns.InviteCreated.v1"), message("campaigns.CampaignSent.v1")
        broker.publish([twice, message("prm.TierCreated.v1"), twice, last])
        assert program.line().startswith("campaigns.InviteCreated.v1")
        assert program.line().startswith("campaigns.CampaignSent.v1")
    finally:
        program.end()


def wait_for_queue(url: str, name: str) -> None:
    pause = threading.Event()
    for _ in range(300):
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            if connection.channel().queue_declare(f"{name}.events", passive=True).method.consumer_count:
                return
        except pika.exceptions.ChannelClosedByBroker:
            pause.wait(0.05)
        finally:
            if connection.is_open:
                connection.close()
    pytest.fail("the program declared no queue")


def test_the_archive_tells_what_happened_before(broker, outsider, url, tmp_path):
    first = message("campaigns.CampaignCreated.v1")
    broker.publish([first])
    program = Program(PYTHON[1].replace("inactivity_timeout=5", "inactivity_timeout=1"), url, outsider, tmp_path)
    try:
        said = program.process.communicate(timeout=PATIENCE)[0]
        assert f"campaigns.CampaignCreated.v1 {first.id}" in said
        assert program.process.returncode == 0
    finally:
        program.end()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda channel: channel.basic_publish(EXCHANGE, "prm.Forged.v1", b"{}"),
        lambda channel: channel.queue_declare("prm.events", durable=True, arguments={"x-queue-type": "quorum"}),
        lambda channel: channel.queue_delete(ARCHIVE),
        lambda channel: channel.basic_get("prm.events"),
        lambda channel: channel.exchange_declare(EXCHANGE, "fanout"),
    ],
    ids=["publish", "declare", "delete", "read", "exchange"],
)
def test_it_may_do_nothing_else(broker, url, attempt):
    broker.declare("prm", ["#"])
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
        attempt(channel)
    connection.close()
