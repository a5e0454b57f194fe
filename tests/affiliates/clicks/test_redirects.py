"""Links that visitors follow: where they lead, what is kept of a click, and what becomes of it without a database."""

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
import pytest
import time_machine
from sqlalchemy import event

from chassis.process import server
from services.affiliates.clicks import buffer, tracker
from services.affiliates.clicks.visitors import Visitor, Visitors, set_cookie
from tests.affiliates.helpers import (
    AFFILIATES,
    KEYED,
    MAJA,
    OTTO,
    activated,
    ago,
    assert_page,
    clicks,
    counted,
    created,
    flushed,
    flushed_once,
    heard,
    hence,
    linked,
    ok,
    refused,
    reported,
    suspension,
    without_links_in_memory,
)
from tests.plugin import value_of

SHOES = "https://shop.example/shoes"
WELCOME = "https://shop.example/welcome"


@pytest.fixture
def anybody(affiliates):
    without_links_in_memory(affiliates)
    return affiliates.client(None)


@pytest.fixture
def code(shop):
    ok(shop.put(f"{KEYED}/settings", json={"fallbackUrl": WELCOME}))
    return linked(shop, activated(shop))


def followed(client, code, *, cookie=None, query="", **headers):
    """Where a link leads, the id of the click and the cookie that was set."""
    if cookie:
        headers["Cookie"] = f"concord_visitor={cookie}"
    answer = client.get(f"/r/{code}{query}", headers=headers)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    address = urlsplit(answer.headers["Location"])
    click_id = parse_qs(address.query).get("clickId", [None])[0]
    return address, click_id, answer.headers.get("Set-Cookie")


def cookie_value(set_cookie):
    return set_cookie.partition("=")[2].partition(";")[0]


def test_a_link_leads_to_its_destination_with_the_click_s_id(anybody, code, affiliates):
    """S2-17: and the click is kept with the window that held."""
    address, click_id, cookie = followed(anybody, code)
    assert address.geturl() == f"{SHOES}?clickId={click_id}"
    assert "Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax" in cookie
    flushed(affiliates)
    (click,) = clicks(affiliates)
    assert (click.id, click.live, click.reason, click.window_days, click.flags) == (UUID(click_id), True, None, 30, "")
    assert counted(affiliates) == {"live": 1, "other": 0}


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        ("https://shop.example", "https://shop.example?clickId={}"),
        ("https://shop.example/a?size=42#top", "https://shop.example/a?size=42&clickId={}#top"),
        ("https://shop.example/?clickId=old&a=b", "https://shop.example/?a=b&clickId={}"),
        ("https://shop.example/%C3%A9?q=a%20b", "https://shop.example/%C3%A9?q=a%20b&clickId={}"),
    ],
)
def test_the_id_goes_beside_what_the_address_has(anybody, shop, destination, shown):
    link = linked(shop, activated(shop), destination=destination)
    address, click_id, _ = followed(anybody, link)
    assert address.geturl() == shown.format(click_id)


def test_a_visitor_is_known_for_the_longest_window(anybody, shop, affiliates):
    """S2-17, S2-18: a short window never cuts a long one, and without a window nothing is kept in the browser."""
    long, short, none = (linked(shop, activated(shop, cookieDurationDays=days)) for days in (30, 7, 0))
    _, _, nothing = followed(anybody, none)
    assert nothing is None
    cookie = cookie_value(followed(anybody, long)[2])
    assert followed(anybody, short, cookie=cookie)[2] is None
    assert followed(anybody, none, cookie=cookie)[2] is None
    flushed(affiliates)
    first, *others = clicks(affiliates)
    assert len({click.visitor_id for click in others}) == 1
    assert first.visitor_id != others[0].visitor_id


TAMPERING = {
    "another visitor": lambda cookie: ("1" if cookie[0] == "0" else "0") + cookie[1:],
    "a longer time": lambda cookie: cookie.replace(".", ".9", 1),
    "another signature": lambda cookie: cookie[:-1] + ("1" if cookie[-1] == "0" else "0"),
    "a longer signature": lambda cookie: cookie + "0",
    "no signature": lambda cookie: cookie.rpartition(".")[0],
    "nothing like it": lambda _: "x",
    "only dots": lambda _: "..",
}


