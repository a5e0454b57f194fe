"""Web addresses that merchants write, in the form in which they are stored."""

from chassis.core.addresses import encoded

MAX_ADDRESS = 2000


def stored_address(text: str) -> str | None:
    """The address in encoded form; None if the text is no web address or is longer than ``MAX_ADDRESS``."""
    address = encoded(text) if len(text) <= MAX_ADDRESS else None
    return address if address is not None and len(address) <= MAX_ADDRESS else None
