"""What happened, as other systems learn of it: from the event log and by webhook, also when the notifier is killed."""

import json
import threading
from itertools import pairwise

import requests
from standardwebhooks.webhooks import Webhook

from tests.e2e.harness import OPERATOR, build_merchant, until
from tests.notifier.webhooks.receivers import Receiver

EVENTS, WEBHOOKS = "/api/v1/events", "/api/v1/webhooks"
CAMPAIGN = {
    "name": "Spring Showroom Push",
    "description": "Co-branded spring promotion across showroom partners.",
    "participationAsk": "Feature the spring display for 4 weeks.",
    "startDate": "2027-04-01T00:00:00Z",
    "endDate": "2027-05-15T00:00:00Z",
}


def read_on(user, cursor, **filters):
    """Everything after a cursor, and the cursor behind it."""
    events = []
    while True:
        page = user.get(EVENTS, params={"after": cursor, **filters}).json()
        events, cursor = events + page["items"], page["next"]
        if not page["hasMore"]:
            return events, cursor


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
    """Within each source and subject the sequence only goes up (D63)."""
    series = {}
    for event in events:
        series.setdefault((event["source"], event["subject"]), []).append(event["sequence"])
    for sequences in series.values():
        assert all(before < after for before, after in pairwise(sequences)), series


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
            lambda: len(events := read_on(supplier, cursor, types="campaigns.*")[0]) >= expected and events,
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


def test_what_two_services_tell_of_one_merchant_is_all_in_the_log_and_at_its_webhook(platform):
    """D63: three clicks, each told of by itself, then two new names of the same tenant."""
    merchant, operator = build_merchant(platform), platform.user(*OPERATOR)
    admin, api = merchant.admin, "/merchant/api/v1"
    settings = {"fallbackUrl": "https://shop.example/", "affiliateApprovalRequired": False}
    assert admin.put(f"{api}/settings", settings).status_code == 200
    campaign = admin.post(f"{api}/campaigns", {"title": "Sale", "approvalRequired": False}).json()["id"]
    assert admin.post(f"{api}/campaigns/{campaign}/activate").status_code == 200
    affiliate = admin.post(f"{api}/affiliates", {"name": "Bina", "email": "bina@clicks.example"}).json()["id"]
    body = {"affiliateId": affiliate, "destination": "https://shop.example/shoes"}
    link = admin.post(f"{api}/campaigns/{campaign}/links", body).json()
    types = ["affiliates.ClickRecorded.v1", "identity.TenantChanged.v2"]
    cursor = admin.get(f"{EVENTS}?after=latest").json()["next"]

    def logged_events():
        return read_on(admin, cursor, types=",".join(types))[0]

    with Receiver() as receiver:
        webhook = admin.post(WEBHOOKS, {"url": receiver.url, "types": types}).json()["id"]
        for number in (1, 2, 3):
            requests.get(f"{platform.url}/r/{link['code']}", allow_redirects=False, timeout=20)
            until(lambda number=number: len(logged_events()) == number, what=f"click {number} in the log")
        for number in (4, 5):
            named = operator.ask("PATCH", f"/api/v1/admin/tenants/{merchant.tenant_id}", {"name": f"Name {number}"})
            assert named.status_code == 200, named.text
            until(lambda number=number: len(logged_events()) == number, what=f"new name {number} in the log")
        logged = logged_events()
        delivered = f"{WEBHOOKS}/{webhook}/messages?state=delivered"
        until(lambda: admin.get(delivered).json()["totalItems"] == 5, what="the deliveries")
    assert [event["type"] for event in logged] == [*types[:1] * 3, *types[1:] * 2]
    assert {event["subject"] for event in logged} == {merchant.tenant_id}
    assert sorted(headers["webhook-id"] for _, headers, _ in receiver.taken) == sorted(e["id"] for e in logged)
    assert_in_order(logged)
    assert admin.delete(f"{WEBHOOKS}/{webhook}").status_code == 204


def test_a_kind_of_events_that_nobody_publishes_is_refused_with_the_nearest(network):
    for answer in (
        network.supplier.get(EVENTS, params={"types": "campaigns.InviteCreated"}),
        network.supplier.post(WEBHOOKS, {"url": "https://hooks.example/", "types": ["campaigns.InviteCreated"]}),
    ):
        assert answer.status_code == 422
        assert "campaigns.InviteCreated.v1" in answer.json()["errors"][0]["message"]


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
    events, _ = read_on(rita, cursors[rita])
    assert [event for event in events if event["type"].startswith("messaging.")] == []