@pytest.mark.parametrize("change", TAMPERING.values(), ids=TAMPERING)
def test_a_cookie_that_was_tampered_with_counts_for_nothing(anybody, code, affiliates, change):
    """Ignored and flagged: the visitor is somebody new."""
    cookie = cookie_value(followed(anybody, code)[2])
    assert followed(anybody, code, cookie=change(cookie))[2]
    flushed(affiliates)
    first, second = clicks(affiliates)
    assert first.visitor_id != second.visitor_id
    assert (first.flags, second.flags) == ("", "cookie_tampered")


def test_a_cookie_whose_time_has_passed_is_no_offence():
    visitors, now = Visitors(b"x" * 32), datetime(2026, 4, 1, tzinfo=UTC)
    value = visitors.write(Visitor.new(now).known_until(now + timedelta(days=1)))
    assert visitors.read(value, now + timedelta(days=1)).until == now + timedelta(days=1)
    assert visitors.read(value, now + timedelta(days=2)) is None


def test_what_does_not_convert_leads_to_the_fallback_address(anybody, shop, code, affiliates):
    """S2-13, S2-19, S2-20, D30: paused, expired, not begun, archived, suspended, switched off; no click counts."""
    campaign = f"{KEYED}/campaigns/{ok(shop.get(f'{KEYED}/campaigns'))['items'][0]['id']}"
    affiliate = f"{AFFILIATES}/{ok(shop.get(AFFILIATES))['items'][0]['id']}"
    steps = [
        ("campaign_paused", lambda: shop.post(f"{campaign}/pause"), lambda: shop.post(f"{campaign}/activate")),
        ("campaign_expired", lambda: shop.patch(campaign, json={"endDate": ago(seconds=1)}),
         lambda: shop.patch(campaign, json={"endDate": None})),
        ("campaign_not_started", lambda: shop.patch(campaign, json={"startDate": hence(days=1)}),
         lambda: shop.patch(campaign, json={"startDate": None})),
        ("affiliate_suspended", lambda: shop.post(f"{affiliate}/suspend"), lambda: shop.post(f"{affiliate}/approve")),
        ("campaign_archived", lambda: shop.patch(campaign, json={"status": "ARCHIVED"}),
         lambda: shop.patch(campaign, json={"status": "DRAFT"})),
        ("campaign_not_active", lambda: shop.get(campaign), lambda: shop.post(f"{campaign}/activate")),
    ]  # fmt: skip
    for _, off, on in steps:
        ok(off())
        assert followed(anybody, code) == (urlsplit(WELCOME), None, None)
        ok(on())
    assert followed(anybody, code)[1]
    flushed(affiliates)
    assert [click.reason for click in clicks(affiliates)] == [reason for reason, *_ in steps] + [None]
    assert counted(affiliates) == {"live": 1, "other": len(steps)}


def test_a_merchant_without_the_flag_has_no_live_links(anybody, code, affiliates):
    affiliates.deliver(heard(MAJA, 2, features=()))
    tracker.of(affiliates.runtime).links.outdate()
    assert followed(anybody, code)[0].geturl() == WELCOME


def test_links_of_a_suspended_merchant_rest_until_it_is_resumed(anybody, code, affiliates):
    """As if the flag were off, whatever is told of the flag meanwhile; older news change nothing."""

    def leads_on():
        tracker.of(affiliates.runtime).links.outdate()
        return followed(anybody, code)[1] is not None

    affiliates.deliver(suspension(MAJA, 2))
    assert not leads_on()
    flushed(affiliates)
    assert [click.reason for click in clicks(affiliates)] == ["merchant_disabled"]
    affiliates.deliver(heard(MAJA, 3))
    assert not leads_on()
    affiliates.deliver(suspension(MAJA, 4, what="Resumed"))
    assert leads_on()
    affiliates.deliver(suspension(MAJA, 2))
    assert leads_on()
    affiliates.deliver(suspension(MAJA, 5, what="Ended"))
    assert not leads_on()


def test_a_suspension_without_a_merchant_is_no_news(anybody, affiliates):
    affiliates.deliver(suspension(OTTO, 2))
    assert affiliates.retry_rows() == []


