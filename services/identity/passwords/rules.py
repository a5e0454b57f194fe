"""What a good password is. Nothing here knows the database or HTTP."""

from chassis.core.errors import Invalid
from chassis.core.text import fold, normal

LENGTH_MIN, LENGTH_MAX = 12, 128


def check(password: str, *, email: str, tenant_name: str) -> None:
    """Let a password be chosen.

    Raises:
        Invalid: after NFC it is shorter than 12 or longer than 128 characters, blank, the e-mail address or the
            tenant's name.
    """
    text = normal(password)
    if not LENGTH_MIN <= len(text) <= LENGTH_MAX:
        raise Invalid.field("password", f"Must be between {LENGTH_MIN} and {LENGTH_MAX} characters long.")
    if not text.strip():
        raise Invalid.field("password", "Must not be blank.")
    if fold(text) in (fold(email), fold(tenant_name)):
        raise Invalid.field("password", "Must not be the e-mail address or the company's name.")
