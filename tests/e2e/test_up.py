"""``concord up``: one command starts the platform, and what dies of it comes back."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from concord import platform
from tests.e2e.harness import START_WITHIN, free_ports, until
from tests.e2e.tour import USER, accept_invitation, take_tour

NAMES = (platform.GATEWAY, *platform.SERVICES)


class Up:
    """The command with what it has said so far."""

    def __init__(self, home: Path) -> None:
        self.port = free_ports(len(NAMES))
        self.home = home
        self.output = home / "output"

    def start(self, demo: str = "--no-demo", **settings: str) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("CONCORD_")}
        chosen = {"CONCORD_HOME": str(self.home), "CONCORD_PORT": str(self.port)}
        with self.output.open("wb") as log:
            command = [sys.executable, "-m", "concord", "up", demo]
            self.process = subprocess.Popen(command, env=inherited | chosen | settings, stdout=log, stderr=log)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return self.output.read_text()

    def pids(self, name: str) -> list[int]:
        return [int(pid) for pid in re.findall(rf"{name} started \(pid (\d+)\)", self.said)]

    def listens(self, name: str) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", platform.port_of(name, self.port))) == 0

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.said
        return "Ctrl-C stops everything." in self.said  # the last line, after the demo data

    def end(self) -> None:
        """End what has not ended by itself."""
        if self.process.poll() is None:
            for member in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                member.kill()
        self.process.wait(20)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The platform with its demo data. Ctrl-C ends all of it."""
    up = Up(tmp_path_factory.mktemp("up"))
    try:
        up.start("--demo")
        until(up.is_ready, within=START_WITHIN, what="the platform")
        yield up
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(40) == 0
        assert not [name for name in NAMES if up.listens(name)]
    finally:
        up.end()


@pytest.fixture
def up(tmp_path):
    up = Up(tmp_path)
    yield up
    up.end()


def test_the_tour_is_taken_as_it_is_written(running, tmp_path):
    take_tour(running.url, USER, tmp_path)


def test_the_first_minutes_of_the_readme_bring_in_a_colleague(running):
    invited, joined, me = accept_invitation(running.url)
    assert (invited["status"], joined["status"]) == ("Invited", "Active")
    assert (me["name"], me["role"], me["tenant"]["name"]) == ("Nils Dahl", "SupplierAdmin", "Nordic Heating")


def test_a_service_that_is_killed_answers_again(running):
    [first] = running.pids("promotions")
    cart = f"{running.url}/shops/nobody/carts/0190f3f0-0000-7000-8000-000000000000"
    assert requests.get(cart, timeout=20).status_code == 404

    os.kill(first, signal.SIGKILL)
    until(lambda: len(running.pids("promotions")) == 2, what="a new process")
    until(lambda: requests.get(cart, timeout=20).status_code == 404, within=60, what="the service answering again")
    assert "promotions was killed by SIGKILL. It is started again in" in running.said
    assert [len(running.pids(name)) for name in NAMES if name != "promotions"] == [1] * (len(NAMES) - 1)


def test_a_taken_port_is_said_before_anything_starts(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", platform.port_of("prm", up.port)))
        other.listen()
        up.start()
        assert up.process.wait(60) == 1
    assert f"Port {platform.port_of('prm', up.port)} (prm) is in use." in up.said
    assert "started (pid" not in up.said


def test_a_database_that_cannot_be_migrated_is_said(up):
    (up.home / "prm.db").write_bytes(b"this is no database" * 100)
    up.start()
    assert up.process.wait(60) == 1
    assert "The database of prm could not be migrated" in up.said
    assert "started (pid" not in up.said


@pytest.mark.nightly
def test_a_service_that_cannot_start_ends_it_all_and_says_why(up):
    up.start(CONCORD_MESSAGE_DELAY="soon")
    assert up.process.wait(60) == 1
    assert "notifier ended with status 1 before it was ready. Its output above says why." in up.said
    assert "MESSAGE_DELAY" in up.said
    assert not [name for name in NAMES if up.listens(name)]