def test_an_unknown_code_leads_to_its_merchant_s_fallback_address(anybody, code):
    """The code's first part says whose it would be; a code that says nothing is nowhere."""
    for unknown in ("dashain-market.nobody-nothing-aaaaa", "dashain-market"):
        assert followed(anybody, unknown) == (urlsplit(WELCOME), None, None)
    for unknown in ("stranger.nobody-nothing-aaaaa", "nothing", "%27%3B--", "a" * 500):
        assert_page(anybody.get(f"/r/{unknown}"), 404, "leads nowhere")


def test_without_a_fallback_address_the_destination_is_still_reached(anybody, shop):
    """Untracked."""
    code = linked(shop, created(shop))
    assert followed(anybody, code) == (urlsplit(SHOES), None, None)


def test_a_deep_link_leads_to_allowed_hosts_only(anybody, shop):
    """D64: and to the link's own host. No redirect is open."""
    code = linked(shop, activated(shop))
    deep = "https://www.shop.example/boots?size=42"
    assert followed(anybody, code, query=f"?to={deep}")[0].path == "/shoes"
    assert followed(anybody, code, query="?to=https://shop.example/hats")[0].path == "/hats"
    ok(shop.put(f"{KEYED}/settings", json={"allowedHosts": ["shop.example"]}))
    address, click_id, _ = followed(
        anybody, code, query="?to=https%3A%2F%2Fwww.shop.example%2Fboots%3Fsize%3D42&fbclid=x"
    )
    assert address.geturl() == f"{deep}&fbclid=x&clickId={click_id}"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "https://shop.example@evil.example",
        "javascript:alert(1)",
        "https://shop.example.evil.example",
        "https://evil.example\\.shop.example",
        "/%5Cevil.example",
        "https://shop.example%0d%0aSet-Cookie:x",
        "http:evil.example",
    ],
)
def test_no_redirect_is_open(shop, anybody, address):
    ok(shop.put(f"{KEYED}/settings", json={"allowedHosts": ["shop.example"]}))
    code = linked(shop, activated(shop))
    assert followed(anybody, code, query=f"?to={address}")[0].geturl().startswith(f"{SHOES}?clickId=")


def test_looking_is_not_clicking(anybody, code, affiliates):
    answer = anybody.head(f"/r/{code}")
    assert (answer.status_code, answer.headers["Location"]) == (302, SHOES)
    flushed(affiliates)
    assert [(click.live, click.reason) for click in clicks(affiliates)] == [(False, "head_request")]
    assert counted(affiliates) == {"live": 0, "other": 0}


def test_a_flood_of_one_address_is_flagged(anybody, code, affiliates):
    """Each click is kept; those beyond what people do say so."""
    with time_machine.travel("2036-04-01T00:00:00Z", tick=False):
        for _ in range(62):
            followed(anybody, code, **{"X-Concord-Client": "203.0.113.7"})
        followed(anybody, code, **{"X-Concord-Client": "203.0.113.8"})
    flushed(affiliates)
    rows = clicks(affiliates)
    assert [click.flags for click in rows] == [""] * 60 + ["click_flood"] * 2 + [""]
    assert rows[0].address_hash == rows[1].address_hash != rows[-1].address_hash
    assert "203" not in str(rows[0].address_hash)


def test_clicks_are_told_of_in_batches(anybody, shop, code, affiliates):
    """One event for all that were written together, in the merchant's order."""
    other = linked(shop, activated(shop))
    ids = [followed(anybody, link_code)[1] for link_code in (code, other, code)]
    flushed(affiliates)
    followed(anybody, code)
    flushed(affiliates)
    events = affiliates.events("affiliates.ClickRecorded.v1")
    assert [event["sequence"] for event in events] == [1, 2]
    assert [click["clickId"] for click in events[0]["data"]["clicks"]] == ids
    assert events[0]["tenantids"] == events[0]["subject"] == str(MAJA.tenant_id)
    first = events[0]["data"]["clicks"][0]
    assert set(first) == {"clickId", "linkId", "campaignId", "affiliateId", "clickedAt", "live", "reason", "flags"}


@contextmanager
def database_away(service):
    """Nothing can be connected to, and what was connected is gone."""
    engine = service.database.engine
    kind = psycopg.OperationalError if service.database.dialect == "postgresql" else sqlite3.OperationalError

    def refuse(*_):
        raise kind("connection refused")

    event.listen(engine, "do_connect", refuse)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "do_connect", refuse)


