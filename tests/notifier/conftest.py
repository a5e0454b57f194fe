"""The notifier on each database with a mailbox folder of its own, and a mail server to choose instead."""

import os
from dataclasses import replace

import pytest

from chassis.http.client import ServiceClient
from chassis.http.identity import Signer
from services.notifier import service
from tests.notifier.accounts import Identity
from tests.notifier.helpers import Inbox, mail_server


class Environment:
    """The variables of the notifier's process. ``environment(SMTP_URL=…)`` starts a new one with others."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.runtime = None

    def __call__(self, **variables):
        for name, value in variables.items():
            self.monkeypatch.setenv(f"CONCORD_{name}", str(value))
        if self.runtime:
            self.runtime.settings = replace(self.runtime.settings)


@pytest.fixture(autouse=True)
def configure(monkeypatch):
    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONCORD_MAIL_RECIPIENT_RATE", "")  # tests send Rolf whatever comes to mind
    return Environment(monkeypatch)


@pytest.fixture
def notifier(start_service, configure, tmp_path, monkeypatch):
    running = start_service(service)
    process = replace(running.runtime.settings, home=tmp_path, public_url="http://localhost:8080")
    monkeypatch.setattr(running.runtime, "settings", process)
    configure.runtime = running.runtime
    return running


@pytest.fixture
def inbox(configure):
    """What a real mail server took; the notifier is set to hand its mail over there."""
    mails = Inbox()
    with mail_server(mails) as port:
        mails.port = port
        configure(SMTP_URL=f"smtp://127.0.0.1:{port}", SMTP_TIMEOUT=5)
        yield mails


@pytest.fixture
def identity(notifier, monkeypatch):
    """The identity that the notifier asks for links; it has none yet."""
    keys = notifier.runtime.settings.keys
    # What a signer has signed in a test that travelled is of the future in the next.
    monkeypatch.setattr(notifier.runtime, "client", ServiceClient({}, Signer(keys, "notifier")))
    monkeypatch.setattr(notifier.runtime, "memory", {})
    running = Identity(keys)
    running.reach_from(notifier)
    return running
