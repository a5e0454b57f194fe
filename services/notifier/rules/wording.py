"""Texts as they may stand in a mail: lines, names, addresses, dates."""

import re
from calendar import month_name
from datetime import datetime

from chassis.text import cleaned, shortened

NAME_LENGTH = 100
UNSENDABLE = re.compile("[\r\ud800-\udfff]")  # half characters are no UTF-8


class Unmailable(ValueError):
    """No mail can ever go to this address; says why."""


def one_line(text: str, limit: int) -> str:
    """A text fit for a header: one line, nothing invisible that could break or turn it, at most ``limit`` long."""
    return shortened(" ".join(printable(text).split()), limit, ending="")


def printable(text: str) -> str:
    """A text without control characters (but line ends and tabs), half characters and direction overrides."""
    if text.isprintable():
        return text
    return UNSENDABLE.sub("", cleaned(text))


def display_name(name: str) -> str:
    """A person's name as it may stand before an address: without the characters that have a meaning there."""
    return one_line(re.sub(r'[<>()\[\]:;@\\,"]', " ", name), NAME_LENGTH)


def mailable(address: str) -> tuple[str, str]:
    """The two halves of an address, the domain as DNS knows it.

    Raises:
        Unmailable: no mail can go there.
    """
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise Unmailable("the address has no valid domain") from None
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", local):
        raise Unmailable("the address has no name that mail servers take")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", ascii_domain):
        raise Unmailable("the address has no valid domain")
    return local, ascii_domain


def said_date(moment: datetime) -> str:
    """A moment as a person reads it: ``1 April 2026``, with the time only where it is not midnight UTC."""
    day = f"{moment.day} {month_name[moment.month]} {moment.year}"
    return day if (moment.hour, moment.minute) == (0, 0) else f"{day}, {moment:%H:%M} UTC"


def said_moment(moment: datetime) -> str:
    """A moment with its time: ``1 April 2026, 09:05 UTC``."""
    return f"{moment.day} {month_name[moment.month]} {moment.year}, {moment:%H:%M} UTC"