def test_redirects_go_on_without_the_database(anybody, shop, code, affiliates):
    """Clicks are kept and written once it is back, in their order and none twice."""
    unused = linked(shop, activated(shop))
    first = followed(anybody, code)[1]
    runtime = affiliates.runtime
    with database_away(affiliates):
        tracker.refresh_links(runtime)
        tracker.of(runtime).links.outdate()
        ids = [first, *(followed(anybody, code)[1] for _ in range(60))]
        for _ in range(10):  # however often it is tried
            assert flushed_once(affiliates) is False
        away = anybody.get(f"/r/{unused}")
        assert_page(away, 503, "does not work just now")
        assert away.headers["Retry-After"]
    tracker.refresh_links(runtime)
    assert followed(anybody, unused)[1]
    flushed(affiliates)
    assert [str(click.id) for click in clicks(affiliates)][:-1] == ids
    assert counted(affiliates) == {"live": 62, "other": 0}


def test_a_write_whose_end_was_not_heard_of_is_not_repeated(anybody, code, affiliates):
    """The connection is lost after the commit: the same clicks are offered again and found."""
    engine = affiliates.database.engine
    ids = [followed(anybody, code)[1] for _ in range(3)]

    def lose(connection):
        connection.connection.driver_connection.commit()
        raise psycopg.OperationalError("connection lost")

    event.listen(engine, "commit", lose)
    flushed_once(affiliates)
    event.remove(engine, "commit", lose)
    ids.append(followed(anybody, code)[1])
    flushed(affiliates)
    assert [str(click.id) for click in clicks(affiliates)] == ids
    assert counted(affiliates) == {"live": 4, "other": 0}
    events = affiliates.events("affiliates.ClickRecorded.v1")
    assert [len(event["data"]["clicks"]) for event in events] == [3, 1]


def test_what_cannot_be_kept_is_counted(anybody, code, affiliates, monkeypatch):
    """Memory is bounded."""
    monkeypatch.setattr(buffer, "MAX_CLICKS", 2)
    before = value_of(buffer.lost.labels("full"))
    for _ in range(5):
        assert followed(anybody, code)[1]
    flushed(affiliates)
    assert len(clicks(affiliates)) == 2
    assert value_of(buffer.lost.labels("full")) - before == 3


def test_links_are_ready_from_the_start(shop, code, affiliates):
    """A process that has just begun knows the newest links before anybody asks."""
    without_links_in_memory(affiliates)
    tracker.refresh_links(affiliates.runtime)
    with database_away(affiliates):
        assert followed(affiliates.client(None), code)[1]


def test_a_process_that_ends_writes_what_it_holds(anybody, code, affiliates):
    """SIGTERM ends the threads beside the web server, the last clicks included."""
    background = server.start_roles(affiliates.runtime, ["api"])
    ids = [followed(anybody, code)[1] for _ in range(20)]
    background.stop()
    assert [str(click.id) for click in clicks(affiliates)] == ids


def test_a_process_that_ends_writes_more_than_one_batch(anybody, code, affiliates, monkeypatch):
    """Also what is left after the last full one."""
    monkeypatch.setattr(buffer, "BATCH", 4)
    ids = [followed(anybody, code)[1] for _ in range(10)]
    flushed(affiliates)
    assert [str(click.id) for click in clicks(affiliates)] == ids


def test_orders_and_refusals_send_no_redirect_to_the_database(anybody, shop, code, affiliates):
    """Only what changes where links lead makes this process look anew."""
    followed(anybody, code)
    entry = tracker.of(affiliates.runtime).links.find(code)
    reported(shop, "A-1")
    product = {"externalId": "SKU-1", "name": "Shoe", "price": "1.00"}
    ok(shop.post(f"{KEYED}/products", json={"products": [product]}), 202)
    refused(shop.post(f"{KEYED}/campaigns", json={}), 400)
    assert entry.read_at > 0
    ok(shop.put(f"{KEYED}/settings", json={}))
    assert entry.read_at == 0


def test_the_public_address_decides_whether_the_cookie_is_secure():
    now = datetime(2026, 4, 1, tzinfo=UTC)
    visitor = Visitor.new(now).known_until(now + timedelta(days=1))
    assert "Secure" not in set_cookie("x", visitor, now, secure=False)
    assert set_cookie("x", visitor, now, secure=True).endswith("Max-Age=86400; Path=/; HttpOnly; SameSite=Lax; Secure")
