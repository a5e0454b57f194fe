"""What answers mean, how long is waited, when an endpoint is looked at next, and which events somebody wants."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.core.backoff import delay_after
from services.notifier.event_log import event_types
from services.notifier.webhooks import rules
from services.notifier.webhooks.rules import Verdict

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, Verdict.TAKEN) for status in (200, 201, 202, 204, 299)),
        *((status, Verdict.REFUSED) for status in (301, 302, 307, 308, 304, 400, 401, 404, 413, 422, 500, 501)),
        *((status, Verdict.TROUBLE) for status in (None, 429, 502, 503, 504)),
        (410, Verdict.GONE),
    ],
)
def test_what_a_status_means(status, expected):
    assert rules.verdict(status) is expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-5", 0),
        ("soon", 0),
        ("1e9", 0),
        ("9" * 30, 0),
        ("999999", 86400),
        ("Wed, 01 Apr 2026 12:10:00 GMT", 600),
        ("Wed, 01 Apr 2026 11:00:00 GMT", 0),
        ("Wed, 01 Apr 2099 11:00:00 GMT", 86400),
        ("Wed, 99 Apr 2026", 0),
    ],
)
def test_how_long_a_receiver_asks_to_be_left_alone(header, seconds):
    assert rules.retry_after(header, NOW) == timedelta(seconds=seconds)


def test_a_message_is_tried_again_over_three_days_with_growing_delays():
    waits = [delay_after(attempt, rules.RETRY_DELAYS) for attempt in range(1, 60)]
    for wait, longest in zip(waits, rules.RETRY_DELAYS, strict=False):
        assert longest / 2 <= wait <= longest
    spent, attempts = timedelta(), 0
    while spent < rules.GIVE_UP_AFTER:
        spent += waits[attempts]
        attempts += 1
    assert 18 < attempts < 50
    assert len(set(waits)) == len(waits), "jitter"


@pytest.mark.parametrize(
    ("leases", "first_ready", "failures", "cooling", "expected"),
    [
        ([], None, 0, None, None),
        ([], 0, 0, None, 0),
        ([], -5, 3, 10, 10),
        ([], 20, 3, 10, 20),
        ([10], None, 0, None, 10),
        ([10], None, 0, 30, 30),
        ([10] * 3, 0, 0, None, 0),
        ([10] * 4, 0, 0, None, 10),
        ([10, -5, 20, 30, 40], 0, 0, None, 10),
        ([10, -5], 0, 0, None, -5),
        ([10], 0, 1, None, 10),
        ([10, -5], 0, 1, None, 10),
        ([-5], None, 1, 10, 10),
    ],
)
def test_when_an_endpoint_is_looked_at_next(leases, first_ready, failures, cooling, expected):
    """In seconds from now. Never earlier than there is something to do, or senders would look again and again."""

    def moment(seconds):
        return None if seconds is None else NOW + timedelta(seconds=seconds)

    leases, first = [moment(lease) for lease in leases], moment(first_ready)
    assert rules.due_at(leases, first, NOW, failures=failures, cool_until=moment(cooling)) == moment(expected)


@pytest.mark.parametrize(
    ("patterns", "match"),
    [
        (["*"], True),
        (["campaigns.*"], True),
        (["campaigns.InviteCreated.*"], True),
        (["campaigns.InviteCreated.v1"], True),
        (["prm.*", "campaigns.InviteCreated.v1"], True),
        ([], False),
        (["campaign.*"], False),
        (["campaigns.Invite.*"], False),
        (["campaigns.InviteCreated"], False),
        (["campaigns.InviteCreated.v10"], False),
        (["campaigns.InviteCreated.v2"], False),
    ],
)
def test_which_events_are_wanted(patterns, match):
    assert event_types.matches_any("campaigns.InviteCreated.v1", patterns) is match
    assert all(event_types.PATTERN.fullmatch(pattern) for pattern in patterns)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "**",
        "*.InviteCreated.v1",
        "campaigns",
        "Campaigns.*",
        "campaigns.*.v1",
        "campaigns.In%.*",
        "a.b.c.d",
        "a.*\n",
    ],
)
def test_what_is_no_pattern(pattern):
    assert not event_types.PATTERN.fullmatch(pattern)


@pytest.mark.parametrize(
    ("pattern", "nearest"),
    [
        ("campaigns.InviteCreated", "campaigns.InviteCreated.v1"),
        ("campaigns.invitecreated.v1", "campaigns.InviteCreated.v1"),
        ("Campaigns.InviteCreated.v1", "campaigns.InviteCreated.v1"),
        ("campaigns.InviteCreated.v9", "campaigns.InviteCreated.v1"),
        ("campaigns.InvitCreated.v1", "campaigns.InviteCreated.v1"),
        ("identity.TenantChanged", "identity.TenantChanged.v2"),
        ("affiliates.Clicks.*", "affiliates.ClickRecorded.v1"),
    ],
)
def test_a_type_that_nobody_publishes_is_told_the_nearest_that_somebody_does(pattern, nearest):
    assert event_types.nearest_to(pattern) == nearest
    [objection] = event_types.objections(["*", pattern, "prm.*"]).items()
    assert objection[0] == 1
    assert f"the nearest is {nearest}" in objection[1]


@pytest.mark.parametrize("pattern", ["campaign.*", "Campaigns.*", "campaigns.#", "campaigns", "CAMPAIGNS.*.v1"])
def test_a_kind_of_types_that_there_is_not_is_told_the_nearest_kind(pattern):
    assert event_types.nearest_to(pattern).startswith("campaigns.")


@pytest.mark.parametrize("pattern", ["", "*.*", "#", "x" * 100, "\u0000", "привет"])
def test_whatever_is_asked_for_there_is_a_nearest_type(pattern):
    assert event_types.nearest_to(pattern) in event_types.PUBLISHED


def test_every_published_type_and_kind_can_be_asked_for():
    kinds = {f"{'.'.join(name.split('.')[:depth])}.*" for name in event_types.PUBLISHED for depth in (1, 2)}
    assert event_types.objections([*event_types.PUBLISHED, *kinds, "*"]) == {}
