"""One running platform a set of engines, shared by the tests of a session; each test makes tenants of its own.

Its mail goes to a real SMTP server on loopback. Mail server and, on the real engines, broker can be unplugged.
"""

from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.e2e import harness
from tests.e2e.harness import Forwarder
from tests.notifier.helpers import Inbox, mail_server
from tests.plugin import RABBITMQ


@pytest.fixture(scope="package", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def platform(request, tmp_path_factory):
    home = tmp_path_factory.mktemp(request.param)
    inbox = Inbox()
    with (
        getattr(harness, request.param)(home) as engines,
        mail_server(inbox) as port,
        closing(Forwarder(RABBITMQ)) as broker,
        closing(Forwarder(("127.0.0.1", port))) as smtp,
    ):
        gathered = "3"  # seconds: two messages come closer together, on a slow machine too
        extra = {
            "CONCORD_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}",
            "CONCORD_MESSAGE_DELAY": gathered,
            "CONCORD_TRUSTED_PROXIES": "127.0.0.1/32",  # a test may say which address it comes from
        }
        if engines.name == "real":
            path = urlsplit(engines.environment["CONCORD_BROKER_URL"]).path
            extra["CONCORD_BROKER_URL"] = f"amqp://guest:guest@127.0.0.1:{broker.port}{path}"
        running = harness.Platform(home, engines, extra, inbox=inbox, broker=broker, smtp=smtp)
        try:
            running.start_all()
            yield running
        finally:
            statuses = running.stop_all()
        assert set(statuses.values()) == {0}, f"not stopped cleanly: {statuses}"


@pytest.fixture(scope="module")
def network(platform):
    """A supplier with three related retailers, shared by the tests of a file: making one costs ten passwords."""
    return harness.build_network(platform)


@pytest.fixture
def own_network(platform):
    """The same for a test that counts everything there is."""
    return harness.build_network(platform)
