"""The invite mail as it reads, and that nothing in a name or a text can become more than text."""

import base64
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import pytest
from css_inline import CSSInliner

from services.notifier.common import wording
from services.notifier.common.templates import templates
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound import renderer
from services.notifier.topics import BY_NAME
from services.notifier.topics.invites import INVITE as TOPIC
from services.notifier.topics.sections import sections
from tests.notifier import samples
from tests.notifier.helpers import own_settings

SHOWN = Path(__file__).parents[3] / "docs/mails"
LINKS = {
    "console_url": "http://localhost:8080/console",
    "unsubscribe_url": "http://localhost:8080/unsubscribe/" + "t" * 100,
}
PAGE = "http://localhost:8080/console/invites/0d1e0000-0000-4000-8000-000000000007"
CONTEXT = {
    "invite_id": "0d1e0000-0000-4000-8000-000000000007",
    "campaign_name": "Spring Showroom Push",
    "participation_ask": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
    "supplier_name": "Nordic Heating",
    "retailer_name": "Fjord Retail",
    "start_date": "2026-04-01T00:00:00Z",
    "end_date": "2026-05-15T00:00:00Z",
}
SCRIPT = "<script>alert(1)</script>"
SMUGGLED = "Sale\r\nBcc: everybody@x.example\r\n\r\n<b>body</b>"


def compose(name="Rolf Fjord", address="rolf@fjord-retail.example", **changes):
    context = CONTEXT | changes
    delivery = Delivery(
        id=uuid4(),
        template="invite",
        address=address,
        context=context,
        subject=TOPIC.subject_of(context),
        message_id="<0190.ab@concord.example>",
        queued_at=datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
    )
    letter = renderer.compose(delivery, name, own_settings(), LINKS, time_zone="Europe/Oslo")
    return letter, message_from_bytes(letter.content, policy=default)


def bodies(message):
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


def test_the_invite_carries_what_the_retailer_needs():
    """S0-27: the campaign's name, in the subject and in both bodies."""
    letter, message = compose()
    assert message["Subject"] == "Spring Showroom Push: Nordic Heating invites you"
    assert message["To"] == "Rolf Fjord <rolf@fjord-retail.example>"
    assert message["From"] == "Concord <no-reply@concord.example>"
    assert message["Message-ID"] == letter.message_id == "<0190.ab@concord.example>"
    assert message["Date"] == "Sun, 01 Mar 2026 08:30:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    for body in bodies(message):
        for part in ("Spring Showroom Push", "Nordic Heating", "run the 10% bundle offer.", PAGE):
            assert part in body
        assert "1 April 2026, 02:00 CEST" in body
        assert "15 May 2026, 02:00 CEST" in body
        assert "Times are in the time zone Europe/Oslo." in body


def test_the_letter_goes_through_any_server():
    letter, _message = compose("Jörg Ø", campaign_name="Frühling 🌷 " + "lang " * 60)
    assert letter.content.isascii()
    assert all(len(line) <= 998 for line in letter.content.split(b"\r\n"))
    assert b"\r\nMessage-ID: <" in letter.content
    assert b"\n" not in letter.content.replace(b"\r\n", b"")


def test_styles_stand_on_the_elements_and_dark_mode_stays():
    _text, html = bodies(compose()[1])
    [button] = re.findall(r'<a [^>]*class="button"[^>]*>', html)
    assert f'href="{PAGE}"' in button
    assert 'style="display: inline-block' in button
    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 480px)" in html
    assert "<link" not in html
    assert "src=" not in html


@pytest.mark.parametrize("field", ["campaign_name", "participation_ask", "supplier_name", "retailer_name"])
def test_markup_in_any_text_shows_as_text(field):
    _letter, message = compose(**{field: f"{SCRIPT}\"'&{{{{ 7*7 }}}}"})
    text, html = bodies(message)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert SCRIPT in text
    assert "{{ 7*7 }}" in text


@pytest.mark.parametrize("field", ["campaign_name", "supplier_name"])
def test_no_header_can_be_smuggled_in_by_a_name(field):
    letter, message = compose(**{field: SMUGGLED})
    assert "Bcc" not in message
    assert "\n" not in message["Subject"]
    assert "Sale Bcc: everybody@x.example <b>body</b>" in message["Subject"]
    assert letter.recipient == "rolf@fjord-retail.example"


