"""E-mail addresses: which are taken, and the one way each is written, so that one mailbox is one user (D62)."""

from email_validator import EmailNotValidError, validate_email

from chassis.core.text import fold

LONGEST = 1000  # characters that are looked at; an address has at most 254


def normal_address(text: str) -> str | None:
    """The address as it is stored and shown, with its domain as DNS knows it; None where mail could never go there.

    ``anna@Exämple.com``, typed in whatever letters, is ``anna@xn--exmple-cua.com``: every mail server takes that, and
    nobody can pass for another domain by letters that look alike. The part before the @ stays as it was typed; it must
    be ASCII and without quotes, because mail servers everywhere must take it. No server is asked.
    """
    if len(text) > LONGEST:
        return None
    try:
        address = validate_email(
            text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        return None
    return f"{address.ascii_local_part}@{address.ascii_domain.lower()}"


def address_key(text: str) -> str:
    """What makes two spellings one mailbox: case does not count. What is no address is compared as text."""
    return fold(normal_address(text) or text.strip())
