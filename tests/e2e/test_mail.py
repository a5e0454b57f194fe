"""Mail from end to end, into a real mail server, and what people do about it."""

from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import requests
from sqlalchemy import func, select, update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.notifier.audience.models import DigestItem
from tests.e2e.harness import OPERATOR, new_user, until
from tests.e2e.test_co_marketing import GOLD, SPRING

NOTIFICATIONS = "/api/v1/notifications"
THREADS = "/api/v1/messaging/threads"
ARTWORK = {"subject": "Spring campaign artwork", "firstMessage": "Hi — here is the artwork for the spring push."}


def about(platform, user, subject):
    return [mail for mail in platform.mailbox(user.email) if subject in mail["subject"]]


def test_messages_are_mailed_to_the_other_party_until_it_wants_no_more(platform, network):
    """S0-61, D14: what was written close together is one mail; one click ends it, without signing in."""
    anna = network.supplier
    first, rolf = next(iter(network.retailers.items()))
    thread = f"{THREADS}/{anna.post(THREADS, {'retailerId': first, **ARTWORK}).json()['id']}"
    assert anna.post(f"{thread}/messages", {"body": "The banner follows."}).status_code == 201
    (mail,) = until(lambda: about(platform, rolf, "artwork"), what="the mail about the messages")
    assert "here is the artwork" in mail["text"]
    assert "The banner follows." in mail["text"]
    assert about(platform, anna, "artwork") == []

    assert rolf.post(f"{thread}/messages", {"body": "It works."}).status_code == 201
    (answer,) = until(lambda: about(platform, anna, "artwork"), what="the mail about the answer")
    assert "It works." in answer["html"]

    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = platform.url + urlsplit(mail["headers"]["List-Unsubscribe"].strip("<>")).path
    assert requests.get(link, timeout=10).status_code == 200
    assert rolf.get(f"{NOTIFICATIONS}/preferences").json()["topics"]["message"] == "instant"
    assert requests.post(link, data={"List-Unsubscribe": "One-Click"}, timeout=10).status_code == 200
    assert rolf.get(f"{NOTIFICATIONS}/preferences").json()["topics"]["message"] == "off"
    assert requests.post(f"{link}x", timeout=10).status_code == 404
    assert anna.post(f"{thread}/messages", {"body": "Good."}).status_code == 201
    assert rolf.post(f"{thread}/messages", {"body": "Until Monday."}).status_code == 201
    until(lambda: len(about(platform, anna, "artwork")) == 2, what="the mail after the one that was not wanted")
    assert len(about(platform, rolf, "artwork")) == 1


def test_mail_reaches_a_domain_of_any_letters(platform, network):
    """D62: one mailbox, whose domain every mail server takes."""
    anna, retailer_id = network.supplier, next(iter(network.retailers))
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    olav = new_user(platform, operator, retailer_id, f"olav@søk-{tag}.example", "RetailerAdmin")
    thread = anna.post(THREADS, {"retailerId": retailer_id, **ARTWORK}).json()
    me = olav.get("/api/v1/me").json()
    assert me["email"].startswith("olav@xn--sk-")
    assert olav.get(f"{THREADS}/{thread['id']}").status_code == 200
    (mail,) = until(lambda: about(platform, platform.user(me["email"]), "artwork"), what="the mail to the domain")
    assert mail["headers"]["To"].endswith(f"<{me['email']}>")


def test_people_choose_what_they_hear_of(platform, own_network):
    """S0-68: and see what was sent; another tenant sees nothing of it (S0-9)."""
    (_, rolf), (_, rita), _ = own_network.retailers.items()
    until(lambda: about(platform, rolf, "wants to work with you"), what="the mail about the relationship")
    read = rolf.get(f"{NOTIFICATIONS}/preferences")
    chosen = rolf.put(
        f"{NOTIFICATIONS}/preferences",
        {"topics": {"invite": "weekly"}, "timeZone": "Europe/Oslo", "sendAt": "07:30", "weekday": "friday"},
        headers={"If-Match": read.headers["ETag"]},
    )
    assert (chosen.status_code, chosen.json()["topics"]["invite"]) == (200, "weekly")
    stale = rolf.put(f"{NOTIFICATIONS}/preferences", {"sendAt": "09:00"}, headers={"If-Match": read.headers["ETag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert rita.get(f"{NOTIFICATIONS}/preferences").json()["topics"]["invite"] == "instant"
    sent = rolf.get(f"{NOTIFICATIONS}/deliveries?state=sent").json()["items"]
    assert {(item["to"], item["topic"]) for item in sent} == {(rolf.email, "relationship")}
    assert requests.get(f"{platform.url}/dev/mailbox.json", timeout=10).status_code == 404


DIGESTED = dict.fromkeys(("invite", "message", "tier"), "daily")


def test_a_digest_tells_of_what_happened_since_the_last_one(platform, own_network):
    """S0-68, D17: in its sections, instead of a mail for each; the supplier's tells of answers without having asked."""
    anna = own_network.supplier
    first, rolf = next(iter(own_network.retailers.items()))
    assert rolf.put(f"{NOTIFICATIONS}/preferences", {"topics": DIGESTED}).status_code == 200
    campaign = anna.post("/api/v1/campaigns", SPRING).json()["id"]
    assert anna.post(f"/api/v1/campaigns/{campaign}/send", {"retailerIds": [first]}).status_code == 200
    thread = anna.post(THREADS, {"retailerId": first, **ARTWORK}).json()["id"]
    assert anna.post(f"{THREADS}/{thread}/messages", {"body": "The banner follows."}).status_code == 201
    tier = anna.post("/api/v1/prm/tiers", GOLD).json()["id"]
    assert anna.post(f"/api/v1/prm/tiers/{tier}/assign", {"retailerId": first}).status_code == 200
    invite = rolf.get("/api/v1/campaigns/invites").json()["items"][0]["id"]
    answer = {"response": "Accepted", "note": "Happy to join."}
    assert rolf.post(f"/api/v1/campaigns/invites/{invite}/respond", answer).status_code == 200

    come_due(platform, {first: 4, own_network.supplier_id: 1})
    (theirs,) = until(lambda: about(platform, rolf, "summary"), what="the retailer's digest")
    sections = ("NEW INVITES", "Spring Showroom Push", "UNREAD CONVERSATIONS", "artwork: 2 new", "YOUR TIERS", "Gold")
    places = [theirs["text"].index(said) for said in sections]
    assert places == sorted(places)
    assert "Gold" in theirs["html"]
    (ours,) = until(lambda: about(platform, anna, "summary"), what="the supplier's digest")
    assert "Spring Showroom Push: 1 accepted, 0 declined" in ours["text"]
    sent = rolf.get(f"{NOTIFICATIONS}/deliveries?topic=digest").json()["items"]
    assert [(item["state"], item["to"]) for item in sent] == [("sent", rolf.email)]
    assert {mail["subject"] for mail in platform.mailbox(rolf.email)} == {
        theirs["subject"],
        *(mail["subject"] for mail in about(platform, rolf, "wants to work with you")),
    }


def come_due(platform, expected):
    """Nobody waits for the morning: so many entries of each tenant's digests are written, and due a minute ago."""
    with closing(platform.database("notifier")) as database, acting_as(Principal.system("notifier")):
        for tenant, count in expected.items():
            mine = DigestItem.tenant_id == UUID(tenant)
            until(lambda mine=mine, count=count: written(database, mine) == count, what="what the digest tells")
            with database.begin() as session:
                session.execute(update(DigestItem).where(mine).values(due_at=utcnow() - timedelta(minutes=1)))


def written(database, whose):
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(DigestItem).where(whose))
