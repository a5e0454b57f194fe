"""Every module of the notifier stands in one of its rooms, and a topic or a channel is one file."""

from pathlib import Path

from services.notifier import topics
from services.notifier.outbound.channels.base import Channel

NOTIFIER = Path(__file__).parents[2] / "services/notifier"
ROOMS = {"topics", "audience", "deliveries", "outbound", "webhooks", "event_log", "common", "migrations"}
OUTSIDE = {"__init__.py", "settings.py"}


def test_no_module_stands_outside_a_room():
    assert {path.name for path in NOTIFIER.glob("*.py")} == OUTSIDE
    assert {path.parent.name for path in NOTIFIER.glob("*/*.py")} == ROOMS


def test_each_topic_has_its_templates():
    templates = {path.name for path in (NOTIFIER / "topics/templates").iterdir()}
    for topic in topics.ALL:
        parts = [topic.name, *([f"{topic.name}.digest"] if topic.section else [])]
        assert {f"{part}.{kind}" for part in parts for kind in ("html", "txt")} <= templates


def test_each_channel_is_a_class_in_a_file_of_its_own():
    modules = {channel.__module__ for channel in Channel.__subclasses__()}
    files = {path.stem for path in (NOTIFIER / "outbound/channels").glob("*.py")} - {"__init__", "base"}
    assert {module.rpartition(".")[2] for module in modules if module.startswith("services.")} == files
