"""The decisions about conversations, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.messaging.rules import Side, is_answer, preview, strictly_after

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("Hello", "Hello"),
        ("  Hello\r\n\n there\t", "Hello there"),
        ("x" * 140, "x" * 140),
        ("x" * 141, "x" * 139 + "…"),
        ("x" * 138 + " yy", "x" * 138 + "…"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("a\u2028b\x0bc", "a b c"),
        ("x" * 136 + "👩‍👩‍👧‍👦 and more", "x" * 136 + "…"),
        ("x" * 138 + "e\u0301e\u0301", "x" * 138 + "…"),
    ],
)
def test_a_preview_is_one_short_line(body, shown):
    """S0-64."""
    assert preview(body) == shown


def test_each_side_has_the_other():
    """S0-55."""
    assert [side.other for side in Side] == [Side.RETAILER, Side.SUPPLIER]


def test_only_the_side_that_owes_a_message_answers():
    assert is_answer(Side.RETAILER, Side.RETAILER)
    assert not is_answer(Side.SUPPLIER, Side.RETAILER)


def test_time_goes_forward_whatever_a_clock_says():
    later = NOON + timedelta(seconds=1)
    assert strictly_after(NOON, later) == later
    assert strictly_after(NOON, NOON) == strictly_after(NOON, NOON - timedelta(days=1)) > NOON
