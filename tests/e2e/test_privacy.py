"""A person of a running platform: the export has every row that a search for their address finds in all databases, and
after the erasure that search finds nothing."""

import io
import json
import zipfile
from contextlib import closing
from uuid import uuid4

import requests

from chassis.data.database import Database
from concord.platform import SERVICES
from tests.e2e.harness import OPERATOR, new_user, until
from tests.plugin.search import rows_with


def search(platform, text):
    """``{(service, table): rows}`` of every database."""
    hits = {}
    for name in SERVICES:
        with closing(platform.database(name)) as database:
            for table, row in rows_with(database.engine, text):
                hits.setdefault((name, table), []).append(row)
    return hits


def search_broker(platform, text):
    """Rows of the embedded broker's file; the real one's archive keeps them until it ends (docs/privacy.md)."""
    if platform.engines.name != "embedded":
        return []
    with closing(Database(f"sqlite:///{platform.home}/broker.db", pool_size=1)) as database:
        return rows_with(database.engine, text)


def erase(platform, user_id, tenant_id):
    """As a colleague does it, who is an admin too."""
    colleague = f"carl-{uuid4().hex[:8]}@supplier.example"
    carl = new_user(platform, platform.user(*OPERATOR), tenant_id, colleague, "SupplierAdmin")
    assert carl.post(f"/api/v1/tenant/users/{user_id}/erase").status_code == 204


def fetch(user, path):
    answer = user.get(path)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        return {name.removesuffix(".json"): json.loads(files.read(name)) for name in files.namelist() if "json" in name}


def busy(network):
    """Let the supplier's Anna leave traces everywhere: a campaign, a conversation, mails, webhooks and a digest."""
    anna, (shop_id, shop) = network.supplier, next(iter(network.retailers.items()))
    hook = {"url": "http://127.0.0.1:9/", "types": ["identity.*", "messaging.*"]}
    assert anna.post("/api/v1/webhooks", hook).status_code == 201
    body = {
        "name": "Spring",
        "description": "Co-branded.",
        "participationAsk": "Join.",
        "startDate": "2026-04-01T00:00:00Z",
        "endDate": "2026-05-01T00:00:00Z",
    }
    campaign = anna.post("/api/v1/campaigns", body).json()["id"]
    assert anna.post(f"/api/v1/campaigns/{campaign}/send", {"retailerIds": [shop_id]}).status_code == 200
    letter = {"retailerId": shop_id, "subject": "Artwork", "firstMessage": "Here it is."}
    thread = anna.post("/api/v1/messaging/threads", letter).json()["id"]
    assert shop.post(f"/api/v1/messaging/threads/{thread}/messages", {"body": "It works."}).status_code == 201
    invite = shop.get("/api/v1/campaigns/invites").json()["items"][0]["id"]
    accepted = shop.post(f"/api/v1/campaigns/invites/{invite}/respond", {"response": "Accepted"})
    assert accepted.status_code == 200
    until(lambda: len(network.platform.mailbox(anna.email)) >= 2, within=60, what="Anna's mails")
    until(lambda: network.platform.mailbox(shop.email), within=60, what="the shop's mails")


def test_an_export_has_all_and_an_erasure_leaves_nothing(platform, own_network):
    busy(own_network)
    anna = own_network.supplier
    me = anna.get("/api/v1/me").json()
    name = me["name"]
    hits = search(platform, anna.email)
    assert {service for service, _ in hits} >= {"identity", "notifier"}
    assert ("notifier", "deliveries") in hits
    assert ("messaging", "messages") in search(platform, name)
    assert search_broker(platform, anna.email) or platform.engines.name != "embedded"

    assert anna.post("/api/v1/me/export").status_code == 202
    export = until(
        lambda: (answer := anna.get("/api/v1/me/export").json())["state"] == "ready" and answer, within=60, what="it"
    )
    assert export["progress"] == dict.fromkeys(SERVICES, "done")
    archive = fetch(anna, export["archive"])
    for (service, table), rows in hits.items():
        exported = json.dumps(archive[service][table]).replace("-", "")
        for row in rows:
            key = next(iter(row[column] for column in ("id", "event_id", "position", "address") if column in row))
            assert str(key).replace("-", "") in exported, (service, table)

    erase(platform, me["userId"], own_network.supplier_id)
    until(lambda: not search(platform, anna.email), within=90, what="the erasure")
    until(lambda: not search(platform, name), within=90, what="the erasure of the name")
    for text in (anna.email, name):
        until(lambda text=text: not search_broker(platform, text), within=90, what="the erasure in the broker's file")
    # Everything goes on: the colleague works, the shop reads the conversation, and it says who is gone.
    assert own_network.viewer.get("/api/v1/campaigns").status_code == 200
    shop = next(iter(own_network.retailers.values()))
    thread = shop.get("/api/v1/messaging/threads").json()["items"][0]["id"]
    messages = shop.get(f"/api/v1/messaging/threads/{thread}/messages").json()["items"]
    assert messages[0]["senderName"] == "former user"
    assert [message["body"] for message in messages] == ["Here it is.", "It works."]
    form = {"grant_type": "password", "username": anna.email, "password": anna.password}
    assert requests.post(f"{platform.url}/oauth/token", data=form, timeout=20).status_code in (400, 401)
