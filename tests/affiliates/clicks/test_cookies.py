"""The visitor's cookie: its signature, and cookies that the release before has signed."""

import hmac
from datetime import UTC, datetime, timedelta

import pytest

from services.affiliates.clicks.visitors import Tampered, Visitor, Visitors

SECRET = b"x" * 32
NOW = datetime(2026, 4, 1, tzinfo=UTC)
VISITOR = Visitor.new(NOW).known_until(NOW + timedelta(days=30))


def signed_by_the_release_before(secret):
    content = f"{VISITOR.id.hex}.{int(VISITOR.until.timestamp())}"
    return f"{content}.{hmac.digest(secret, content.encode(), 'sha256').hex()[:32]}"


def test_a_cookie_of_the_release_before_is_still_read():
    """It lives for as long as a window, and orders are credited by it until then."""
    visitors = Visitors(SECRET)
    assert visitors.read(signed_by_the_release_before(SECRET), NOW) == VISITOR
    assert visitors.read(visitors.write(VISITOR), NOW) == VISITOR


def test_every_changed_character_of_a_cookie_is_noticed():
    visitors = Visitors(SECRET)
    value = visitors.write(VISITOR)
    for place, character in enumerate(value):
        changed = f"{value[:place]}{'A' if character != 'A' else 'B'}{value[place + 1 :]}"
        with pytest.raises(Tampered):
            visitors.read(changed, NOW)


STRANGE = {
    "nothing": "",
    "a dot": ".",
    "dots": "..",
    "a letter": "é",
    "half a character": "\ud800",
    "very long": "x" * 5000,
    "signed by somebody else": signed_by_the_release_before(b"y" * 32),
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_a_value_that_we_did_not_sign_is_tampered_with(value):
    with pytest.raises(Tampered):
        Visitors(SECRET).read(value, NOW)
