"""Texts that are safe in a mail: lines, names, addresses, dates."""

import re
from calendar import month_name
from datetime import datetime
from zoneinfo import ZoneInfo

import idna

from chassis.core.text import is_prose, shortened

NAME_LENGTH = 100
UNSENDABLE = re.compile("[\r\ud800-\udfff]")  # half characters are no UTF-8


class Unmailable(ValueError):
    """No mail can be sent to this address; the message says why."""


def one_line(text: str, limit: int) -> str:
    """A text fit for a header: one line, nothing invisible that could break or turn it, at most ``limit`` long."""
    return shortened(" ".join(printable(text).split()), limit, ending="")


def excerpt(text: str, limit: int) -> str:
    """A text on one line of a mail, with an ellipsis where it was longer than ``limit``."""
    return shortened(" ".join(printable(text).split()), limit)


def printable(text: str) -> str:
    """A text without control characters (but line ends and tabs), half characters and direction overrides."""
    if text.isprintable():
        return text
    return UNSENDABLE.sub("", "".join(filter(is_prose, text)))  # some are older than the rule that refuses others


def display_name(name: str) -> str:
    """A person's name as a display name: without the characters that have a meaning before an address."""
    return one_line(re.sub(r'[<>()\[\]:;@\\,"]', " ", name), NAME_LENGTH)


def mailable(address: str) -> tuple[str, str]:
    """The two halves of an address, the domain as DNS knows it.

    Raises:
        Unmailable: no mail can go there.
    """
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        raise Unmailable("the address has no valid domain") from None
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", local):
        raise Unmailable("the address has no name that mail servers take")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", ascii_domain):
        raise Unmailable("the address has no valid domain")
    return local, ascii_domain


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in its reader's time zone (D61): ``1 April 2026, 00:00 CEST``, or ``UTC+0545`` if the zone has no name.
    At either end of the calendar, which a zone may exceed, in UTC."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    clock = local.tzname() or ""
    zone_name = clock if clock.isalpha() else f"UTC{clock}"
    return f"{local.day} {month_name[local.month]} {local.year}, {local:%H:%M} {zone_name}"
