"""The calendar of digests and quiet hours, over changes of the clocks and wherever somebody lives (S0-68, D17)."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.audience.calendar import end_of_quiet, last_moment, next_moment

STOCKHOLM = ZoneInfo("Europe/Stockholm")
ZONES = [
    "Europe/Stockholm",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer
    "Asia/Kathmandu",
    "Pacific/Apia",  # a day that never was, the 30th of December 2011
    "Africa/Casablanca",
    "America/St_Johns",
    "UTC",
]
moments = st.integers(0, 26 * 365 * 24 * 60).map(
    lambda minutes: datetime(2011, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
zones = st.sampled_from(ZONES).map(ZoneInfo)
weekdays = st.none() | st.integers(0, 6)


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-27T12:00:00+01:00", "2026-03-28T08:00:00+01:00"),
        ("2026-03-28T08:00:00+01:00", "2026-03-29T08:00:00+02:00"),  # 23 hours later
        ("2026-10-24T08:00:00+02:00", "2026-10-25T08:00:00+01:00"),  # 25 hours later
        ("2026-10-25T07:59:59+01:00", "2026-10-25T08:00:00+01:00"),
        ("2026-12-31T09:00:00+01:00", "2027-01-01T08:00:00+01:00"),
    ],
)
def test_eight_is_eight_on_the_wall(after, expected):
    assert next_moment(at(after), STOCKHOLM, time(8)) == at(expected)


def test_a_time_that_is_left_out_comes_an_hour_later():
    assert next_moment(at("2026-03-28T12:00:00+01:00"), STOCKHOLM, time(2, 30)) == at("2026-03-29T03:30:00+02:00")


def test_a_time_that_comes_twice_counts_once():
    first = next_moment(at("2026-10-24T12:00:00+02:00"), STOCKHOLM, time(2, 30))
    assert first == at("2026-10-25T02:30:00+02:00")
    assert next_moment(first, STOCKHOLM, time(2, 30)) == at("2026-10-26T02:30:00+01:00")


def test_the_weekly_one_comes_on_its_day():
    monday = next_moment(at("2026-03-25T12:00:00+01:00"), STOCKHOLM, time(8), 0)
    assert monday == at("2026-03-30T08:00:00+02:00")
    assert next_moment(monday, STOCKHOLM, time(8), 0) == at("2026-04-06T08:00:00+02:00")
    assert last_moment(monday, STOCKHOLM, time(8), 0) == monday
    assert last_moment(monday - timedelta(seconds=1), STOCKHOLM, time(8), 0) == at("2026-03-23T08:00:00+01:00")


@given(moments, zones, times, weekdays)
def test_moments_follow_each_other_without_gap_or_repetition(start, zone, wall, weekday):
    result = [next_moment(start, zone, wall, weekday)]
    for _ in range(4):
        result.append(next_moment(result[-1], zone, wall, weekday))
    days = [moment.astimezone(zone).date() for moment in result]
    step = timedelta(days=1 if weekday is None else 7)
    assert start < result[0] <= start + step + timedelta(days=1)
    assert len(set(days)) == len(days), "never two on one day"
    for before, after in pairwise(result):
        assert step - timedelta(hours=2) <= after - before <= step + timedelta(days=1)
        assert last_moment(after, zone, wall, weekday) == after
        assert last_moment(after - timedelta(microseconds=1), zone, wall, weekday) == before


@given(moments, zones, times)
def test_it_is_that_time_on_the_wall_unless_the_clock_leaves_it_out(start, zone, wall):
    result = next_moment(start, zone, wall).astimezone(zone)
    left_out = datetime.combine(result.date(), wall, zone).astimezone(UTC).astimezone(zone).time() != wall
    assert result.time() == wall or left_out or result.utcoffset() != (result - timedelta(days=1)).utcoffset()


@given(moments, zones, times, times)
def test_quiet_hours_end_when_they_say_or_are_none(now, zone, begin, until):
    ended = end_of_quiet(now, zone, begin, until)
    if begin != until and ended:
        assert now < ended <= now + timedelta(days=2)
        assert end_of_quiet(ended, zone, begin, until) in (None, ended) or begin == until
    began = last_moment(now, zone, begin)
    assert (ended is not None) == (now < next_moment(began, zone, until))


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-03-02T21:59:00+01:00", None),
        ("2026-03-02T22:00:00+01:00", "2026-03-03T07:00:00+01:00"),
        ("2026-03-03T06:59:59+01:00", "2026-03-03T07:00:00+01:00"),
        ("2026-03-03T07:00:00+01:00", None),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),
    ],
)
def test_quiet_hours_go_past_midnight(now, end):
    assert end_of_quiet(at(now), STOCKHOLM, time(22), time(7)) == (end and at(end))
