"""Every module of the notifier stands in a room and imports only downwards; a topic or a channel is one file."""

import ast
from functools import cache
from pathlib import Path

import pytest

from services.notifier import topics
from services.notifier.outbound.channels.base import Channel

REPOSITORY = Path(__file__).parents[2]
NOTIFIER = REPOSITORY / "services/notifier"
ROOMS = {"topics", "audience", "deliveries", "outbound", "webhooks", "event_log", "standing", "common", "migrations"}
OUTSIDE = {"__init__.py", "settings.py"}
LEVELS = {"rules": 0, "models": 1, "schemas": 1, "queries": 2, "actions": 3, "api": 4, "tasks": 4, "consumers": 4}
MODULES = [path for room in sorted(ROOMS - {"migrations"}) for path in sorted((NOTIFIER / room).rglob("*.py"))]


def imported(path):
    """The modules of the notifier that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services.notifier"):
            source = REPOSITORY / node.module.replace(".", "/")
            for alias in node.names:
                bases = (source / alias.name, source)
                files = (file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py"))
                yield next(file for file in files if file.exists())


@cache
def level_of(path):
    """A module that is named after what it does counts as an action, or as rules if it knows no table and no schema."""
    level = LEVELS.get(path.stem.rpartition("_")[2])
    if level is None:
        level = LEVELS["actions"] if any(level_of(module) for module in imported(path)) else LEVELS["rules"]
    return level


def test_no_module_stands_outside_a_room():
    assert {path.name for path in NOTIFIER.glob("*.py")} == OUTSIDE
    assert {path.parent.name for path in NOTIFIER.glob("*/*.py")} == ROOMS


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_imports_only_what_stands_below(path):
    above = {module for module in imported(path) if level_of(module) > level_of(path)}
    assert not above


def test_each_topic_has_its_templates():
    templates = {path.name for path in (NOTIFIER / "topics/templates").iterdir()}
    for topic in topics.ALL:
        parts = [topic.name, *([f"{topic.name}.digest"] if topic.section else [])]
        assert {f"{part}.{kind}" for part in parts for kind in ("html", "txt")} <= templates


def test_each_channel_is_a_class_in_a_file_of_its_own():
    modules = {channel.__module__ for channel in Channel.__subclasses__()}
    files = {path.stem for path in (NOTIFIER / "outbound/channels").glob("*.py")} - {"__init__", "base"}
    assert {module.rpartition(".")[2] for module in modules if module.startswith("services.")} == files
