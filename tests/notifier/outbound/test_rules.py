"""Decisions about mails, without a database or a server."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.notifier.common import wording
from services.notifier.deliveries import rules
from services.notifier.deliveries.rules import State, Trouble
from services.notifier.topics.base import Category
from services.notifier.topics.invites import INVITE

YOUNG, OLD = timedelta(hours=23), timedelta(days=1)


@pytest.mark.parametrize(
    ("trouble", "category", "age", "state"),
    [
        (Trouble.PERMANENT, Category.MUST_ARRIVE, YOUNG, State.FAILED),
        (Trouble.PERMANENT, Category.ONCE, YOUNG, State.FAILED),
        (Trouble.TEMPORARY, Category.MUST_ARRIVE, YOUNG, State.NEW),
        (Trouble.TEMPORARY, Category.ONCE, YOUNG, State.NEW),
        (Trouble.TEMPORARY, Category.MUST_ARRIVE, OLD, State.FAILED),
        (Trouble.TEMPORARY, Category.ONCE, OLD, State.FAILED),
        (Trouble.UNKNOWN, Category.MUST_ARRIVE, YOUNG, State.NEW),
        (Trouble.UNKNOWN, Category.MUST_ARRIVE, OLD, State.FAILED),
        (Trouble.UNKNOWN, Category.ONCE, YOUNG, State.UNCERTAIN),
        (Trouble.UNKNOWN, Category.ONCE, OLD, State.UNCERTAIN),
    ],
)
def test_what_follows_from_a_failure(trouble, category, age, state):
    assert rules.state_after(trouble, category, age) is state


def test_what_follows_from_a_vanished_sender():
    assert rules.state_after_lease(Category.MUST_ARRIVE) is State.NEW
    assert rules.state_after_lease(Category.ONCE) is State.UNCERTAIN


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Spring\r\nBcc: everybody@x.example", "Spring Bcc: everybody@x.example"),
        ("  a \t b\u2028c\x00\x1b ", "a bc"),
        ("right\u202eto\u2066left", "righttoleft"),
        ("Grüße 👩‍👩‍👧", "Grüße 👩‍👩‍👧"),
        ("x" * 300, "x" * 250),
        ("x" * 248 + "👩‍👩‍👧", "x" * 248),
        ("x" * 249 + " y", "x" * 249),
        ("\u061cSale\ufff9 now", "Sale now"),
    ],
)
def test_a_line_is_one_line(text, line):
    assert wording.one_line(text, 250) == line


def test_text_keeps_its_line_ends_only():
    assert wording.printable("a\nb\tc\x00\x07\ud800d") == "a\nb\tcd"


def test_braces_in_a_name_are_only_text():
    context = {"campaign_name": "{supplier_name} {0.__class__}", "supplier_name": "N"}
    assert INVITE.subject_of(context) == "{supplier_name} {0.__class__}: N invites you"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "rolf",
        "@x.example",
        "rolf@",
        "a b@x.example",
        "a\r\nBcc: b@x.example",
        "a@x.example\n",
        "a,b@x",
        "<a@x>",
        "a@b@x..example",
        "rølf@x.example",
        "a@-x.example",
        "a@x y",
        "a@" + "x" * 300,
        "a" * 65 + "@x.example",
    ],
)
def test_addresses_no_mail_can_go_to(address):
    with pytest.raises(wording.Unmailable):
        wording.mailable(address)


def test_a_domain_of_any_script_becomes_what_dns_knows():
    assert wording.mailable("rolf@blåbær.example") == ("rolf", "xn--blbr-roah.example")
    assert wording.mailable("r.o'l+f@fjord-retail.example") == ("r.o'l+f", "fjord-retail.example")


@pytest.mark.parametrize(
    ("moment", "zone", "said"),
    [
        ("2026-03-31T22:00:00Z", "Europe/Stockholm", "1 April 2026, 00:00 CEST"),
        ("2026-04-01T00:00:00Z", "Europe/Stockholm", "1 April 2026, 02:00 CEST"),
        ("2026-03-29T00:59:59Z", "Europe/Stockholm", "29 March 2026, 01:59 CET"),
        ("2026-03-29T01:00:00Z", "Europe/Stockholm", "29 March 2026, 03:00 CEST"),
        ("2026-10-25T00:30:00Z", "Europe/Stockholm", "25 October 2026, 02:30 CEST"),
        ("2026-10-25T01:30:00Z", "Europe/Stockholm", "25 October 2026, 02:30 CET"),
        ("2026-05-15T14:05:00Z", "UTC", "15 May 2026, 14:05 UTC"),
        ("2026-05-15T18:15:00Z", "Asia/Kathmandu", "16 May 2026, 00:00 UTC+0545"),
        ("2026-05-15T21:00:00Z", "Europe/Istanbul", "16 May 2026, 00:00 UTC+03"),
        ("2026-05-15T03:00:00Z", "America/New_York", "14 May 2026, 23:00 EDT"),
        ("9999-12-31T23:30:00Z", "Europe/Stockholm", "31 December 9999, 23:30 UTC"),
        ("0001-01-01T00:00:00Z", "America/New_York", "1 January 1, 00:00 UTC"),
    ],
)
def test_times_as_their_reader_says_them(moment, zone, said):
    """D61: at the clock of that zone, which is named; also in the two nights of the year that have another length."""
    assert wording.moment_text(datetime.fromisoformat(moment), ZoneInfo(zone)) == said
