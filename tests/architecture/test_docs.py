"""What the documentation says of the code holds."""

import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

from concord import cli, platform
from concord.demo import ACCOUNTS
from concord.demo_user import PASSWORD

ROOT = Path(__file__).parents[2]
PACKAGES = ("chassis", "contracts", "privacy", "gateway", "services", "concord", "tests", "bench")
OTHERS = {"gateway.key", "concord.archive", "listen.py", "receive.py"}
"""What reads like a module of ours: a key file, the stream of published events, and what a reader writes."""
OURS = "|".join(PACKAGES)
DOCUMENTS = [*ROOT.glob("*.md"), *(path for name in ("docs", *PACKAGES) for path in (ROOT / name).rglob("*.md"))]
OAUTH_CODES = {"invalid_grant", "invalid_client", "invalid_request", "unsupported_grant_type"}


def sources():
    for package in ("chassis", "privacy", "gateway", "services", "concord"):
        yield from (ROOT / package).rglob("*.py")


def test_every_problem_code_is_documented_and_no_other():
    codes = set()
    for path in sources():
        codes |= set(re.findall(r'\b(?:default_)?code(?:, detail)?\s*=\s*"([a-z_]+)"', path.read_text()))
    documented = set()
    for line in (ROOT / "docs/problems.md").read_text().splitlines():
        if line.startswith("| `"):
            documented |= set(re.findall(r"`([a-z_]+)`", line.split("|")[1]))
    assert codes - OAUTH_CODES == documented


def test_every_setting_is_documented():
    """In the operations guide, or in the README of the room whose setting it is."""
    readers = [
        ROOT / "chassis/process/settings.py",
        *(ROOT / "services").glob("*/settings.py"),
        ROOT / "gateway/settings.py",
    ]
    for path in readers:
        guide = ROOT / "docs/operations.md" if path.parent.name == "process" else path.parent / "README.md"
        names = re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', path.read_text())
        assert names, path
        for name in names:
            assert f"CONCORD_{name}" in guide.read_text(), f"{name} is missing in {guide.relative_to(ROOT)}"


def test_every_decision_is_in_the_index():
    index = (ROOT / "docs/adr/README.md").read_text()
    for path in (ROOT / "docs/adr").glob("0*.md"):
        assert path.name in index


def test_the_readme_names_every_room_and_account():
    readme = (ROOT / "README.md").read_text()
    for name in platform.SERVICES:
        assert f"services/{name}" in readme
    assert PASSWORD in readme
    for account in ACCOUNTS:
        assert account.email in readme


def test_links_between_documents_lead_somewhere():
    for path in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} → {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document):
    """Our modules, by path or by dotted name, and folders; targets of make and commands of ``concord``."""
    text = document.read_text()
    code = " ".join(re.findall(r"`[^`\n]+`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)))
    paths = re.findall(r"(?<![\w/<>*.])[\w/]+\.py\b", code)
    assert [path for path in paths if path not in OTHERS and not _is_file(path)] == []
    assert [path for path in re.findall(rf"`((?:{OURS})/[\w/]+)`", code) if not _is_folder(path)] == []
    names = re.findall(rf"(?<![\w@/.-])(?:{OURS})(?:\.\w+)+", code)
    assert [name for name in names if name not in OTHERS and not _is_ours(name)] == []
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)) <= set(targets)
    assert set(re.findall(r"(?:`|^)concord ([a-z]+)", text, re.MULTILINE)) <= set(cli.main.commands)


@cache
def _files():
    return ["/" + str(path.relative_to(ROOT)) for name in PACKAGES for path in (ROOT / name).rglob("*.py")]


def _is_file(path):
    """Documents shorten paths from the left, as in ``process/service.py``."""
    return any(file.endswith("/" + path) for file in _files())


def _is_folder(path):
    return (ROOT / path).is_dir() or (ROOT / f"{path}.py").is_file()


def _is_ours(name):
    """A module, or what a module defines."""
    try:
        return pkgutil.resolve_name(name) is not None
    except (ImportError, AttributeError):
        return False


RULES = {"S0": 68, "S1": 38, "S2": 29, "S3": 23, "S4": 28}
"""How many numbered rules a system has whose services are here; tests name each of those that would fail without it."""


@pytest.mark.parametrize("system", RULES)
def test_every_rule_is_named_by_a_test(system):
    named = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        if path != Path(__file__):
            named |= _named(system, path.read_text())
    assert sorted(set(range(1, RULES[system] + 1)) - named) == []


def _named(system, text):
    """The numbers of a system's rules in a text, also those within ``S4-2 to S4-5``."""
    numbers = {int(number) for number in re.findall(rf"\b{system}-(\d+)\b", text)}
    for first, last in re.findall(rf"\b{system}-(\d+) to {system}-(\d+)\b", text):
        numbers |= set(range(int(first), int(last) + 1))
    return numbers
