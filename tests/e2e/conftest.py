"""One running platform a set of engines, shared by the tests of a session; each test makes tenants of its own."""

import pytest

from tests.e2e import harness


@pytest.fixture(scope="session", params=["embedded", pytest.param("real", marks=pytest.mark.real)])
def platform(request, tmp_path_factory):
    home = tmp_path_factory.mktemp(request.param)
    with getattr(harness, request.param)(home) as engines:
        running = harness.Platform(home, engines)
        try:
            running.start_all()
            yield running
        finally:
            running.stop_all()


@pytest.fixture
def network(platform):
    """A supplier with three related retailers."""
    return harness.build_network(platform)
