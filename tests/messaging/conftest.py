"""Messaging beside partner management, and the people who use it."""

import pytest

from services.messaging import service
from services.prm import service as prm
from tests.campaigns.partners import network_of
from tests.messaging.helpers import ANNA, OTTO, RITA, ROLF


@pytest.fixture
def messaging(start_service):
    return start_service(service)


@pytest.fixture
def partners(messaging, start_service):
    """Anna has a relationship with Rolf and with Rita, Otto with Rolf."""
    return network_of(messaging, start_service(prm), {ANNA: [ROLF, RITA], OTTO: [ROLF]})


@pytest.fixture
def anna(messaging, partners):
    return messaging.client(ANNA)


@pytest.fixture
def otto(messaging, partners):
    return messaging.client(OTTO)


@pytest.fixture
def rolf(messaging):
    return messaging.client(ROLF)


@pytest.fixture
def rita(messaging):
    return messaging.client(RITA)
