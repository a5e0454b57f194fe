"""Conversations from end to end, with the requests of the source document word for word (ids apart)."""

from tests.e2e.harness import build_network

THREADS = "/api/v1/messaging/threads"
ARTWORK = {
    "subject": "Spring campaign artwork",
    "firstMessage": "Hi — here is the artwork for the spring push. Let me know if it works.",
}


def test_a_conversation_as_the_guide_tells_it(network):
    """S0-55 to S0-60 and S0-62 to S0-67."""
    anna = network.supplier
    (first, rolf), (second, rita), _ = network.retailers.items()
    assert anna.get(f"{THREADS}/unread-count").json() == {"unreadCount": 0}

    started = anna.post(THREADS, {"retailerId": first, **ARTWORK})
    assert started.status_code == 201, started.text
    thread = started.json()
    assert (thread["subject"], thread["supplierId"], thread["retailerId"]) == (
        ARTWORK["subject"],
        network.supplier_id,
        first,
    )
    address = f"{THREADS}/{thread['id']}"
    assert anna.post(THREADS, {"retailerId": second, **ARTWORK}).status_code == 201

    (listed,) = rolf.get(THREADS).json()["items"]
    assert (listed["id"], listed["unreadCount"]) == (thread["id"], 1)
    assert listed["lastMessagePreview"] == ARTWORK["firstMessage"]
    assert rolf.get(f"{THREADS}/unread-count").json() == {"unreadCount": 1}
    page = rolf.get(f"{address}/messages").json()
    assert (page["page"], page["pageSize"], page["totalItems"], page["totalPages"]) == (1, 20, 1, 1)
    (opening,) = page["items"]
    assert (opening["body"], opening["isSystem"]) == (ARTWORK["firstMessage"], True)
    assert opening["senderTenantId"] == network.supplier_id
    assert rolf.put(f"{address}/read").status_code == 204
    assert rolf.get(f"{THREADS}/unread-count").json() == {"unreadCount": 0}

    posted = rolf.post(f"{address}/messages", {"body": "It works."})
    assert (posted.status_code, posted.json()["isSystem"]) == (201, False)
    assert [item["retailerId"] for item in anna.get(THREADS).json()["items"]] == [first, second]
    assert anna.get(address).json()["unreadCount"] == 1
    assert anna.get(f"{THREADS}/unread-count").json() == {"unreadCount": 1}
    assert anna.post(f"{address}/messages", {"body": "Good."}).status_code == 201
    assert anna.get(f"{THREADS}/unread-count").json() == {"unreadCount": 0}
    answers = anna.get(f"{address}/messages?page=2&pageSize=2").json()
    assert ([item["body"] for item in answers["items"]], answers["totalPages"]) == (["Good."], 2)
    assert [item["id"] for item in rolf.get(f"{THREADS}?q=artwork").json()["items"]] == [thread["id"]]
    assert rita.get(f"{THREADS}?q=good").json()["items"] == []


def test_who_has_no_relationship_cannot_be_written_to(platform, network):
    """S0-56, D10: a relationship that has ended counts no more, what was begun stays readable."""
    other = build_network(platform, retailers=1)
    stranger = next(iter(other.retailers))
    refused = network.supplier.post(THREADS, {"retailerId": stranger, **ARTWORK})
    assert (refused.status_code, refused.json()["code"]) == (422, "no_relationship")
    assert other.retailers[stranger].get(THREADS).json()["items"] == []

    thread = other.supplier.post(THREADS, {"retailerId": stranger, **ARTWORK}).json()
    (relationship,) = other.supplier.get("/api/v1/prm/relationships").json()["items"]
    assert other.supplier.post(f"/api/v1/prm/relationships/{relationship['id']}/end").status_code == 200
    assert other.supplier.post(THREADS, {"retailerId": stranger, **ARTWORK}).status_code == 422
    assert other.retailers[stranger].get(f"{THREADS}/{thread['id']}/messages").json()["totalItems"] == 1


def test_to_anybody_else_a_thread_does_not_exist(platform, own_network):
    """S0-9, S0-59, S0-7, S0-8."""
    first, rolf = next(iter(own_network.retailers.items()))
    address = f"{THREADS}/{own_network.supplier.post(THREADS, {'retailerId': first, **ARTWORK}).json()['id']}"
    other = build_network(platform, retailers=1)
    for stranger in (other.supplier, next(iter(other.retailers.values())), list(own_network.retailers.values())[1]):
        for answer in (
            stranger.get(address),
            stranger.get(f"{address}/messages"),
            stranger.post(f"{address}/messages", {"body": "Hello"}),
            stranger.put(f"{address}/read"),
            stranger.put(f"{address}/unread"),
            stranger.put(f"{address}/archive"),
            stranger.delete(f"{address}/archive"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert stranger.get(f"{THREADS}/unread-count").json() == {"unreadCount": 0}
    for answer in (own_network.viewer.get(address), own_network.viewer.get(THREADS), rolf.post(THREADS, ARTWORK)):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
