"""The rooms of promotions: no module stands outside of one, and inside a room imports go down only."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "services" / "promotions"
ROOMS = ("engine", "common", "catalogue", "sales", "store_campaigns", "carts", "evaluations", "tills")
OUTSIDE = {"__init__", "settings", "tenant_data"}
LEVELS = {"rules": 0, "events": 1, "models": 1, "schemas": 1, "queries": 2, "actions": 3, "api": 4, "tasks": 4}
LEVELS |= {"consumers": 4}
NAMED = {"fast_path", "campaign_cache", "writer", "bundles"}
"""Modules that are named after what they are, each in one room."""
MODULES = [
    path for room in ROOMS if room != "engine" for path in sorted((FOLDER / room).glob("*.py")) if path.stem[0] != "_"
]


def kind_of(name):
    return name.rpartition("_")[2] if name not in NAMED else name


def imported(path):
    """The modules of promotions that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("services.promotions."):
            _, _, room, *module = node.module.split(".")
            yield from ((room, *module, alias.name)[1] for alias in node.names)


def test_no_module_stands_outside_a_room():
    assert {path.stem for path in FOLDER.glob("*.py")} <= OUTSIDE
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {*ROOMS, "migrations"}
    assert not [path for room in ROOMS for path in (FOLDER / room).glob("*/*.py")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_says_what_it_is_and_imports_only_what_stands_below(path):
    kind = kind_of(path.stem)
    assert kind in LEVELS.keys() | NAMED
    if kind in LEVELS:
        levels = {name: LEVELS.get(kind_of(name)) for name in imported(path)}
        above = {name for name, level in levels.items() if level is not None and level > LEVELS[kind]}
        assert not above
