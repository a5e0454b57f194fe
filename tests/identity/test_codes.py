"""Codes of authenticators and recovery codes: made and read."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.factors import rules

RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_rfc(seconds, code):
    """RFC 6238, appendix B, with six digits."""
    now = datetime.fromtimestamp(seconds, UTC)
    assert rules.matching_step(RFC_SECRET, code, now) == seconds // 30


@given(st.text(rules.LETTERS, min_size=10, max_size=10), st.lists(st.sampled_from(" -"), min_size=10, max_size=10))
def test_recovery_codes_are_read_as_people_type_them(letters, between):
    key, user_id = b"k" * 32, UUID(int=5)
    digest = rules.recovery_digest(letters, user_id, key)
    assert digest is not None
    spelled = "".join(letter + sign for letter, sign in zip(letters.upper(), between, strict=True))
    for text in (spelled, spelled.replace("0", "o"), spelled.replace("1", "I"), spelled.replace("1", "l")):
        assert rules.recovery_digest(text, user_id, key) == digest
    assert rules.recovery_digest(letters, UUID(int=6), key) != digest
    assert rules.recovery_digest(letters, user_id, b"l" * 32) != digest


@given(st.text(max_size=30))
def test_any_other_text_is_no_recovery_code(text):
    if len(rules.typed(text)) != 10:
        assert rules.recovery_digest(text, UUID(int=5), b"k" * 32) is None
