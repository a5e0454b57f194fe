"""One running platform a set of engines, shared by the tests of a session; each test makes tenants of its own.

Its mail goes to a real SMTP server on loopback.
"""

import pytest

from tests.e2e import harness
from tests.notifier.helpers import Inbox, mail_server


@pytest.fixture(scope="package", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def platform(request, tmp_path_factory):
    home = tmp_path_factory.mktemp(request.param)
    inbox = Inbox()
    with getattr(harness, request.param)(home) as engines, mail_server(inbox) as port:
        gathered = "3"  # seconds: two messages come closer together, on a slow machine too
        extra = {"CONCORD_SMTP_URL": f"smtp://127.0.0.1:{port}", "CONCORD_MESSAGE_DELAY": gathered}
        running = harness.Platform(home, engines, extra, inbox=inbox)
        try:
            running.start_all()
            yield running
        finally:
            running.stop_all()


@pytest.fixture
def network(platform):
    """A supplier with three related retailers."""
    return harness.build_network(platform)
