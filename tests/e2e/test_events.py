"""What happened, as other systems learn of it: from the event log and by webhook, also when the notifier is killed."""

import json
import threading
from itertools import pairwise

from standardwebhooks.webhooks import Webhook

from tests.e2e.harness import until
from tests.notifier.receivers import Receiver

EVENTS, WEBHOOKS = "/api/v1/events", "/api/v1/webhooks"
CAMPAIGN = {
    "name": "Spring Showroom Push",
    "description": "Co-branded spring promotion across showroom partners.",
    "participationAsk": "Feature the spring display for 4 weeks.",
    "startDate": "2027-04-01T00:00:00Z",
    "endDate": "2027-05-15T00:00:00Z",
}


def read_on(user, cursor, **wanted):
    """Everything after a cursor, and the cursor behind it."""
    found = []
    while True:
        page = user.get(EVENTS, params={"after": cursor, **wanted}).json()
        found, cursor = found + page["items"], page["next"]
        if not page["hasMore"]:
            return found, cursor


def run_a_campaign(network):
    """A campaign that every retailer accepts; how many events the supplier sees of it, at least."""
    supplier = network.supplier
    campaign = supplier.post("/api/v1/campaigns", CAMPAIGN).json()["id"]
    sent = supplier.post(f"/api/v1/campaigns/{campaign}/send", {"retailerIds": list(network.retailers)})
    assert sent.status_code == 200, sent.text
    for retailer in network.retailers.values():
        items = retailer.get("/api/v1/campaigns/invites?status=Pending").json()["items"]
        for invite in items:
            answer = retailer.post(f"/api/v1/campaigns/invites/{invite['id']}/respond", {"response": "Accepted"})
            assert answer.status_code == 200
    return 2 * len(network.retailers)


def assert_in_order(events):
    """Within each subject the sequence only goes up."""
    by_subject = {}
    for event in events:
        by_subject.setdefault(event["subject"], []).append(event["sequence"])
    for sequences in by_subject.values():
        assert all(before < after for before, after in pairwise(sequences)), by_subject


def test_every_event_reaches_the_log_and_the_receiver_in_order_though_the_notifier_is_killed(platform, network):
    supplier = network.supplier
    victims = [name for name in platform.names() if name in ("notifier", "notifier-consumer", "notifier-scheduler")]
    cursor = supplier.get(f"{EVENTS}?after=latest").json()["next"]
    killed = threading.Event()

    def answer(_headers, _body):
        if len(receiver.taken) == 3 and not killed.is_set():
            for name in victims:
                platform.kill(name)
            killed.set()
        return 204

    with Receiver() as receiver:
        receiver.answer = answer
        webhook = supplier.post(WEBHOOKS, {"url": receiver.url, "types": ["campaigns.*"]}).json()
        expected = run_a_campaign(network)
        try:
            assert killed.wait(60), "nothing arrived"
            expected += run_a_campaign(network)
        finally:
            for name in victims:
                if name not in platform.processes:
                    platform.start(name)
            platform.wait_until_ready(*victims)
        logged = until(
            lambda: len(found := read_on(supplier, cursor, types="campaigns.*")[0]) >= expected and found,
            within=90,
            what="every event in the log",
        )
        messages = f"{WEBHOOKS}/{webhook['id']}/messages"
        delivered = f"{messages}?state=delivered"
        until(lambda: supplier.get(delivered).json()["totalItems"] == len(logged), within=90, what="the deliveries")
        assert supplier.get(messages).json()["totalItems"] == len(logged)

    received = [Webhook(webhook["secret"]).verify(body, dict(headers)) for _, headers, body in receiver.taken]
    first = {event["id"]: event for event in reversed(received)}
    assert first == {event["id"]: event for event in logged}, "nothing lost, nothing changed"
    assert len(received) <= len(logged) + 4, "what was on its way was sent again, and nothing else"
    assert_in_order(logged)
    assert_in_order(list({event["id"]: event for event in received}.values()))
    assert supplier.delete(f"{WEBHOOKS}/{webhook['id']}").status_code == 204


def test_who_waits_hears_at_once_and_only_of_its_own(network):
    """Through the gateway; S0-9."""
    rolf, rita, _ = network.retailers.values()
    cursors = {user: user.get(f"{EVENTS}?after=latest").json()["next"] for user in (rolf, rita)}
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(rolf.get(EVENTS, params={"after": cursors[rolf], "wait": 20})), daemon=True
    )
    waiting.start()
    first = next(iter(network.retailers))
    thread = {"retailerId": first, "subject": "Artwork", "firstMessage": "Hello"}
    assert network.supplier.post("/api/v1/messaging/threads", thread).status_code == 201
    waiting.join(30)
    [answer] = answers
    assert answer.status_code == 200
    assert {item["type"] for item in answer.json()["items"]} <= {
        "messaging.ThreadStarted.v1",
        "messaging.MessagePosted.v1",
    }
    assert answer.json()["items"]
    assert network.supplier_id not in json.dumps([{**item, "data": {}} for item in answer.json()["items"]])
    found, _ = read_on(rita, cursors[rita])
    assert [event for event in found if event["type"].startswith("messaging.")] == []
