"""``/api/v1/webhooks``: setting them up, pausing, secrets, and what they show of their messages."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select, update

from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import acting_as
from chassis.http import ssrf_guard
from chassis.http.ssrf_guard import BadTarget
from contracts.roles import Role
from services.notifier.webhooks import rules, sender
from services.notifier.webhooks.models import Webhook
from tests.notifier.helpers import FJORD, NORDIC, SYSTEM
from tests.notifier.webhooks.hooks import WEBHOOKS, add, claim, happened, messages, send_due, settle, states
from tests.notifier.webhooks.receivers import Receiver
from tests.notifier.webhooks.test_ssrf_guard import FORBIDDEN
from tests.plugin import principal


@pytest.fixture
def anna(notifier):
    return notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC))


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))


def test_a_webhook_is_set_up_read_replaced_and_deleted(anna):
    created = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in"})
    webhook = created.json
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    assert webhook.pop("secret").startswith("whsec_")
    address = f"{WEBHOOKS}/{webhook['id']}"
    assert created.headers["Location"] == address
    assert (webhook["url"], webhook["types"], webhook["description"]) == ("https://hooks.example/in", ["*"], "")
    assert (webhook["status"], webhook["reason"], webhook["disabledAt"]) == ("active", None, None)
    assert anna.get(address).json == webhook
    assert anna.get(WEBHOOKS).json["items"] == [webhook]

    body = {"url": "https://hooks.example/other", "types": ["campaigns.*", "prm.TierAssigned.v1"], "description": "ERP"}
    replaced = anna.put(address, json=body, headers={"If-Match": '"1"'})
    assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"2"')
    assert {name: replaced.json[name] for name in body} == body
    assert "secret" not in replaced.json

    assert anna.delete(address, headers={"If-Match": '"1"'}).status_code == 412
    assert anna.delete(address).status_code == 204
    assert anna.get(address).status_code == 404
    assert anna.get(WEBHOOKS).json["totalItems"] == 0


def test_what_was_read_can_be_sent_back(anna):
    """D65: read-only fields are ignored, whatever they say; what no webhook has is refused."""
    created = anna.post(
        WEBHOOKS, json={"url": "https://hooks.example/in", "types": ["prm.*"], "description": "ERP"}
    ).json
    address = f"{WEBHOOKS}/{created['id']}"
    read = anna.get(address).json
    for body in (read, created, read | {"status": "paused", "reason": "x", "createdAt": None, "id": 7}):
        back = anna.put(address, json=body)
        assert back.status_code == 200, back.json
        assert back.json | {"updatedAt": None} == read | {"updatedAt": None}
    changed = anna.put(address, json=read | {"description": "CRM"})
    assert changed.json["description"] == "CRM"
    for body in (read | {"colour": "red"}, [read]):
        assert anna.put(address, json=body).status_code == 422
    assert anna.post(WEBHOOKS, json=read).status_code == 422, "a new one has none of what is read-only"


@pytest.mark.parametrize("description", ["a\nb", "a\x07b", "a\u202eb", "a\u2028b", "x" * 201, None])
def test_a_description_is_one_line(anna, description):
    """D62: it stands in mails."""
    answer = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in", "description": description})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "description")
    spaced = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in", "description": "  Kampanjer på ERP "})
    assert spaced.json["description"] == "Kampanjer på ERP"


def test_a_change_of_what_somebody_else_has_changed_is_refused(anna):
    """D6"""
    webhook = add(anna)
    address = f"{WEBHOOKS}/{webhook['id']}"
    assert anna.post(f"{address}/pause", headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    stale = {"If-Match": '"1"'}
    body = {"url": "https://hooks.example/other"}
    for answer in (
        anna.put(address, json=body, headers=stale),
        anna.post(f"{address}/resume", headers=stale),
        anna.post(f"{address}/rotate-secret", headers=stale),
        anna.delete(address, headers=stale),
    ):
        assert (answer.status_code, answer.json["code"]) == (412, "stale_version")
    assert anna.get(address).json["url"] == webhook["url"]


def test_the_secret_is_shown_once_and_kept_locked_away(notifier, anna):
    webhook = add(anna)
    secret = webhook["secret"]
    for answer in (anna.get(f"{WEBHOOKS}/{webhook['id']}"), anna.get(WEBHOOKS), anna.get(f"{WEBHOOKS}/audit")):
        assert secret not in answer.text
        assert 'ecret"' not in answer.text
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert secret not in session.scalars(select(Webhook)).one().secret


def test_the_same_request_again_makes_no_second_webhook_and_shows_no_secret_again(anna):
    """D7"""
    ask = {"json": {"url": "https://hooks.example/in"}, "headers": {"Idempotency-Key": "one"}}
    first, second = anna.post(WEBHOOKS, **ask), anna.post(WEBHOOKS, **ask)
    assert (first.status_code, second.status_code, second.json["code"]) == (201, 409, "already_done")
    assert "secret" not in second.json
    assert anna.get(WEBHOOKS).json["totalItems"] == 1


def test_the_same_rotation_again_makes_no_third_secret_and_shows_none(anna):
    """D7"""
    address, key = f"{WEBHOOKS}/{add(anna)['id']}", {"Idempotency-Key": "one"}
    first, second = (anna.post(f"{address}/rotate-secret", headers=key) for _ in range(2))
    assert (first.status_code, second.status_code, second.json["code"]) == (200, 409, "already_done")
    assert first.json["secret"] not in second.text
    assert anna.get(address).headers["ETag"] == first.headers["ETag"]


def test_every_change_is_in_the_audit_trail(anna):
    """D8"""
    address = f"{WEBHOOKS}/{add(anna)['id']}"
    anna.put(address, json={"url": "https://hooks.example/other"})
    for step in ("pause", "resume", "rotate-secret"):
        assert anna.post(f"{address}/{step}").status_code == 200
    anna.delete(address)
    trail = anna.get(f"{WEBHOOKS}/audit").json["items"]
    assert [row["action"].partition(".")[2] for row in trail] == [
        *("deleted", "secret_rotated", "resumed", "paused", "replaced", "created"),
    ]
    assert trail[4]["changes"]["url"] == ["https://hooks.example/in", "https://hooks.example/other"]
    assert not {"secret", "previousSecret"} & {field for row in trail for field in row["changes"]}


def test_a_tenant_has_a_bounded_number(anna, rolf, monkeypatch):
    monkeypatch.setattr(rules, "MAX_WEBHOOKS", 2)
    add(anna), add(anna)
    answer = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in"})
    assert (answer.status_code, answer.json["code"]) == (409, "webhook_limit_reached")
    add(rolf)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": 7},
        {"url": "https://hooks.example/", "types": []},
        {"url": "https://hooks.example/", "types": ["campaigns"]},
        {"url": "https://hooks.example/", "types": ["*", "*"]},
        {"url": "https://hooks.example/", "types": ["a.*"] * 51},
        {"url": "https://hooks.example/", "types": "*"},
        {"url": "https://hooks.example/", "description": "x" * 201},
        {"url": "https://hooks.example/", "secret": "whsec_mine"},
        {"url": "https://hooks.example/", "status": "paused"},
    ],
)
def test_bad_bodies_are_refused(anna, body):
    answer = anna.post(WEBHOOKS, json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("campaign.*", "campaigns."),
        ("campaigns.InviteCreated", "campaigns.InviteCreated.v1"),
        ("Campaigns.invitecreated.v1", "campaigns.InviteCreated.v1"),
        ("webhooks.Test.v1", ""),
    ],
)
def test_types_that_match_nothing_published_are_refused_with_the_nearest(anna, wrong, nearest):
    webhook = add(anna)
    body = {"url": "https://hooks.example/in", "types": ["prm.*", wrong]}
    for answer in (
        anna.post(WEBHOOKS, json=body),
        anna.put(f"{WEBHOOKS}/{webhook['id']}", json=body),
        anna.get(f"/api/v1/events?types=prm.*,{wrong}"),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
        [error] = answer.json["errors"]
        assert error["field"].startswith("types")
        assert f"the nearest is {nearest}" in error["message"]
    assert [item["types"] for item in anna.get(WEBHOOKS).json["items"]] == [webhook["types"]]


def test_a_webhook_from_before_keeps_its_types_and_can_be_sent_back_as_it_is(notifier, anna):
    """D65"""
    webhook = add(anna, types=["campaigns.*"])
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(update(Webhook).values(types=["campaign.*", "campaigns.*"]))
    address = f"{WEBHOOKS}/{webhook['id']}"
    webhook_read = anna.get(address).json
    assert webhook_read["types"] == ["campaign.*", "campaigns.*"]
    changed = anna.put(address, json=webhook_read | {"description": "ERP"})
    assert (changed.status_code, changed.json["types"]) == (200, webhook_read["types"])
    refused = anna.put(address, json=webhook_read | {"types": ["campaign.*", "campaing.*"]})
    assert (refused.status_code, [error["field"] for error in refused.json["errors"]]) == (422, ["types.1"])
    assert anna.put(address, json=webhook_read | {"owner": "me"}).status_code == 422


def test_many_wrong_types_are_refused_at_once(anna):
    """Looking for the nearest of each would take a while; too long a list is not looked through."""
    with_one_too_many = ["zz.Zz.v1"] * 5000
    answer = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in", "types": with_one_too_many})
    assert (answer.status_code, len(answer.json["errors"])) == (422, 1)
    answer = anna.post(WEBHOOKS, json={"url": "https://hooks.example/in", "types": ["z" * 10_000]})
    assert (answer.status_code, "nearest" in answer.text) == (422, False)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::ffff:7f00:1]/", "http://hooks.example/", "file:///x"]
)
def test_targets_of_our_own_network_are_refused_when_they_are_set_up(anna, configure, url):
    """All that the guard refuses stands in test_ssrf_guard; what needs a name server is refused at each delivery."""
    configure(WEBHOOK_LOOPBACK="false")
    webhook = add(anna)
    for answer in (
        anna.post(WEBHOOKS, json={"url": url}),
        anna.put(f"{WEBHOOKS}/{webhook['id']}", json={"url": url}),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "forbidden_target")
        assert answer.json["errors"][0]["field"] == "url"
    assert anna.get(WEBHOOKS).json["totalItems"] == 1


@pytest.mark.parametrize("host", [host for host in FORBIDDEN if host.lower().rstrip(".") != "localhost"])
def test_the_guard_knows_addresses_of_ours_without_a_name_server(host):
    with pytest.raises(BadTarget):
        ssrf_guard.parse(f"https://{host}/", loopback=False)


def test_to_anybody_else_a_webhook_does_not_exist(notifier, anna, rolf):
    """S0-9"""
    webhook = add(anna)
    notifier.deliver(happened())
    body = {"url": "https://hooks.example/theirs"}
    for address in (f"{WEBHOOKS}/{webhook['id']}", f"{WEBHOOKS}/{uuid4()}"):
        answers = [
            rolf.get(address),
            rolf.put(address, json=body),
            rolf.delete(address),
            *(rolf.post(f"{address}/{step}") for step in ("pause", "resume", "rotate-secret", "test")),
            rolf.post(f"{address}/redeliver", json={"since": "2026-01-01T00:00:00Z"}),
            *(rolf.get(f"{address}/{kind}") for kind in ("messages", "attempts")),
        ]
        refused = {(answer.status_code, answer.json["code"], answer.json["detail"]) for answer in answers}
        assert refused == {(404, "not_found", "There is no such webhook.")}
    assert rolf.get(WEBHOOKS).json["totalItems"] == 0
    assert rolf.get(f"{WEBHOOKS}/audit").json["totalItems"] == 0
    assert anna.get(f"{WEBHOOKS}/{webhook['id']}").json["status"] == "active"


def test_an_event_of_somebody_else_cannot_be_asked_for(notifier, anna, rolf):
    """S0-9"""
    hers, both = happened(1), happened(2, tenants=(NORDIC, FJORD))
    notifier.deliver(hers, both)
    address = f"{WEBHOOKS}/{add(rolf)['id']}/redeliver"
    for event_id in (hers["id"], str(uuid4())):
        answer = rolf.post(address, json={"eventId": event_id})
        assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert rolf.post(address, json={"since": "2026-01-01T00:00:00Z"}).json == {"queued": 1}
    assert [str(row.event_id) for row in messages(notifier)] == [both["id"]]


def test_a_paused_webhook_gets_what_happened_meanwhile_when_it_is_resumed(notifier, anna):
    with Receiver() as receiver:
        address = f"{WEBHOOKS}/{add(anna, receiver.url)['id']}"
        paused = anna.post(f"{address}/pause")
        assert (paused.status_code, paused.json["status"]) == (200, "paused")
        notifier.deliver(happened(1), happened(2))
        send_due(notifier)
        assert receiver.taken == []
        again = anna.post(f"{address}/pause")
        assert (again.status_code, again.json["code"]) == (409, "invalid_transition")
        assert anna.post(f"{address}/resume").json["status"] == "active"
        send_due(notifier)
        assert len(receiver.taken) == 2
    assert states(notifier) == ["delivered"] * 2


def test_messages_and_attempts_show_what_happened(notifier, anna):
    with Receiver() as receiver:
        address = f"{WEBHOOKS}/{add(anna, receiver.url)['id']}"
        receiver.answers += [500]
        failed, fine = happened(1), happened(2, event_type="prm.TierAssigned.v1")
        notifier.deliver(failed, fine)
        send_due(notifier)
    page = anna.get(f"{address}/messages").json
    assert [(item["eventId"], item["type"], item["state"], item["attempts"]) for item in page["items"]] == [
        (fine["id"], "prm.TierAssigned.v1", "delivered", 1),
        (failed["id"], "campaigns.CampaignAdvanced.v1", "ready", 1),
    ]
    delivered, waiting = page["items"]
    assert (waiting["lastStatus"], waiting["lastError"], waiting["finishedAt"]) == (500, None, None)
    assert waiting["nextAttemptAt"] is not None
    assert (delivered["lastStatus"], delivered["nextAttemptAt"]) == (204, None)
    assert anna.get(f"{address}/messages?state=ready").json["totalItems"] == 1
    attempts = anna.get(f"{address}/attempts").json["items"]
    assert [(item["eventId"], item["number"], item["status"], item["error"]) for item in attempts] == [
        (fine["id"], 1, 204, None),
        (failed["id"], 1, 500, None),
    ]
    assert all(item["milliseconds"] >= 0 and item["at"].endswith("Z") for item in attempts)
    assert anna.get(f"{address}/attempts?eventId={fine['id']}").json["totalItems"] == 1


@pytest.mark.parametrize(
    "query", ["messages?state=lost", "attempts?eventId=1", "messages?page=0", "attempts?pageSize=201"]
)
def test_bad_questions_about_messages_are_refused(anna, query):
    assert anna.get(f"{WEBHOOKS}/{add(anna)['id']}/{query}").status_code == 422


def test_a_test_message_arrives_whatever_the_types_and_is_in_nobodys_log(notifier, anna):
    with Receiver() as receiver:
        address = f"{WEBHOOKS}/{add(anna, receiver.url, types=['prm.*'])['id']}"
        queued = anna.post(f"{address}/test")
        assert (queued.status_code, queued.json["type"], queued.json["state"]) == (202, "webhooks.Test.v1", "ready")
        send_due(notifier)
        [(_path, headers, body)] = receiver.taken
        assert headers["webhook-id"] == queued.json["eventId"]
        assert b'"webhooks.Test.v1"' in body
    assert anna.get(f"{address}/messages").json["items"][0]["state"] == "delivered"
    assert anna.get("/api/v1/events").json["items"] == []
    anna.post(f"{address}/pause")
    refused = anna.post(f"{address}/test")
    assert (refused.status_code, refused.json["code"]) == (409, "webhook_not_active")


def test_one_event_again(notifier, anna):
    with Receiver() as receiver:
        before = happened(0)
        notifier.deliver(before)
        address = f"{WEBHOOKS}/{add(anna, receiver.url, types=['prm.*'])['id']}"
        event = happened(1, event_type="prm.TierAssigned.v1")
        notifier.deliver(event)
        send_due(notifier)
        for event_id in (event["id"], before["id"]):
            answer = anna.post(f"{address}/redeliver", json={"eventId": event_id})
            assert (answer.status_code, answer.json) == (202, {"queued": 1})
            send_due(notifier)
        assert [headers["webhook-id"] for _, headers, _ in receiver.taken] == [event["id"], event["id"], before["id"]]
    numbers = [row["number"] for row in anna.get(f"{address}/attempts?eventId={event['id']}").json["items"]]
    assert numbers == [1, 1]


def test_a_message_that_waits_for_its_next_try_is_tried_at_once_when_asked_for(notifier, anna):
    with Receiver() as receiver:
        address = f"{WEBHOOKS}/{add(anna, receiver.url)['id']}"
        receiver.answers += [503]
        event = happened(1)
        notifier.deliver(event)
        send_due(notifier)
        assert states(notifier) == ["ready"]
        assert anna.post(f"{address}/redeliver", json={"eventId": event["id"]}).json == {"queued": 1}
        send_due(notifier)
    assert states(notifier) == ["delivered"]


def test_a_range_again_in_order_with_what_was_never_queued(notifier, anna):
    subject, start = str(uuid4()), utcnow()
    events = [happened(number, subject=subject, sequence=number) for number in range(1, 6)]
    with Receiver() as receiver:
        with time_machine.travel(start + timedelta(hours=1), tick=False):
            notifier.deliver(*events[:2])
            address = f"{WEBHOOKS}/{add(anna, receiver.url)['id']}"
        with time_machine.travel(start + timedelta(hours=2), tick=False):
            notifier.deliver(events[2])
            send_due(notifier)
        with time_machine.travel(start + timedelta(hours=3), tick=False):
            notifier.deliver(*events[3:])
            requests = {"since": rfc3339(start), "until": rfc3339(start + timedelta(hours=3))}
            assert anna.post(f"{address}/redeliver", json=requests).json == {"queued": 3}
            assert states(notifier) == ["ready", *["waiting"] * 4]
            send_due(notifier)
        mails = [headers["webhook-id"] for _, headers, _ in receiver.taken]
        assert mails == [events[2]["id"], *(event["id"] for event in events)]


def test_what_is_on_its_way_stays_the_only_one_of_its_subject(notifier, anna):
    subject = str(uuid4())
    address = f"{WEBHOOKS}/{add(anna)['id']}"
    notifier.deliver(*(happened(number, subject=subject, sequence=number) for number in (1, 2)))
    settle(notifier, claim(notifier), 200)
    second = claim(notifier)
    assert anna.post(f"{address}/redeliver", json={"since": "2026-01-01T00:00:00Z"}).json == {"queued": 1}
    assert states(notifier) == ["waiting", "sending"]
    settle(notifier, second, 200)
    assert states(notifier) == ["ready", "delivered"]


def test_too_large_a_range_is_refused(notifier, anna, monkeypatch):
    monkeypatch.setattr(rules, "MAX_REDELIVERED", 2)
    address = f"{WEBHOOKS}/{add(anna)['id']}"
    notifier.deliver(*(happened(number) for number in range(3)))
    answer = anna.post(f"{address}/redeliver", json={"since": "2026-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json["code"]) == (422, "range_too_large")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"until": "2026-01-01T00:00:00Z"},
        {"eventId": str(uuid4()), "since": "2026-01-01T00:00:00Z"},
        {"eventId": "1"},
        {"since": "yesterday"},
        {"since": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
    ],
)
def test_bad_redeliveries_are_refused(anna, body):
    answer = anna.post(f"{WEBHOOKS}/{add(anna)['id']}/redeliver", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_a_deleted_webhook_gets_nothing_more_also_what_was_on_its_way(notifier, anna):
    address = f"{WEBHOOKS}/{add(anna)['id']}"
    notifier.deliver(happened(1), happened(2))
    first = claim(notifier)
    assert anna.delete(address).status_code == 204
    settle(notifier, first, 500)
    notifier.deliver(happened(3))
    assert claim(notifier) is None
    assert states(notifier) == ["failed"] * 2


def test_the_number_of_statements_does_not_grow_with_the_webhooks(notifier, anna):
    """An event costs the same number, whether one or many webhooks want it."""
    counts, counted = [], []
    notifier.deliver(happened())

    def count(_connection, _cursor, statement, *_rest):
        counted.append(statement)

    sqlalchemy_event.listen(notifier.database.engine, "before_cursor_execute", count)
    try:
        for more in (1, 14):
            for _ in range(more):
                add(anna)
            counted.clear()
            notifier.deliver(happened())
            counts.append(len(counted))
    finally:
        sqlalchemy_event.remove(notifier.database.engine, "before_cursor_execute", count)
    assert counts[0] == counts[1]
    assert len(messages(notifier)) == 16


def test_the_tasks_of_the_scheduler_are_the_senders():
    *senders, looking = sender.tasks()
    assert len({task.name for task in senders}) == sender.SENDERS
    assert [task.run.keywords["healthy"] for task in senders] == [True] * 4 + [False] * 4
    assert looking.run is sender.wake_senders
