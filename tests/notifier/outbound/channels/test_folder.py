"""The development mailbox: what was sent, newest first, to anybody, safely; absent elsewhere."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.notifier.outbound.channels import folder
from services.notifier.outbound.channels.base import Letter
from tests.notifier.helpers import FJORD, deliveries, free_port, invite_created, queue, send, user_added

START = datetime(2026, 3, 1, tzinfo=UTC)


def letter(number, to="rolf@fjord-retail.example", text="Hello"):
    """Letter ``number``, a second after the one before."""
    message_id = f"<{number}@concord.example>"
    content = f"To: {to}\r\nSubject: Mail {number}\r\nMessage-ID: {message_id}\r\n\r\n{text}\r\n"
    return Letter("no-reply@concord.example", to, message_id, START + timedelta(seconds=number), content.encode())


@pytest.fixture
def mailbox(notifier):
    return notifier.runtime.settings.home / "mail"


@pytest.fixture
def anybody(notifier):
    return notifier.client(None)


def test_mail_appears_in_the_mailbox(notifier, anybody):
    assert anybody.get("/dev/mailbox.json").json == []
    queue(notifier)
    send(notifier)
    [mail] = anybody.get("/dev/mailbox.json").json
    assert set(mail) == {"to", "subject", "text", "html", "at"}
    assert mail["to"] == "rolf@fjord-retail.example"
    assert "Spring Showroom Push" in mail["subject"]
    assert mail["text"].startswith("Spring Showroom Push\n\nNordic Heating invites Fjord Retail")
    assert "<h1" in mail["html"]
    assert mail["at"].endswith("Z")
    assert [row.state for row in deliveries(notifier)] == ["sent"]


def test_the_newest_comes_first(notifier, anybody):
    queue(notifier, campaignName="First")
    send(notifier)
    notifier.deliver(invite_created(campaignName="Second"))
    send(notifier)
    subjects = [mail["subject"] for mail in anybody.get("/dev/mailbox.json").json]
    assert [subject.partition(":")[0] for subject in subjects] == ["Second", "First"]


def test_the_same_mail_again_replaces_itself(mailbox):
    folder.put(mailbox, letter(1))
    folder.put(mailbox, letter(1))
    assert len(list(mailbox.iterdir())) == 1
    assert len(folder.newest(mailbox)) == 1


def test_only_one_persons_mail(notifier, anybody, mailbox):
    folder.put(mailbox, letter(1))
    folder.put(mailbox, letter(2, to="Rita@Bergen-Bygg.example"))
    result = anybody.get("/dev/mailbox.json?to=rita@bergen-bygg.example").json
    assert [mail["subject"] for mail in result] == ["Mail 2"]
    assert anybody.get("/dev/mailbox.json?to=nobody@x.example").json == []
    assert anybody.get("/dev/mailbox?to=rita@bergen-bygg.example").data.count(b"<iframe") == 1


def test_of_many_only_the_newest_500_are_opened_and_each_once(tmp_path, monkeypatch):
    for number in range(600):
        folder.put(tmp_path, letter(number))
    opened, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or read_bytes(path))
    mails = folder.newest(tmp_path)
    assert [mail.subject for mail in mails] == [f"Mail {number}" for number in range(599, 99, -1)]
    assert folder.newest(tmp_path, to="nobody@x.example") == []
    assert folder.newest(tmp_path) == mails
    assert len(opened) == 500


def test_what_is_not_a_finished_mail_is_passed_over(mailbox):
    folder.put(mailbox, letter(1))
    (mailbox / "20260301T000000000000Z-x.eml.tmp").write_text("half")
    (mailbox / "notes.txt").write_text("mine")
    (mailbox / "sub.eml").mkdir()
    assert len(folder.newest(mailbox)) == 1


def test_the_page_shows_mail_without_letting_it_act(notifier, anybody):
    queue(notifier, campaignName="<script>alert(1)</script>", participationAsk='"></iframe><script>alert(2)</script>')
    send(notifier)
    answer = anybody.get("/dev/mailbox?to=%22%3E%3Cscript%3E")
    assert answer.status_code == 200
    assert b"<script" not in answer.data
    page = anybody.get("/dev/mailbox")
    assert page.content_type == "text/html; charset=utf-8"
    html = page.get_data(as_text=True)
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in html
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("query", ["from=x", "to=" + "x" * 321, "page=1"])
def test_unknown_questions_are_refused(anybody, query):
    assert anybody.get(f"/dev/mailbox.json?{query}").status_code == 422
    assert anybody.get(f"/dev/mailbox?{query}").status_code == 422


@pytest.mark.parametrize("path", ["/dev/mailbox", "/dev/mailbox.json", "/dev/mailbox.json?bad=1"])
def test_there_is_no_mailbox_where_mail_really_goes_out(notifier, anybody, configure, path):
    configure(SMTP_URL=f"smtp://127.0.0.1:{free_port()}")
    absent = anybody.get("/dev/nothing").json | {"requestId": 0}
    answer = anybody.get(path)
    assert answer.status_code == 404
    assert answer.json | {"requestId": 0} == absent


def test_there_is_no_mailbox_in_production(notifier, anybody, configure):
    configure(SMTP_URL="smtp://mail.example", NOTIFIER_SECRET="s" * 32)
    process = notifier.runtime.settings
    notifier.runtime.settings = replace(process, environment="production", public_url="https://concord.example")
    assert anybody.get("/dev/mailbox").status_code == 404
    assert anybody.get("/dev/mailbox.json").status_code == 404


def test_a_mail_sent_after_a_long_wait_is_a_new_one(notifier, anybody):
    """A mail that waited for a user is dated when it was addressed, not when the invite was."""
    notifier.deliver(invite_created(campaignName="Waited"))
    notifier.deliver(user_added(tenant_id=FJORD))
    notifier.deliver(invite_created(campaignName="Later"))
    send(notifier)
    assert anybody.get("/dev/mailbox.json").json[0]["subject"].startswith("Later")


@pytest.mark.parametrize("spelling", ["rolf@blåbær.example", "ROLF@BLÅBÆR.example", "rolf@xn--blbr-roah.example "])
def test_one_mailbox_is_found_however_it_is_spelled(notifier, anybody, spelling):
    """D62."""
    notifier.deliver(user_added(email="Rolf@Blåbær.example"), invite_created())
    send(notifier)
    [mail] = anybody.get("/dev/mailbox.json", query_string={"to": spelling}).json
    assert mail["to"] == "Rolf@xn--blbr-roah.example"
