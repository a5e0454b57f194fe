"""Days are the tenant's (D61): reports, statements and periods, over a change of clocks, on both databases."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.affiliates.merchants import tasks
from services.affiliates.merchants.models import Merchant
from services.affiliates.reports.rules import Period, period_of
from services.identity import service as identity_service
from tests.affiliates.helpers import (
    KEYED,
    MAJA,
    activated,
    enrolled,
    flushed,
    heard,
    linked,
    ok,
    reported,
    settled,
    without_links_in_memory,
)

REPORTS, STATEMENTS = f"{KEYED}/reports", f"{KEYED}/statements"
ZONES = ["UTC", "Europe/Stockholm", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago",
         "Australia/Lord_Howe", "Africa/Casablanca"]  # fmt: skip


@pytest.fixture
def sell(affiliates, shop):
    """Clicks and sells at a moment."""
    without_links_in_memory(affiliates)
    code = linked(shop, activated(shop, startDate="2020-01-01T00:00:00Z"), enrolled(shop))

    def at(moment, number):
        with time_machine.travel(datetime.fromisoformat(moment), tick=False):
            click_id = affiliates.client(None).get(f"/r/{code}").headers["Location"].partition("clickId=")[2]
            flushed(affiliates)
            reported(shop, number, clickId=click_id, orderAmount="100.00")
        with time_machine.travel(datetime.fromisoformat(moment) + timedelta(seconds=5), tick=False):
            settled(affiliates)

    return at


def live_in(affiliates, zone, sequence=2):
    event = heard(MAJA, sequence)
    affiliates.deliver(event | {"data": event["data"] | {"timeZone": zone}})


def rows(client, query, *names):
    return [tuple(row[name] for name in names) for row in ok(client.get(f"{REPORTS}?{query}"))["items"]]


def test_a_sale_stands_on_the_day_it_was_made(shop, affiliates, sell):
    """D61: 00:39 on the 29th in Stockholm is the 28th in UTC; the click of that moment stands beside it."""
    live_in(affiliates, "Europe/Stockholm")
    sell("2036-05-28T22:39:00Z", "A-1")
    period = "from=2036-05-01&to=2036-06-01"
    assert rows(shop, f"by=day&{period}", "key", "clicks", "conversions") == [("2036-05-29", 1, 1)]
    assert rows(shop, "by=campaign&from=2036-05-29&to=2036-05-29", "clicks", "conversions") == [(1, 1)]
    assert rows(shop, "by=campaign&from=2036-05-28&to=2036-05-28", "clicks") == []
    assert rows(shop, "by=product&from=2036-05-28&to=2036-05-28", "key") == []


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Europe/Stockholm", "2037-03-28T23:30:00Z", "2037-03-29"),  # the night on which clocks go forward
        ("Europe/Stockholm", "2037-03-29T21:59:30Z", "2037-03-29"),
        ("Europe/Stockholm", "2037-03-29T22:00:00Z", "2037-03-30"),
        ("Europe/Stockholm", "2037-10-25T22:30:00Z", "2037-10-25"),  # and back
        ("Europe/Stockholm", "2037-10-24T22:00:00Z", "2037-10-25"),
        ("Asia/Kathmandu", "2037-05-01T18:14:30Z", "2037-05-01"),
        ("Asia/Kathmandu", "2037-05-01T18:15:00Z", "2037-05-02"),
        ("America/St_Johns", "2037-07-01T02:29:00Z", "2037-06-30"),
        ("Pacific/Kiritimati", "2037-07-01T10:00:00Z", "2037-07-02"),
        ("Pacific/Pago_Pago", "2037-07-01T10:59:00Z", "2037-06-30"),
    ],
)
def test_days_begin_at_midnight_of_the_zone(shop, affiliates, sell, zone, moment, day):
    """D61: for clicks, orders and statements alike."""
    live_in(affiliates, zone)
    sell(moment, "A-1")
    assert rows(shop, "by=day&from=2037-01-01&to=2037-12-31", "key", "clicks", "conversions") == [(day, 1, 1)]
    assert rows(shop, f"by=affiliate&from={day}&to={day}", "clicks", "conversions") == [(1, 1)]
    with time_machine.travel(datetime.fromisoformat(moment) + timedelta(seconds=5), tick=False):
        assert ok(shop.get(f"{REPORTS}?by=day"))["items"][0]["key"] == day
        statement = ok(shop.get(f"{STATEMENTS}?from={day}&to={day}"))["items"][0]
        assert (statement["from"], statement["to"], statement["held"]) == (day, day, "12.00")
        assert ok(shop.get(STATEMENTS))["items"][0]["to"] == day


@given(
    st.sampled_from(ZONES), st.dates(date(1971, 1, 1), date(2037, 12, 1)), st.integers(0, 366), st.integers(0, 10**7)
)
def test_offsets_say_each_moment_s_day(zone, since, days, seconds):
    """D61: against what the zone itself says of every moment of the period."""
    period = Period(since, since + timedelta(days=days), ZoneInfo(zone))
    moment = period.begin + timedelta(seconds=seconds)
    if moment >= period.end:
        return
    minutes = [minutes for start, minutes in period.offsets() if start <= moment][-1]
    assert (moment + timedelta(minutes=minutes)).date() == moment.astimezone(ZoneInfo(zone)).date()
    assert period.begin.astimezone(ZoneInfo(zone)).date() == since


def test_by_itself_a_period_ends_today_where_the_tenant_is():
    """D61."""
    late = datetime(2026, 4, 30, 22, 30, tzinfo=UTC)
    assert period_of(None, None, late, ZoneInfo("Europe/Stockholm")).until == date(2026, 5, 1)
    assert period_of(None, None, late, ZoneInfo("America/New_York")).until == date(2026, 4, 30)


def test_a_zone_that_no_event_has_told_is_asked_for(shop, affiliates, start_service):
    """Of merchants that were there before zones were kept."""
    identity = start_service(identity_service)
    affiliates.connect("identity", identity)
    ok(shop.put(f"{KEYED}/settings", json={}))
    with acting_as(Principal.system("affiliates")):
        assert tasks.fetch_time_zones(affiliates.runtime) is False
        with affiliates.database.read() as session:
            assert session.scalars(select(Merchant.time_zone)).all() == ["UTC"]  # nobody knows that tenant
