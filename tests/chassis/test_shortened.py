"""Texts that are cut end with a whole character, as a reader counts characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.text import shortened

CHARACTERS = (
    "a",
    "ø",
    "e\u0301",
    "a\u0323\u0302",
    "ж",
    "漢",
    "각",
    "🌷",
    "👍🏽",
    "👩‍👩‍👧‍👦",
    "🇸🇪",
    "🇳🇴",
    "1️⃣",
    "❤️",
    "क्षि",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿",
)


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("Hello", 5, "Hello"),
        ("Hello!", 5, "Hell…"),
        ("Hello you", 7, "Hello…"),
        ("family 👩‍👩‍👧‍👦!", 14, "family…"),
        ("caffe\u0301 latte", 6, "caff…"),
        ("go 🇸🇪🇳🇴!", 6, "go 🇸🇪…"),
        ("👍🏽👍🏽", 3, "👍🏽…"),
        ("a" + "\u0301" * 500, 10, "…"),
        ("", 1, ""),
    ],
)
def test_a_cut_leaves_whole_characters(text, length, shown):
    assert shortened(text, length) == shown


@given(st.lists(st.sampled_from(CHARACTERS), max_size=30), st.integers(1, 40))
def test_as_many_whole_characters_as_fit(characters, length):
    """The longest beginning that leaves room for the ellipsis; nothing is cut that fits."""
    text = "".join(characters)
    beginnings = ["".join(characters[:number]) for number in range(len(characters) + 1)]
    fitting = max((one for one in beginnings if len(one) < length), key=len)
    assert shortened(text, length) == (text if len(text) <= length else fitting + "…")
