"""Campaigns beside partner management, and the people who use them."""

import pytest

from services.campaigns import service
from services.prm import service as prm
from tests.campaigns.helpers import ANNA, RITA, ROLF
from tests.campaigns.partners import network_of


@pytest.fixture
def campaigns(start_service):
    return start_service(service)


@pytest.fixture
def partners(campaigns, start_service):
    """Anna has a relationship with Rolf and with Rita, not with Rune."""
    return network_of(campaigns, start_service(prm), {ANNA: [ROLF, RITA]})


@pytest.fixture
def anna(campaigns, partners):
    return campaigns.client(ANNA)


@pytest.fixture
def rolf(campaigns):
    return campaigns.client(ROLF)


@pytest.fixture
def rita(campaigns):
    return campaigns.client(RITA)
