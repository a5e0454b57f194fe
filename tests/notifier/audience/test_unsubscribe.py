"""The link in every mail that turns its kind off without signing in (RFC 8058)."""

import re
import threading
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience.contacts import drop_contact
from services.notifier.audience.models import Preferences
from services.notifier.audience.rules import DIGESTS
from services.notifier.topics import DEFAULTS
from tests.notifier.audience.test_notices import wait_until_blocked
from tests.notifier.helpers import (
    FJORD,
    PREFERENCES,
    ROLF,
    SYSTEM,
    choose,
    deliveries,
    invite_created,
    message_posted,
    queue,
    send,
    states,
    tier_assigned,
    user_added,
    user_removed,
    write_digests,
)
from tests.plugin import principal

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def anybody(notifier):
    return notifier.client(None)


def link_of(message):
    return urlsplit(message["List-Unsubscribe"].strip("<>")).path


@pytest.fixture
def link(notifier, inbox):
    """That of an invite Rolf got."""
    queue(notifier)
    send(notifier)
    return link_of(inbox.messages[0])


def topics(notifier):
    rolf = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD, user_id=ROLF))
    return rolf.get(PREFERENCES).json["topics"]


def test_every_mail_has_it_in_its_head_and_its_foot(notifier, inbox, link):
    [message] = inbox.messages
    assert message["List-Unsubscribe"] == f"<http://localhost:8080{link}>"
    for kind in ("plain", "html"):
        assert link in message.get_body((kind,)).get_content()


def test_one_click_turns_the_topic_off_at_once(notifier, inbox, anybody, link):
    """Also for what is queued already, and for that topic alone."""
    notifier.deliver(invite_created(), message_posted())
    answer = anybody.post(link, data=ONE_CLICK)
    assert answer.status_code == 200
    assert b"You will get no more mails about invites to campaigns." in answer.data
    assert (topics(notifier)["invite"], topics(notifier)["message"]) == ("off", "instant")
    notifier.deliver(invite_created())
    send(notifier)
    assert states(notifier) == ["new", "sent", "suppressed"]


@pytest.mark.parametrize("looked", ["get", "head", "options"])
def test_looking_at_it_changes_nothing(notifier, anybody, link, looked):
    """Programs that check the links of a mail do that."""
    answer = getattr(anybody, looked)(link)
    assert answer.status_code == 200
    assert topics(notifier)["invite"] == "instant"
    if looked == "get":
        assert re.search(rb'<form method="post">.*value="One-Click".*<button>', answer.data)
        assert answer.content_type == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert b"rolf" not in answer.data


@pytest.mark.parametrize(
    "body", [{"data": ONE_CLICK}, {"data": ONE_CLICK, "content_type": "multipart/form-data"}, {}, {"json": {}}]
)
def test_twice_is_once_whatever_is_posted(notifier, anybody, link, body):
    """Mail programs differ."""
    for _ in range(2):
        assert anybody.post(link, **body).status_code == 200
    assert topics(notifier)["invite"] == "off"


def test_it_is_in_the_audit_trail(notifier, anybody, link):
    """D8"""
    anybody.post(link, data=ONE_CLICK)
    rolf = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD, user_id=ROLF))
    [row] = rolf.get("/api/v1/notifications/audit").json["items"]
    assert (row["action"], row["actorName"]) == ("preferences.changed", "unsubscribe link")
    assert row["targetId"] == str(ROLF)


def test_that_of_a_digest_turns_off_what_comes_in_it(notifier, inbox, anybody):
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "daily", "message": "weekly", "tier": "daily"})
    notifier.deliver(invite_created())
    token = link_for(notifier, "daily")
    assert anybody.post(token, data=ONE_CLICK).status_code == 200
    remaining = {"message": "weekly", "relationship": "instant", "webhook": "instant"}
    assert topics(notifier) == remaining | dict.fromkeys(("invite", "tier", "response"), "off")
    assert deliveries(notifier) == []


@pytest.mark.parametrize(("off", "outcome"), [(["invite"], "sent"), (["invite", "tier"], "suppressed")])
def test_it_counts_for_a_digest_that_is_written_but_not_sent(notifier, inbox, anybody, off, outcome):
    """Topic by topic; where nothing is left there is no mail."""
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "daily", "tier": "daily"})
    notifier.deliver(invite_created(), tier_assigned())
    with time_machine.travel(utcnow() + timedelta(days=1)):
        write_digests(notifier)
        for topic in off:
            anybody.post(link_for(notifier, topic), data=ONE_CLICK)
        send(notifier)
    assert states(notifier) == [outcome]
    for message in inbox.messages:
        text = message.get_body(("plain",)).get_content()
        assert ("Gold partner" in text, "Spring Showroom Push" in text) == (True, False)


def link_for(notifier, what, user=ROLF):
    """A link as a mail of this kind to this user has it."""
    from services.notifier.audience.unsubscribe_links import _serializer

    return f"/unsubscribe/{_serializer(notifier.runtime.signer).dumps([str(user), what])}"


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: t + "A", lambda t: "A" + t, lambda t: "x", lambda t: "..."]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_was_changed_is_none(notifier, anybody, link, spoil, method):
    head, _, token = link.rpartition("/")
    answer = getattr(anybody, method)(f"{head}/{spoil(token)}")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert topics(notifier)["invite"] == "instant"


def test_a_link_is_good_for_its_user_and_topic_alone(notifier, anybody, link):
    """Nobody can make a link for somebody else out of their own."""
    notifier.deliver(user_added(other := uuid4(), FJORD, email="rita@fjord-retail.example"))
    own, theirs = (link_for(notifier, "invite", user).rpartition("/")[2] for user in (ROLF, other))
    mixed = theirs.split(".")[0] + "." + own.split(".")[1]
    assert anybody.post(f"/unsubscribe/{mixed}").status_code == 404
    assert anybody.post(link_for(notifier, "weather")).status_code == 404
    assert anybody.post(link_for(notifier, "digest")).status_code == 404


def test_that_of_a_removed_user_does_no_harm(notifier, anybody, link):
    notifier.deliver(user_removed())
    assert anybody.post(link, data=ONE_CLICK).status_code == 200
    assert topics(notifier)["invite"] == "instant"


@pytest.mark.parametrize("what", [*DEFAULTS, *DIGESTS])
def test_the_page_says_what_it_is_about(notifier, anybody, what):
    notifier.deliver(user_added())
    assert b"stop mails about" in anybody.get(link_for(notifier, what)).data
    assert b"no more mails about" in anybody.post(link_for(notifier, what)).data


def test_a_click_at_the_moment_of_the_users_removal_leaves_nothing_of_theirs(notifier, anybody):
    """It waits for the removal, and then finds nobody; what one has chosen goes with them."""
    if notifier.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    notifier.deliver(user_added())
    click = threading.Thread(target=lambda: anybody.post(link_for(notifier, "invite")))
    with acting_as(SYSTEM), notifier.database.begin() as session:
        drop_contact(session, ROLF, FJORD, sequence=2, now=utcnow())
        click.start()
        wait_until_blocked(notifier, click)
    click.join(10)
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert session.get(Preferences, ROLF) is None
