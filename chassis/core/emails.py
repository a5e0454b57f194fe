"""E-mail addresses: which are accepted, and the one form of each, so that one mailbox is one user (D62)."""

from email_validator import EmailNotValidError, validate_email

from chassis.core.text import fold

LONGEST = 1000  # characters of a text that is checked; an address has at most 254


def normal_address(text: str) -> str | None:
    """The address as it is stored and shown; None where mail could never be delivered. No server is asked.

    ``anna@Exämple.com`` becomes ``anna@xn--exmple-cua.com``: every mail server accepts that, and letters that look
    alike cannot imitate another domain. The part before the @ stays as it was typed. It must be ASCII without quotes,
    because every mail server must accept it.
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
    """A key that is equal for all spellings of one mailbox, whatever their case. What is no address counts as text."""
    return fold(normal_address(text) or text.strip())
