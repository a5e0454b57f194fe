"""A variable is a noun of the domain: a pronoun or a participle does not say what it holds."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VAGUE = {"found", "each", "told", "kept", "wanted"}

# A way to bind a name a line.
SAMPLE = """
found = 1
for each in (): pass
[told for told in ()]
with open("x") as kept: pass
def send(wanted): pass
lambda *, found: found
if each := 1: pass
told, (kept, *wanted) = 1, (2, 3)
"""


def vague_names(source: str) -> Iterator[tuple[int, str]]:
    """The line and the name of each variable and parameter of ``source`` that has a vague name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) if name in VAGUE:
                yield node.lineno, name


@pytest.mark.parametrize(
    "package", ["chassis", "contracts", "privacy", "gateway", "services", "concord", "bench", "tests"]
)
def test_no_variable_has_a_vague_name(package):
    paths = list((ROOT / package).rglob("*.py"))
    assert paths
    assert [(str(path.relative_to(ROOT)), *name) for path in paths for name in vague_names(path.read_text())] == []


def test_every_way_to_bind_a_name_is_seen():
    lines = SAMPLE.splitlines()
    assert {line for line, _ in vague_names(SAMPLE)} == {number for number, line in enumerate(lines, 1) if line}
    assert [name for line, name in vague_names(SAMPLE) if line == len(lines)] == ["told", "kept", "wanted"]
