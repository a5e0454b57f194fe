"""``/r/{code}`` as people, programs and texts use it (D64, D66)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from services.affiliates.clicks.rules import is_robot
from tests.affiliates.helpers import (
    CONVERSIONS,
    KEYED,
    MAJA,
    activated,
    assert_page,
    clicks,
    counted,
    enrolled,
    flushed,
    heard,
    linked,
    ok,
    refused,
    reported,
    settled,
    without_links_in_memory,
)

SHOES = "https://shop.example/shoes"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"


@pytest.fixture
def anybody(affiliates):
    without_links_in_memory(affiliates)
    return affiliates.client(None)


@pytest.fixture
def code(shop):
    return linked(shop, activated(shop))


def leads_to(answer):
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return answer.headers["Location"]


@pytest.mark.parametrize(
    "around",
    ["{}/", "{}.", "{},", "{})", "{}%3B", "{}!", "{}?", "{}).", "({})", "{}%22", "{}%E2%80%9D", "{}*",
     "{}/?utm_source=news&utm_medium=mail", "{}?_=1764460800"],
)  # fmt: skip
def test_a_link_out_of_a_text_leads_on(anybody, code, affiliates, around):
    """D64: with the punctuation that stood around it, and with parameters we do not know."""
    assert leads_to(anybody.get(f"/r/{around.format(code)}")).startswith(SHOES)
    assert leads_to(anybody.get(f"/r/{around.format(code.upper())}")).startswith(SHOES)
    flushed(affiliates)
    assert counted(affiliates) == {"live": 2, "other": 0}


@pytest.mark.parametrize(
    ("destination", "query", "shown"),
    [
        (SHOES, "utm_source=news&utm_medium=mail", f"{SHOES}?utm_source=news&utm_medium=mail"),
        (f"{SHOES}?size=42#top", "size=36&color=r%C3%B8d", f"{SHOES}?size=42&color=r%C3%B8d#top"),
        (SHOES, "clickId=forged&a=1", f"{SHOES}?a=1"),
        (SHOES, "a=1&a=2&b", f"{SHOES}?a=1&a=2&b="),
        (SHOES, "a=%0D%0ASet-Cookie:x", f"{SHOES}?a=%0D%0ASet-Cookie%3Ax"),
        (SHOES, "a=" + "x" * 3000, SHOES),
        (SHOES, "&".join(f"p{number}=1" for number in range(60)), SHOES),
        (SHOES, "to=https://shop.example/hats?a=1&a=2", "https://shop.example/hats?a=1"),
    ],
)
def test_what_a_link_was_followed_with_goes_on_to_the_shop(anybody, shop, destination, query, shown):
    """D64: beside what the address has, which stays as it is; what is ours does not go on."""
    link = linked(shop, activated(shop), destination=destination)
    address = leads_to(anybody.get(f"/r/{link}?{query}"))
    click_id = parse_qs(urlsplit(address).query)["clickId"][0]
    plain, mark, fragment = shown.partition("#")
    assert address == f"{plain}{'&' if '?' in plain else '?'}clickId={click_id}{mark}{fragment}"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_get_a_page(anybody, code, method):
    """D64: 405."""
    answer = anybody.open(f"/r/{code}", method=method)
    assert_page(answer, 405, "cannot be opened")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/r", "/r/", "/r/nobody.x-y-aaaaa", "/r/a/b", "/r/" + "a" * 3000])
def test_what_leads_nowhere_is_a_page(anybody, path):
    """D64."""
    assert_page(anybody.get(path), 404, "leads nowhere")


def test_the_page_shows_nothing_of_the_request(anybody):
    page = anybody.get("/r/<script>alert(1)</script>?x=<b>").get_data(as_text=True)
    assert "alert" not in page
    assert "<b>" not in page


def test_a_merchant_that_is_switched_off_never_answers_json(anybody, code, affiliates):
    """D64: its links lead to their destination, untracked."""
    affiliates.deliver(heard(MAJA, 2, features=()))
    assert leads_to(anybody.get(f"/r/{code}")) == SHOES


def test_the_operator_may_have_a_place_for_lost_visitors(anybody, affiliates, monkeypatch):
    """D64: where no merchant has one."""
    monkeypatch.setenv("CONCORD_LINKS_FALLBACK_URL", "https://Concord.example/lost")
    without_links_in_memory(affiliates)
    try:
        assert leads_to(anybody.get("/r/nobody.x-y-aaaaa")) == "https://concord.example/lost"
    finally:
        without_links_in_memory(affiliates)


NOBODY = {
    "google": ("robot", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}),
    "a preview in a chat": ("robot", {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}),
    "another preview": ("robot", {"User-Agent": "facebookexternalhit/1.1"}),
    "a messenger": ("robot", {"User-Agent": "WhatsApp/2.23.20.0 A"}),
    "a scraper": ("robot", {"User-Agent": "Mozilla/5.0 (compatible; GPTBot/1.1; +https://openai.com/gptbot)"}),
    "a prefetch": ("prefetch", {"User-Agent": CHROME, "Sec-Purpose": "prefetch"}),
    "a prerender": ("prefetch", {"User-Agent": CHROME, "Sec-Purpose": "prefetch;prerender"}),
    "an older prefetch": ("prefetch", {"User-Agent": CHROME, "Purpose": "prefetch"}),
    "a prefetch of Firefox": ("prefetch", {"User-Agent": CHROME, "X-Moz": "prefetch"}),
    "a preview of Safari": ("prefetch", {"User-Agent": CHROME, "X-Purpose": "preview"}),
}


@pytest.mark.parametrize(("reason", "headers"), NOBODY.values(), ids=NOBODY)
def test_who_is_no_visitor_leaves_a_click_that_counts_nowhere(anybody, shop, code, affiliates, reason, headers):
    """D66: the redirect, a marked click; no cookie, no count, no credit, and the last click stays the last."""
    visit = anybody.get(f"/r/{code}", headers={"User-Agent": CHROME})
    cookie = visit.headers["Set-Cookie"].partition(";")[0]
    answer = anybody.get(f"/r/{code}?utm_source=x", headers=headers | {"Cookie": cookie})
    assert leads_to(answer) == f"{SHOES}?utm_source=x"
    assert "Set-Cookie" not in answer.headers
    flushed(affiliates)
    first, marked = clicks(affiliates)
    assert (marked.live, marked.reason) == (False, reason)
    assert counted(affiliates) == {"live": 1, "other": 0}
    (report,) = ok(shop.get(f"{KEYED}/reports"))["items"]
    assert (report["clicks"], report["deadClicks"]) == (1, 0)
    reported(shop, "A-1", visitor=cookie.partition("=")[2])
    reported(shop, "A-2", clickId=str(marked.id))
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["clickId"] == str(first.id)
    credited_to_nobody = ok(shop.get(f"{CONVERSIONS}/A-2"))
    assert (credited_to_nobody["status"], credited_to_nobody["reason"]) == ("REFUSED", "click_not_live")
    assert "no person made it" in credited_to_nobody["explanation"]
    (event,) = affiliates.events("affiliates.ClickRecorded.v1")
    assert [(click["live"], click["reason"]) for click in event["data"]["clicks"]] == [(True, None), (False, reason)]


@pytest.mark.parametrize(
    "agent",
    [CHROME, "python-requests/2.32.3", "curl/8.5.0", "okhttp/4.12.0", "Dart/3.4 (dart:io)", "",
     "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/470.0]",
     "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Instagram 337.0.0",
     "Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 Chrome/100 Mobile Safari/537.36"],
)  # fmt: skip
def test_who_is_not_known_to_be_a_robot_is_a_visitor(anybody, code, affiliates, agent):
    """D66: a browser in an app, and a library that any program may use."""
    assert not is_robot(agent)
    assert "clickId=" in leads_to(anybody.get(f"/r/{code}", headers={"User-Agent": agent}))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("https://shop.example/søk?q=blå", "https://shop.example/s%C3%B8k?q=bl%C3%A5"),
        ("HTTPS://Søk.Example/", "https://xn--sk-lka.example/"),
        (" https://shop.example/so\u0308k ", "https://shop.example/s%C3%B6k"),
    ],
)
def test_addresses_are_stored_in_encoded_form(anybody, shop, written, stored):
    """Of links, of deep links, of the fallback; and hosts that are allowed."""
    body = {"affiliateId": enrolled(shop), "destination": written}
    link = ok(shop.post(f"{activated(shop)}/links", json=body), 201)
    assert link["destination"] == stored
    assert leads_to(anybody.get(f"/r/{link['code']}")).startswith(stored)
    assert leads_to(anybody.get(f"/r/{link['code']}", query_string={"to": written})).startswith(stored)
    settings = ok(shop.put(f"{KEYED}/settings", json={"fallbackUrl": written, "allowedHosts": ["SØK.example"]}))
    assert (settings["fallbackUrl"], settings["allowedHosts"]) == (stored, ["xn--sk-lka.example"])
    assert ok(shop.put(f"{KEYED}/settings", json=settings)) == settings


def test_idn_hosts_are_compared_as_dns_does(shop):
    campaign, affiliate = activated(shop), enrolled(shop)
    ok(shop.put(f"{KEYED}/settings", json={"allowedHosts": ["søk.example"]}))
    for good in ("https://www.søk.example/", "https://xn--sk-lka.example/"):
        ok(shop.post(f"{campaign}/links", json={"affiliateId": affiliate, "destination": good}), 201)
    for bad in ("https://sok.example/", "https://søk.example.evil.example/", "https://søk.example@evil.example/"):
        refused(shop.post(f"{campaign}/links", json={"affiliateId": affiliate, "destination": bad}), 400)
