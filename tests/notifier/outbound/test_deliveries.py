"""``GET /api/v1/notifications/deliveries``: what was sent, to whom, when and with what outcome."""

import pytest
from sqlalchemy import event

from contracts.roles import Role
from tests.notifier.helpers import FJORD, deliveries, invite_created, queue, send, user_added
from tests.plugin import principal

PATH = "/api/v1/notifications/deliveries"


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))


def test_a_sent_mail(notifier, rolf):
    queue(notifier)
    send(notifier)
    page = rolf.get(PATH).json
    [row] = deliveries(notifier)
    [item] = page.pop("items")
    assert page == {"page": 1, "pageSize": 20, "totalItems": 1, "totalPages": 1}
    assert item.pop("createdAt").endswith("Z")
    assert item.pop("sentAt").endswith("Z")
    assert item == {
        "id": str(row.id),
        "topic": "invite",
        "to": "rolf@fjord-retail.example",
        "subject": "Spring Showroom Push: Nordic Heating invites you",
        "state": "sent",
        "attempts": 1,
        "nextAttemptAt": None,
        "lastError": None,
    }


def test_a_waiting_and_an_unaddressed_mail(notifier, rolf):
    notifier.deliver(invite_created())
    [item] = rolf.get(PATH).json["items"]
    assert (item["state"], item["to"], item["sentAt"], item["nextAttemptAt"]) == ("no_recipient", None, None, None)
    assert "no user" in item["lastError"]
    notifier.deliver(user_added())
    [item] = rolf.get(PATH).json["items"]
    assert (item["state"], item["attempts"], item["sentAt"]) == ("new", 0, None)
    assert item["nextAttemptAt"] is not None


def test_newest_first_in_pages_and_filtered(notifier, rolf, inbox):
    inbox.answers["RCPT"] += ["550 no"]
    for name in ("A", "B", "C"):
        queue(notifier, campaignName=name)
        send(notifier)
    assert [item["subject"][0] for item in rolf.get(PATH).json["items"]] == ["C", "B", "A"]
    assert [item["subject"][0] for item in rolf.get(f"{PATH}?page=2&pageSize=2").json["items"]] == ["A"]
    assert [item["subject"][0] for item in rolf.get(f"{PATH}?state=failed").json["items"]] == ["A"]
    assert rolf.get(f"{PATH}?state=sent&topic=invite").json["totalItems"] == 2
    assert rolf.get(f"{PATH}?state=uncertain").json["items"] == []


@pytest.mark.parametrize(
    "query",
    ["state=lost", "state=", "topic=weather", "page=0", "pageSize=201", "pageSize=x", "to=x", f"page={10**30}"],
)
def test_bad_questions_are_refused(rolf, query):
    answer = rolf.get(f"{PATH}?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_a_nul_is_refused(rolf):
    assert rolf.get(f"{PATH}?state=sent%00").status_code == 400


def test_the_number_of_statements_does_not_grow_with_the_page(notifier, rolf):
    queue(notifier, 30)
    counted = []

    def count(_connection, _cursor, statement, *_rest):
        counted.append(statement)

    event.listen(notifier.database.engine, "before_cursor_execute", count)
    try:
        assert len(rolf.get(f"{PATH}?pageSize=30").json["items"]) == 30
    finally:
        event.remove(notifier.database.engine, "before_cursor_execute", count)
    assert len([statement for statement in counted if statement.startswith("SELECT")]) == 2
