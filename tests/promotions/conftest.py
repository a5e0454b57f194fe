"""Promotions and the people who use it; events of identity about their tenants have arrived."""

import pytest

from services.promotions import service
from tests.promotions.carts.helpers import PRODUCTS
from tests.promotions.helpers import MINE, RITA, ROLF, TILL, ok, tenant_event


@pytest.fixture
def promotions(start_service):
    running = start_service(service)
    running.deliver(tenant_event(ROLF), tenant_event(RITA))
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


@pytest.fixture
def shopper(promotions, rolf):
    """Somebody who is not signed in, at a shop that sells something."""
    ok(rolf.post(f"{MINE}/products", json={"products": PRODUCTS}))
    return promotions.client(None)
