"""docker-compose.yml starts exactly the processes there are, in order, with health checks that mean ready."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from chassis.process import settings
from concord import platform

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
BESIDE = {"postgres", "rabbitmq", "mailpit", "prepare", "migrate", "topology", "seed"}


OF_THE_FILE = {
    "CONCORD_BIND": "the image says it; the file maps ports",
    "CONCORD_BROKER_URL": "the file's own broker, with CONCORD_BROKER_PASSWORD",
    "CONCORD_DATABASE_URL": "the file's own server, with CONCORD_DATABASE_PASSWORD",
    "CONCORD_HOME": "the image says it; nothing is kept there",
    "CONCORD_KEYS": "the file's own volume",
    "CONCORD_PORT": "for `concord up` alone",
    "CONCORD_SERVICES": "the file's own containers",
    "CONCORD_THREADS": "the connections of the file's database are counted by it",
}
"""Settings that the file decides, and why nobody sets them from outside."""


def documented(guide):
    """The settings that the tables of a guide name."""
    rows = re.findall(r"^\| (`CONCORD_[^|]*)\|", (ROOT / guide).read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(CONCORD_[A-Z_]+)`", row)}


def is_settable(environment, name):
    """Whether a variable is handed on from the environment of compose under its own name."""
    value = environment.get(name, "")
    return value is None or str(value).startswith(f"${{{name}:-")


def interpolated(text):
    """As compose reads it, with every default; a dollar of its own is written twice."""
    assert not re.search(r"(?<!\$)\$(?![{$])", text), "compose takes a lone dollar for a mistake"
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")


def test_every_process_is_in_compose_and_nothing_else():
    processes = {process.name: process for process in platform.processes()}
    assert set(SERVICES) == set(processes) | BESIDE
    for name, process in processes.items():
        expected = ["run", "gateway"] if name == "gateway" else ["run", process.service, process.role]
        assert SERVICES[name]["command"] == expected


def test_processes_start_when_databases_are_migrated_and_every_queue_is_there():
    for process in platform.processes():
        needs = SERVICES[process.name]["depends_on"]
        if process.name == "gateway":
            assert needs["identity-api"]["condition"] == "service_healthy"
            continue
        assert needs["migrate"]["condition"] == "service_completed_successfully"
        assert needs["topology"]["condition"] == "service_completed_successfully"
    assert SERVICES["topology"]["command"] == ["topology"]
    assert SERVICES["topology"]["depends_on"]["rabbitmq"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_the_servers_that_want_more_threads_have_them():
    for process in platform.processes():
        threads = platform.THREADS.get(process.service) if process.role == "api" else None
        assert SERVICES[process.name]["environment"].get("CONCORD_THREADS") == threads, process.name


def test_the_database_has_a_connection_for_every_thread(monkeypatch):
    monkeypatch.delenv("CONCORD_THREADS", raising=False)
    connections = 0
    for process in platform.processes():
        if process.service == platform.GATEWAY:
            continue
        service = platform.load(process.service)
        if process.role == "api":
            threads = platform.THREADS.get(process.service, settings.load().threads)
            autocommit = 1  # the connection of chassis.data.autocommit
            connections += threads + autocommit + len(service.beside_api)
        else:
            connections += max(1, 2 * len(service.listeners), 1 + len(service.tasks))
    [allowed] = re.findall(r"max_connections=(\d+)", " ".join(SERVICES["postgres"]["command"]))
    reserved = 3  # for superusers
    assert connections <= int(allowed) - reserved


@pytest.mark.parametrize("name", ["postgres", "rabbitmq", "mailpit"])
def test_servers_have_health_checks(name):
    assert "healthcheck" in SERVICES[name]


def test_rabbitmq_is_healthy_when_its_port_answers_not_when_it_pings():
    assert "check_port_connectivity" in SERVICES["rabbitmq"]["healthcheck"]["test"]


def test_every_service_has_an_address_a_database_and_a_role():
    settings = COMPOSE["x-settings"]
    addresses = dict(pair.split("=", 1) for pair in settings["CONCORD_SERVICES"].split(","))
    assert addresses == {name: f"http://{name}-api:8000" for name in platform.SERVICES}
    script = (ROOT / "deploy/postgres/init.sh").read_text()
    named = re.search(r"for service in ([a-z ]+); do", script)
    assert named
    assert set(named[1].split()) == set(platform.SERVICES)


def test_no_password_stands_in_the_file_but_development_defaults():
    for line in (ROOT / "docker-compose.yml").read_text().splitlines():
        if "PASS" in line and ":-" not in line:
            assert not re.search(r"PASS\w*: \S", line), line
    for default in re.findall(r"PASSWORD:-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()):
        assert default == "concord"


def test_the_broker_knows_our_user_and_its_policies_match_the_queues_that_code_declares():
    definitions = json.loads(interpolated(COMPOSE["configs"]["rabbitmq-definitions"]["content"]))
    url = urlsplit(interpolated(COMPOSE["x-settings"]["CONCORD_BROKER_URL"]))
    assert {(user["name"], user["password"]) for user in definitions["users"]} == {(url.username, url.password)}
    assert [grant["user"] for grant in definitions["permissions"]] == [url.username]
    patterns = {policy["name"]: policy for policy in definitions["policies"]}
    for name in (one.name for service in platform.SERVICES for one in platform.load(service).listeners):
        policy = patterns[f"concord-{name}"]
        assert re.match(policy["pattern"], f"{name}.events")
        # A dead letter keeps its routing key, so each subscriber's must be sent to its own queue by name.
        assert policy["definition"]["dead-letter-routing-key"] == f"{name}.dead"
        assert policy["definition"]["overflow"] == "reject-publish"
        assert re.match(patterns["concord-dead"]["pattern"], f"{name}.dead")
    assert re.match(patterns["concord-archive"]["pattern"], "concord.archive")


def test_the_image_runs_any_process_as_an_unprivileged_user():
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    assert 'ENTRYPOINT ["tini", "--", "concord"]' in dockerfile
    assert re.search(r"^USER concord$", dockerfile, re.MULTILINE)
    for package in ("chassis", "contracts", "privacy", "gateway", "services", "concord"):
        assert f"COPY {package} {package}" in dockerfile
    assert "-c requirements.lock" in dockerfile


def test_only_identity_is_given_its_master_secret():
    for process in platform.processes():
        environment = SERVICES[process.name]["environment"]
        assert ("CONCORD_IDENTITY_SECRET" in environment) == (process.service == "identity"), process.name


def test_every_documented_setting_of_a_process_can_be_set_there():
    of_every_process = documented("docs/operations.md")
    assert of_every_process >= set(OF_THE_FILE) | {"CONCORD_KEEP_AUDIT", "CONCORD_LOG_LEVEL", "CONCORD_LOG_FORMAT"}
    for process in platform.processes():
        room = process.service if process.service == platform.GATEWAY else f"services/{process.service}"
        settings_of_process = (of_every_process | documented(f"{room}/README.md")) - set(OF_THE_FILE)
        environment = SERVICES[process.name]["environment"]
        missing = {name for name in settings_of_process if not is_settable(environment, name)}
        assert missing == set(), process.name


def test_no_process_is_given_a_setting_that_its_guide_does_not_name():
    """Least of all the secrets of another service."""
    of_every_process = documented("docs/operations.md")
    for process in platform.processes():
        room = process.service if process.service == platform.GATEWAY else f"services/{process.service}"
        unknown = set(SERVICES[process.name]["environment"]) - of_every_process - documented(f"{room}/README.md")
        assert unknown == set(), process.name


@pytest.mark.parametrize("name", [*platform.SERVICES, platform.GATEWAY])
def test_a_guide_names_the_settings_that_are_read_and_no_other(name):
    room = name if name == platform.GATEWAY else f"services/{name}"
    path = ROOT / room / "settings.py"
    read = re.findall(r'(?:env\.\w+|number)\(\s*"([A-Z_]+)"', path.read_text()) if path.exists() else []
    assert documented(f"{room}/README.md") == {f"CONCORD_{setting}" for setting in read}
