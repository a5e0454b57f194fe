"""People who must set up a second factor reach their own account and nothing else."""

import pytest

from gateway.routes import ROUTES
from tests.gateway.conftest import Caller, Platform
from tests.gateway.fakes import FakeIdentity

OPEN = ("/api/v1/me", "/api/v1/me/totp", "/api/v1/me/totp/confirm", "/api/v1/me/passkeys", "/api/v1/me/step-up")
GUARDED = [route for route in ROUTES if not route.public and route.path != "/api/v1/me"]


@pytest.fixture
def waiting(call: Caller, identity: FakeIdentity) -> Caller:
    call.token = identity.token(tenant=call.tenant, setup=True)
    return call


@pytest.mark.parametrize("path", OPEN)
def test_the_own_account_is_open(waiting: Caller, identity: FakeIdentity, path: str) -> None:
    assert waiting("POST", path).status_code == 200
    who = identity.last(path).caller
    assert who is not None
    assert who.setup


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.path)
def test_everything_else_is_refused(waiting: Caller, platform: Platform, route) -> None:
    path = route.path.replace("{id}", "1").replace("{tenant}", "t")
    answer = waiting("GET", path)
    assert answer.status_code == 403
    assert b"second factor" in answer.data
    assert not [seen for seen in platform.campaigns.seen if seen.caller]


def test_the_code_says_what_to_do(waiting: Caller) -> None:
    assert waiting("GET", "/api/v1/campaigns").json["code"] == "second_factor_setup_required"
    assert waiting("GET", "/api/v1/messaging/threads").json["code"] == "second_factor_setup_required"


def test_signing_in_and_out_needs_no_token(waiting: Caller, identity: FakeIdentity) -> None:
    for path in ("/oauth/token", "/oauth/revoke", "/session/renew"):
        assert waiting("POST", path).status_code == 200
        assert identity.last(path).caller is None


def test_whoever_is_not_waiting_is_let_through(call: Caller, identity: FakeIdentity) -> None:
    for claims in ({}, {"setup": False}):
        call.token = identity.token(tenant=call.tenant, **claims)
        assert call("GET", "/api/v1/campaigns").status_code == 200