HEADERS = sorted(
    [
        *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
        *("List-Unsubscribe", "List-Unsubscribe-Post"),
    ]
)
ENCODED = [
    "=?utf-8?q?a=0D=0ABcc=3A_evil=40x.example?=",
    "=?utf-8?b?" + base64.b64encode(b"Hi\r\nReply-To: e@x.example\r\n\r\n<h1>Sign in</h1>").decode() + "?=",
    "=?utf-8?q?hello?=",
    "=?=?utf-8?q?x?=",
]


@pytest.mark.parametrize("encoded", ENCODED)
def test_an_encoded_word_in_a_name_arrives_as_it_was_written(encoded):
    """The campaign's and the person's name; nothing in them is decoded into headers or a body (S0-27)."""
    letter, message = compose(encoded, campaign_name=encoded)
    assert sorted(message.keys()) == HEADERS
    assert encoded in str(message["Subject"]).replace("\u2060", "")
    assert encoded in message.get_body(("plain",)).get_content()
    [only] = message["To"].addresses
    assert only.addr_spec == letter.recipient == "rolf@fjord-retail.example"
    assert b"Bcc" not in letter.content.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (SMUGGLED, "Sale Bcc everybody x.example b body /b"),
        ('"Evil" <evil@x.example>, Rolf', "Evil evil x.example Rolf"),
        ("=?utf-8?q?evil?= (x)", None),
        ("Jörg Ærlig, " * 30, None),
        ("", ""),
    ],
)
def test_a_name_never_becomes_an_address(name, shown):
    letter, message = compose(name)
    [only] = message["To"].addresses
    assert only.addr_spec == letter.recipient == "rolf@fjord-retail.example"
    assert "Bcc" not in message
    if shown is not None:
        assert only.display_name == shown


def test_no_mail_can_be_made_for_no_address():
    with pytest.raises(wording.Unmailable):
        compose(address="rolf@fjord-retail.example\r\nBcc: b@x.example")
    with pytest.raises(wording.Unmailable):
        compose(address=None)


def test_the_sender_and_the_domain_are_settings(configure):
    configure(MAIL_FROM="Nord Portal <post@nord.example>")
    assert own_settings().domain == "nord.example"
    assert compose()[1]["From"] == "Nord Portal <post@nord.example>"
    configure(MAIL_DOMAIN="mail.nord.example")
    assert own_settings().domain == "mail.nord.example"


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_mail_reads_well_as_text_and_as_html(name):
    letter, message = samples.sample(name)
    assert letter.content.isascii()
    assert all(len(line) <= 998 for line in letter.content.split(b"\r\n"))
    is_choice = not BY_NAME[samples.SAMPLES[name][0]].account
    for body in bodies(message):
        assert (samples.LINKS["unsubscribe_url"] in body) is is_choice
        signs_in = not name.startswith(("affiliate-", "commission-")) and name != "digest-affiliate"
        assert (f"{samples.CONSOLE}/account/notifications" in body) is (signs_in and is_choice)
        assert "{{" not in body
        assert "\n\n\n\n" not in body
    text, html = bodies(message)
    assert "<" not in text
    assert html.startswith("<!DOCTYPE html>")
    assert "@media (prefers-color-scheme: dark)" in html


def test_every_kind_of_mail_has_a_sample():
    assert {template for template, _context in samples.SAMPLES.values()} == set(BY_NAME)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_the_samples_that_are_shown_are_what_is_sent(name):
    """``make mails`` writes them again, with pictures to be looked at."""
    assert (SHOWN / f"{name}.html").read_text() == samples.html_of(name)
    assert (SHOWN / f"{name}.txt").read_text() == samples.text_of(name)
    assert (SHOWN / f"{name}.png").exists()


