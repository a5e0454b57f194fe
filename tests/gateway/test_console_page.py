"""What stands at the console's addresses while it is not installed: one page for people, to which mails lead."""

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any

import pytest

from gateway.app import create_app
from tests.gateway.conftest import QUICK, Caller, Platform

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ADDRESSES = [
    "/console",
    "/console/",
    "/console/invites/8f3c0000-0000-4000-8000-000000000001",
    "/console/account/notifications?tab=1",
    "/console/Bl%C3%A5b%C3%A6r",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("headers", [BROWSER, {"Accept": "*/*"}, {}])
def test_every_address_of_the_console_is_a_page(call: Caller, address: str, headers: dict[str, str]) -> None:
    """No button of a mail leads to JSON, whoever follows it and signed in or not."""
    call.token = None
    answer = call("GET", address, headers=headers)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for place in ("/docs", "/account/recover", "/dev/mailbox"):
        assert f'href="{place}"' in answer.text
    assert call("HEAD", address).status_code == 200


def test_the_page_runs_nothing_and_loads_nothing(call: Caller) -> None:
    answer = call("GET", "/console/")
    policy = answer.headers["Content-Security-Policy"]
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    for tag in ("<script", "<link", "<img", "<form", "style=", " on"):
        assert tag not in answer.text.replace(" on Concord", ""), tag
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_nothing_of_the_request_is_shown(call: Caller) -> None:
    marked = call("GET", "/console/<script>?q=zebra".replace("<", "%3C").replace(">", "%3E"))
    assert marked.text == call("GET", "/console/").text


def test_a_browser_gets_the_page_at_the_root_and_a_program_gets_json(call: Caller) -> None:
    call.token = None
    page = call("GET", "/", headers=BROWSER)
    assert (page.mimetype, page.headers["Vary"]) == ("text/html", "Accept")
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = call("GET", "/", headers=headers)
        assert (answer.mimetype, answer.json["docs"]) == ("application/json", "/docs")
        assert answer.headers["Vary"] == "Accept"


def test_only_reading_is_possible(call: Caller) -> None:
    answer = call("POST", "/console/invites", headers=BROWSER)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("address", ["/consoles", "/console.html", "/Console/"])
def test_what_only_looks_like_it_is_not_there(call: Caller, address: str) -> None:
    assert call("GET", address, headers=BROWSER).status_code == 404


def test_production_has_no_mailbox_to_lead_to(platform: Platform) -> None:
    settings = replace(platform.settings, environment="production")
    gateway = create_app(settings, QUICK)
    try:
        answer: Any = Caller(gateway, platform.identity)("GET", "/console/")
        assert "mailbox" not in answer.text.lower()
        assert "development" not in answer.text
    finally:
        gateway.close()
