"""The walls of the house that import rules alone cannot hold."""

import ast
import re
from pathlib import Path

import pytest

from concord import platform

ROOT = Path(__file__).parents[2]
PACKAGES = ("chassis", "privacy", "gateway", "services", "concord")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
DRIVERS = {"psycopg", "sqlite3"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def files_importing(*modules):
    return {str(path.relative_to(ROOT)) for path in SOURCES if set(imports(path)) & set(modules)}


def test_only_the_rabbitmq_side_of_the_broker_imports_pika():
    assert files_importing("pika") == {
        "chassis/messaging/broker/rabbitmq.py",
        "chassis/messaging/broker/rabbitmq_publisher.py",
    }


def test_only_the_process_imports_the_web_server():
    assert files_importing("gunicorn") == {"chassis/process/server.py", "chassis/process/worker.py"}


def test_only_what_frees_an_address_sees_other_tenants_in_a_callers_transaction():
    users = {str(path.relative_to(ROOT)) for path in SOURCES if "across_tenants" in path.read_text()}
    assert users == {"chassis/data/tenancy.py", "services/identity/teams/expiry.py"}


def test_there_is_one_client_for_trusted_addresses():
    """Beside it only the command line asks over HTTP, and what asks untrusted servers, at checked addresses."""
    others = files_importing("requests", "urllib3") - {"chassis/http/client.py", "chassis/http/guarded.py"}
    assert all(name.startswith("concord/") for name in others)


def test_only_chassis_imports_a_database_driver():
    assert all(name.startswith("chassis/") for name in files_importing(*DRIVERS))


def test_the_gateway_has_no_database():
    assert not {name for name in files_importing("sqlalchemy", *DRIVERS) if name.startswith("gateway/")}


def test_only_settings_read_the_environment():
    """``concord/up.py`` hands its own environment on to its children."""
    reads = re.compile(r"os\.(environ|getenv)|^from os import|^import environs|^from environs", re.MULTILINE)
    readers = {str(path.relative_to(ROOT)) for path in SOURCES if reads.search(path.read_text())}
    others = {name for name in readers if not name.endswith("/settings.py")}
    assert others <= {"concord/up.py"}


RULES = [path for pattern in ("*rules.py", "rules/*.py") for path in (ROOT / "services").rglob(pattern)]


@pytest.mark.parametrize("path", sorted(RULES), ids=lambda path: str(path.relative_to(ROOT / "services")))
def test_rules_are_pure(path):
    assert not set(imports(path)) & {"flask", "sqlalchemy", "flask_smorest", "requests"}
    assert "utcnow" not in path.read_text()
    assert "datetime.now" not in path.read_text()


ACTIONS = [path for pattern in ("actions/*.py", "*actions.py") for path in (ROOT / "services").rglob(pattern)]


@pytest.mark.parametrize("path", sorted(ACTIONS), ids=lambda path: str(path.relative_to(ROOT / "services")))
def test_actions_never_commit(path):
    assert not re.search(r"(session|connection)\.(commit|rollback)\(", path.read_text())


def test_services_send_only_what_the_session_narrows_to_a_tenant():
    """No text read as a class, and no update of many rows by key: a session takes rows for an insert only (ADR 7)."""
    sources = [path for path in SOURCES if path.is_relative_to(ROOT / "services")]
    assert [f"{path.relative_to(ROOT)}:{line}" for path in sources for line in wide_calls(path.read_text())] == []


@pytest.mark.parametrize(
    "statement",
    [
        "session.scalars(select(Row).from_statement(text('SELECT * FROM rows')))",
        "session.bulk_update_mappings(Row, rows)",
        "session.execute(update(Row), [{'id': 1}])",
        "session.execute(statement, params=rows)",
    ],
)
def test_what_the_session_does_not_narrow_is_recognised(statement):
    assert 1 in wide_calls(statement)


def wide_calls(source):
    """The lines of calls that no tenant is added to."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            takes_rows = len(node.args) > 1 or any(keyword.arg == "params" for keyword in node.keywords)
            sends_rows = takes_rows and re.fullmatch(r"session\.(execute|scalars?)", function)
            is_insert = node.args and ast.unparse(node.args[0]).startswith("insert(")
            if re.search(r"\.(from_statement|bulk_update_mappings)$", function) or (sends_rows and not is_insert):
                yield node.lineno


BY_NOUN = ["affiliates", "identity", "notifier", "promotions"]
"""Services with a room for each noun; the others are one room."""


@pytest.mark.parametrize("name", platform.SERVICES)
def test_every_service_has_a_readme_and_migrations(name):
    assert {"__init__", "README", "migrations"} <= names_in(name)


@pytest.mark.parametrize("name", [name for name in platform.SERVICES if name not in BY_NOUN])
def test_a_small_service_has_the_usual_modules(name):
    assert {"models", "actions", "queries", "schemas", "api"} <= names_in(name)


@pytest.mark.parametrize("name", BY_NOUN)
def test_no_module_of_a_large_service_stands_outside_a_room(name):
    modules = {path.stem for path in (ROOT / "services" / name).glob("*.py")}
    assert modules <= {"__init__", "settings", "tenant_data"}  # the last is about the tables of all rooms


def names_in(service):
    return {path.stem for path in (ROOT / "services" / service).iterdir()}


def test_no_sources_name_a_machine_or_a_registry():
    suspicious = re.compile(r"/root/|/home/(?!concord)|/work/|files\.pythonhosted|pypi\.org")
    others = [path for pattern in ("*.md", "*.yml", "*.toml", "*.lock", "Makefile") for path in ROOT.glob(pattern)]
    for path in [*SOURCES, *others, *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*"), ROOT / ".ci/run"]:
        if path.is_dir():
            continue
        assert not suspicious.search(path.read_text()), path


def test_the_lock_file_holds_exact_versions_only():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+_!-]+", line), line
