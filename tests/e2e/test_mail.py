"""Mail from end to end, into a real mail server, and what people do about it."""

from urllib.parse import urlsplit

import requests

from tests.e2e.harness import until

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


def test_people_choose_what_they_hear_of(platform, network):
    """S0-68: and see what was sent; another tenant sees nothing of it (S0-9)."""
    (_, rolf), (_, rita), _ = network.retailers.items()
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
