"""What somebody is called stands in the headers of mails letter by letter, in whatever script (RFC 2047, RFC 5322)."""

import re
from base64 import b64decode
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr
from quopri import decodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.common import wording
from services.notifier.outbound import headers

ENCODED_WORD = re.compile(r"=\?utf-8\?([bq])\?([^?]*)\?=")
ADDRESS = "rolf@fjord-retail.example"
WORDS = (
    *("Björk", "&", "Söner", "Rör", "AB", "Påskeaktivitet", "i", "butikk", "Ærø-Øl", "Håkonsønner", "Ísafjörður"),
    *(
        "Größe",
        "Straßenbau",
        "GmbH",
        "Müller,",
        "Москва",
        "Ёлки-палки",
        "ООО",
        "東京",
        "株式会社",
        "서울특별시",
        "北京市",
    ),
    *(
        "🌷",
        "👩‍👩‍👧‍👦",
        "🇸🇪🇳🇴",
        "👍🏽",
        "Z̷͓̔",
        "Sale:",
        "10%",
        "=?utf-8?q?a?=",
        "=?",
        "?=",
        "Dr.",
        '"Best"',
        "x" * 70,
        "漢" * 40,
    ),
)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join) | st.text(min_size=1, max_size=120)


def lines(header):
    assert header.endswith(b"\r\n")
    assert b"\n" not in header.replace(b"\r\n", b"")
    return header.decode("ascii").removesuffix("\r\n").split("\r\n")


def value(header):
    """What stands behind the name, unfolded."""
    return "".join(lines(header)).partition(": ")[2]


def assert_well_folded(header):
    """RFC 2047 §2 and §5: short lines, and encoded words that each are whole characters."""
    first, *others = lines(header)
    assert re.match(r"[A-Za-z-]+: ", first)
    assert all(line.startswith(" ") and line.strip() for line in others)
    assert all(len(line) <= 76 for line in [first, *others] if "=?" in line)
    assert all(len(line) < 998 for line in [first, *others])
    for kind, encoded in ENCODED_WORD.findall(value(header)):
        (b64decode(encoded) if kind == "b" else decodestring(encoded.encode(), header=True)).decode("utf-8")


def decoded(phrase):
    """A display name as RFC 2047 reads it. The parser of the email package puts a blank between encoded words there."""
    return str(make_header(decode_header(phrase)))


def as_two_readers_see(header, name):
    """The decoder that came with MIME, and the one of today; neither has written it."""
    return decoded(value(header)), str(message_from_bytes(header, policy=default)[name])


@pytest.mark.parametrize(
    "subject",
    [
        "Påskeaktivitet i butikk: Björk & Söner Rör AB invites you",
        "Björk & Söner Rör AB: ny melding fra Påskeaktivitet i butikk",
        "Весенняя распродажа в Москве: ООО «Ёлки» приглашает вас принять участие в этой кампании",
        "東京の春のキャンペーン 株式会社北の暖房があなたを招待しています よろしくお願いします",
        "🌷 🌷 🌷 spring 🌷 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 👩‍👩‍👧‍👦 for everybody",
        "Spring Showroom Push: Nordic Heating invites you",
        "A plain subject that is a good deal longer than a line and has to be folded at its blanks, twice, or thrice",
        "=?utf-8?q?hello?= =?utf-8?q?you?=",
    ],
)
def test_no_subject_loses_a_blank(subject):
    header = headers.text("Subject", subject)
    assert_well_folded(header)
    assert as_two_readers_see(header, "Subject") == (subject, subject)


@given(NAMES, NAMES)
def test_any_subject_arrives_as_it_was_written(campaign, company):
    subject = wording.one_line(f"{campaign}: {company} invites you", 250)
    header = headers.text("Subject", subject)
    assert_well_folded(header)
    assert as_two_readers_see(header, "Subject") == (subject, subject)


@pytest.mark.parametrize("name", ["To", "From", "Reply-To"])
@given(called=NAMES)
def test_any_display_name_arrives_as_it_was_written(name, called):
    called = wording.display_name(called)
    header = headers.mailbox(name, called, ADDRESS)
    assert_well_folded(header)
    phrase, address = parseaddr(value(header))
    [modern] = message_from_bytes(header, policy=default)[name].addresses
    assert address == modern.addr_spec == ADDRESS
    assert decoded(phrase) == called


@pytest.mark.parametrize(
    "called", ["Dr. Rolf Fjord", "Nord, Portal", 'The "Best" \\ Shop', "x" * 100, "Jörg (Köln) <x@y.example>", "a;b:c"]
)
def test_a_setting_may_call_the_sender_anything(called):
    """RFC 5322 §3.2.4: what has a meaning in an address is quoted or encoded."""
    header = headers.mailbox("From", called, ADDRESS)
    assert_well_folded(header)
    phrase, address = parseaddr(value(header))
    assert (decoded(phrase), address) == (called, ADDRESS)


def test_a_long_address_has_a_line_of_its_own():
    address = "r" * 64 + "@" + ".".join(["fjord-retail"] * 15) + ".example"
    header = headers.mailbox("To", "Jörg Ærlig fra Bergen Bygg og Anlegg", address)
    assert lines(header)[-1] == f" <{address}>"
    assert_well_folded(header)


@pytest.mark.parametrize(
    "header_of",
    [
        lambda text: headers.text("Subject", wording.one_line(text, 250)),
        lambda text: headers.mailbox("To", wording.display_name(text), ADDRESS),
    ],
    ids=["Subject", "To"],
)
@given(text=st.text(max_size=60), line_end=st.sampled_from(["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\u2028", "\x85"]))
def test_no_other_header_can_be_smuggled_in(header_of, text, line_end):
    message = message_from_bytes(header_of(f"{text}{line_end}Bcc: everybody@x.example") + b"\r\n", policy=default)
    assert len(message.keys()) == 1
    assert message.get_payload() == ""
