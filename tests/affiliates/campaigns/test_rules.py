"""Rules of campaigns, without a database."""

from datetime import UTC, datetime, timedelta

from services.affiliates.campaigns import rules as campaigns
from services.affiliates.campaigns.rules import NotLive, Status

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def test_a_campaign_is_live_between_its_dates_both_included():
    """S2-19, S2-20, S2-21, D3."""
    live = [campaigns.outside_dates(NOON, NOON + DAY, at) for at in (NOON - TICK, NOON, NOON + DAY, NOON + DAY + TICK)]
    assert live == [NotLive.NOT_STARTED, None, None, NotLive.EXPIRED]
    assert campaigns.outside_dates(None, None, NOON) is None


def test_an_order_is_judged_by_when_it_was_placed():
    """S2-13, D34: within a stretch in which the campaign was on, whatever it is now."""
    runs = [(NOON, NOON + DAY), (NOON + 2 * DAY, None)]
    expected = [(NOON - TICK, "campaign_paused"), (NOON, None), (NOON + DAY, "campaign_paused"), (NOON + 3 * DAY, None)]
    for at, reason in expected:
        assert campaigns.why_not_live_then(Status.ACTIVE, None, None, runs, at) == reason
    assert campaigns.why_not_live_then(Status.ARCHIVED, None, None, runs[:1], NOON + DAY) == "campaign_archived"
    assert campaigns.why_not_live_then(Status.ACTIVE, None, NOON, runs, NOON + TICK) == "campaign_expired"