def spoilt(name, addition):
    """What a sample says, with an addition to everything that somebody wrote."""

    def spoil(said):
        if isinstance(said, dict):
            return {key: spoil(value) for key, value in said.items()}
        if isinstance(said, list):
            return [spoil(value) for value in said]
        remaining = not isinstance(said, str) or re.match(r"\d{4}-\d\d-\d\dT|\w{8}-0000-", said)
        return said if remaining else f"{said}{addition}"

    _template, context = samples.SAMPLES[name]
    return {key: value if key == "cadence" else spoil(value) for key, value in context.items()}


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_script_in_anything_that_is_said_shows_as_text(name):
    _letter, message = samples.sample(name, **spoilt(name, SCRIPT))
    _text, html = bodies(message)
    assert "<script" not in html
    assert ("&lt;script&gt;" in html) is (name != "password-reset"), "which says nothing that anybody wrote"


@pytest.mark.parametrize("addition", ["", f" \"'& &amp; {SCRIPT}</p></td> \ue0000\ue001"])
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_mail_reads_as_if_its_styles_were_written_into_it_alone(name, addition):
    """Although they are written once for all mails of its shape, into a page with gaps."""
    template, _context = samples.SAMPLES[name]
    said = (
        spoilt(name, addition) | samples.links_of(name) | {"subject": f"Subject{addition}", "time_zone": "Europe/Oslo"}
    )
    page = templates().get_template(f"{template}.html").render(said)
    alone = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False).inline(page)
    _text, html = renderer.render(template, said)
    assert Seen(html).parts == Seen(alone).parts


class Seen(HTMLParser):
    """What a reader of HTML sees: tags with what they carry, and texts, however these are written."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.parts = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.parts.append((tag, attrs))

    def handle_endtag(self, tag):
        self.parts.append(f"/{tag}")

    def handle_data(self, data):
        self.parts.append(data)


def test_a_long_text_in_a_digest_ends_with_a_whole_character():
    note = "x" * 498 + "👩‍👩‍👧‍👦 and more"
    _letter, message = samples.sample(
        "digest-weekly", sections=sections([("response", samples.RESPONSE | {"note": note})])
    )
    for body in bodies(message):
        assert "x" * 498 + "…" in body.replace("\n", "")


def test_one_click_turns_mail_off(configure):
    """RFC 8058: both headers, the link whole on one line however long it is."""
    letter, message = samples.sample("invite")
    link = samples.LINKS["unsubscribe_url"]
    assert message["List-Unsubscribe"] == f"<{link}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in letter.content


OF_ACCOUNTS = [name for name, (template, _context) in samples.SAMPLES.items() if BY_NAME[template].account]


@pytest.mark.parametrize("name", OF_ACCOUNTS)
def test_mail_about_an_account_offers_no_way_to_turn_it_off(name):
    letter, message = samples.sample(name)
    assert "List-Unsubscribe" not in message
    assert "List-Unsubscribe-Post" not in message
    assert b"unsubscribe" not in letter.content.lower()
    for body in bodies(message):
        assert "You get this mail because" in body


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_link_leads_to_a_page_for_people(name):
    """No button leads to JSON, and nothing is loaded or counted: what is linked is a page of ours."""
    _text, html = bodies(samples.sample(name)[1])
    links = re.findall(r'(?:href|src)="([^"]*)"', html)
    site = "https://concord.example"
    pages = (f"{site}/console/", f"{site}/account/", f"{site}/unsubscribe/")
    assert [link for link in links if not link.startswith(pages)] == []
    assert "<img" not in html


def test_an_invite_that_was_queued_before_it_had_a_page_leads_to_all_invites():
    """Its row was written by older code, without the invite's id."""
    delivery_context = {name: value for name, value in CONTEXT.items() if name != "invite_id"}
    said = delivery_context | LINKS | {"subject": "Subject", "time_zone": "Europe/Oslo"}
    for body in renderer.render("invite", said):
        assert "http://localhost:8080/console/invites\n" in body or '/console/invites"' in body


def test_mails_of_a_thread_belong_together():
    first, second = samples.sample("message")[1], samples.sample("message")[1]
    assert first["References"] == first["In-Reply-To"] == second["References"]
    assert samples.THREAD["thread_id"] in first["References"]
    assert first["References"] != first["Message-ID"]
    assert samples.sample("invite")[1]["References"] is None
