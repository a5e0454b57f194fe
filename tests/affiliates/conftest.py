"""The affiliate programme on each database, and the people who use it."""

import pytest

from services.affiliates import service
from tests.affiliates.helpers import ADA, MAJA, OTTO, SHOP


@pytest.fixture
def affiliates(start_service):
    return start_service(service)


@pytest.fixture
def shop(affiliates):
    """The merchant's own software, let in by its API key."""
    return affiliates.client(SHOP)


@pytest.fixture
def maja(affiliates):
    """The merchant's admin."""
    return affiliates.client(MAJA)


@pytest.fixture
def otto(affiliates):
    """Another merchant's admin."""
    return affiliates.client(OTTO)


@pytest.fixture
def ada(affiliates):
    """The operator."""
    return affiliates.client(ADA)
