"""Rules of attribution, without a database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.affiliates.conversions.rules import Clicked, NoClick, attribute, is_open

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def clicked(number, at, days=30):
    return Clicked(UUID(int=number), at, days)


def test_the_window_includes_both_of_its_ends():
    """S2-17, D32: conversion − click ≤ cookieDurationDays × 24 h."""
    click = clicked(1, NOON, 7)
    assert [is_open(click, NOON + passed) for passed in (-TICK, 0 * DAY, 7 * DAY, 7 * DAY + TICK)] == [
        False,
        True,
        True,
        False,
    ]


def test_the_last_click_wins():
    """D32: also over the one that the order names, and when its own window is the shorter one."""
    old, new = clicked(1, NOON, 30), clicked(2, NOON + DAY, 2)
    for named in (None, old.id, new.id):
        assert attribute([new, old], named=named, at=NOON + 2 * DAY).click == new
        assert attribute([new, old], named=named, at=NOON + 4 * DAY).click == old
        passed = attribute([new, old], named=named, at=NOON + 31 * DAY)
        assert passed.reason is NoClick.WINDOW_PASSED


def test_without_a_window_only_the_named_and_last_click_counts():
    """S2-18, D32."""
    bare, other = clicked(1, NOON, 0), clicked(2, NOON + DAY, 0)
    assert attribute([bare], named=bare.id, at=NOON + 300 * DAY).click == bare
    assert attribute([bare], named=None, at=NOON).reason is NoClick.WINDOW_PASSED
    late = attribute([other, bare], named=bare.id, at=NOON + DAY)
    assert (late.click, late.reason) == (bare, NoClick.LATER_CLICK)
    windowed = clicked(3, NOON - DAY, 30)
    assert attribute([bare, windowed], named=None, at=NOON).click == windowed
    assert attribute([bare, windowed], named=bare.id, at=NOON).click == bare


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 1, 7, 30])), max_size=8),
    st.integers(0, 60),
    st.integers(0, 8),
)
def test_attribution_is_the_last_open_click(made, at, named):
    """D32: against a plain reading of the rule."""
    clicks = [clicked(number, NOON + day * DAY, days) for number, (day, days) in enumerate(made)]
    newest = sorted((c for c in clicks if c.at <= NOON + at * DAY), key=lambda c: (c.at, c.id), reverse=True)
    attribution = attribute(newest, named=UUID(int=named), at=NOON + at * DAY)
    open_ones = [
        c for place, c in enumerate(newest)
        if (NOON + at * DAY - c.at <= c.window_days * DAY and c.window_days > 0)
        or (c.window_days == 0 and c.id == UUID(int=named) and place == 0)
    ]  # fmt: skip
    assert (attribution.click if attribution.reason is None else None) == (open_ones[0] if open_ones else None)
