"""The notifier on each database with a mailbox folder of its own, and a mail server to choose instead."""

from dataclasses import replace

import pytest

from services.notifier import service, settings
from services.notifier.outbound import throttle
from tests.notifier.helpers import Inbox, mail_server

VARIABLES = (
    *("SMTP_URL", "MAIL_FROM", "MAIL_DOMAIN", "SMTP_TIMEOUT", "INBOX_URL"),
    *("LINKS_URL", "MESSAGE_DELAY", "MAIL_RATE", "LIMITS_URL", "KEEP_MAILS"),
    *("NOTIFIER_SECRET", "WEBHOOK_LOOPBACK", "WEBHOOK_TIMEOUT", "EVENT_LOG_DAYS"),
)


@pytest.fixture(autouse=True)
def configure(monkeypatch):
    """Set settings of the service, as the environment of its process would."""
    for name in VARIABLES:
        monkeypatch.delenv(f"CONCORD_{name}", raising=False)

    def set_variables(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"CONCORD_{name}", str(value))
        settings.load.cache_clear()
        throttle.load.cache_clear()

    set_variables()
    yield set_variables
    settings.load.cache_clear()
    throttle.load.cache_clear()


@pytest.fixture
def notifier(start_service, tmp_path, monkeypatch):
    running = start_service(service)
    own = replace(running.runtime.settings, home=tmp_path, public_url="http://localhost:8080")
    monkeypatch.setattr(running.runtime, "settings", own)
    monkeypatch.setitem(running.app.extensions, "settings", own)
    return running


@pytest.fixture
def inbox(configure):
    """What a real mail server took; the notifier is set to hand its mail over there."""
    taken = Inbox()
    with mail_server(taken) as port:
        taken.port = port
        configure(SMTP_URL=f"smtp://127.0.0.1:{port}", SMTP_TIMEOUT=5)
        yield taken
