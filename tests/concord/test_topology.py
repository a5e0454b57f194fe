"""``concord topology``: all queues before the first event."""

from click.testing import CliRunner

from chassis.messaging.broker import Message, connect
from concord import platform
from concord.cli import main


def test_an_event_published_before_any_consumer_runs_reaches_everybody_who_listens(prm, tmp_path):
    result = CliRunner().invoke(main, ["topology"])
    assert result.exit_code == 0, result.output
    broker = connect(f"embedded://{tmp_path}/broker.db", "test")
    try:
        broker.publish([Message("1", "identity.TenantCreated.v2", b"{}")])
        listeners = {one.name: one.patterns for name in platform.SERVICES for one in platform.load(name).listeners}
        depths = {name: broker.depth(name) for name in listeners}
    finally:
        broker.close()
    listening = {name for name, patterns in listeners.items() if {"identity.TenantCreated.v2", "#"} & set(patterns)}
    assert {name for name, depth in depths.items() if depth} == listening
    assert "notifier.log" in listening


def test_a_broker_that_is_away_is_said_in_a_line(prm, monkeypatch):
    monkeypatch.setenv("CONCORD_BROKER_URL", "amqp://guest:guest@127.0.0.1:1/")
    result = CliRunner().invoke(main, ["topology"])
    assert result.exit_code == 1
    assert result.output.startswith("The broker's queues could not be declared: ")
    assert len(result.output.splitlines()) == 1
