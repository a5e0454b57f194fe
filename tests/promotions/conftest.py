"""Promotions and the people who use it; identity has told of their tenants."""

import pytest

from services.promotions import service
from tests.promotions.helpers import RITA, ROLF, TILL, told


@pytest.fixture
def promotions(start_service):
    running = start_service(service)
    running.deliver(told(ROLF), told(RITA))
    return running


@pytest.fixture
def rolf(promotions):
    return promotions.client(ROLF)


@pytest.fixture
def till(promotions):
    return promotions.client(TILL)


@pytest.fixture
def rita(promotions):
    return promotions.client(RITA)
