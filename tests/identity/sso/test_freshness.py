"""What a sign-in by a tenant's provider counts as where a fresh one is needed (step-up)."""

from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from chassis.core.clock import utcnow
from tests.identity.conftest import is_problem
from tests.identity.sso.conftest import SSO, configuration, is_signed_in

STEP_UP = "/api/v1/me/step-up"


def lars(identity, browser):
    """His client, once his browser is signed in."""
    return identity.as_bearer(identity.refresh(browser.cookies["concord_session"]).json["access_token"])


def test_the_provider_is_asked_to_have_people_show_who_they_are(slug, configured, browser):
    """OpenID Connect Core, 3.1.2.1."""
    query = parse_qs(urlsplit(browser.start(slug).headers["Location"]).query)
    assert query["max_age"] == ["600"]


@pytest.mark.parametrize("ago", [0, 300, 590, -110])
def test_who_has_just_shown_it_there_is_fresh(identity, provider, slug, configured, browser, ago):
    with time_machine.travel(utcnow(), tick=False):
        provider.lies = {"auth_time": int(utcnow().timestamp()) - ago}
        is_signed_in(browser.sign_in(slug))
        assert lars(identity, browser).put(SSO, json=configuration(provider)).status_code == 200


@pytest.mark.parametrize("auth_time", [None, 0, 600, 100_000, -130, -1e300])
def test_a_session_of_old_at_the_provider_is_not_fresh(identity, provider, slug, configured, browser, auth_time):
    with time_machine.travel(utcnow(), tick=False):
        provider.lies = {"auth_time": int(utcnow().timestamp()) - auth_time if auth_time else auth_time}
        is_signed_in(browser.sign_in(slug))
        is_problem(lars(identity, browser).put(SSO, json=configuration(provider)), 403, "step_up_required")


def test_freshness_ends_ten_minutes_after_it_was_shown_not_after_the_sign_in(
    identity, provider, slug, configured, browser
):
    with time_machine.travel(utcnow(), tick=False) as clock:
        provider.lies = {"auth_time": int(utcnow().timestamp()) - 540}
        is_signed_in(browser.sign_in(slug))
        clock.shift(90)
        is_problem(lars(identity, browser).put(SSO, json=configuration(provider)), 403, "step_up_required")


def test_the_unsigned_userinfo_makes_nothing_fresh(identity, provider, slug, configured, browser):
    provider.thin = True
    provider.person["auth_time"] = int(utcnow().timestamp())
    provider.lies = {"auth_time": None}
    is_signed_in(browser.sign_in(slug))
    is_problem(lars(identity, browser).put(SSO, json=configuration(provider)), 403, "step_up_required")


def test_who_has_nothing_to_show_here_hears_the_way_out(identity, slug, configured, browser):
    is_signed_in(browser.sign_in(slug))
    problem = is_problem(
        lars(identity, browser).post(STEP_UP, json={"password": "a password"}), 403, "step_up_impossible"
    )
    assert "Sign in again through your company" in problem["detail"]
