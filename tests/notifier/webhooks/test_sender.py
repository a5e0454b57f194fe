"""Webhooks on their way: signed, at least once, in order within a subject, tried again for three days, and fairly."""

import base64
import hashlib
import hmac
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as Receiving
from standardwebhooks.webhooks import WebhookVerificationError

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.event_log import tasks as event_log_tasks
from services.notifier.outbound.channels import folder
from services.notifier.webhooks import queries, sender, signing, tasks
from services.notifier.webhooks.call import CallResult
from services.notifier.webhooks.models import Webhook, WebhookMessage, WebhookQueue
from tests.notifier.helpers import FJORD, NORDIC, SYSTEM, deliveries, own_settings, send, statements, user_added
from tests.notifier.webhooks.hooks import (
    DAY,
    WEBHOOKS,
    add,
    claim,
    happened,
    messages,
    queue_of,
    send_due,
    settle,
    states,
)
from tests.notifier.webhooks.receivers import Receiver
from tests.plugin import principal


@pytest.fixture
def anna(notifier):
    return notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC))


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def numbers(receiver):
    return [json.loads(body)["data"]["number"] for _, _, body in receiver.taken]


def queues_by_id(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return {str(row.webhook_id): row for row in session.scalars(select(WebhookQueue))}


def look(anna, webhook):
    return anna.get(f"{WEBHOOKS}/{webhook['id']}").json


def test_a_receiver_built_on_the_public_package_verifies_every_message(notifier, anna, receiver):
    """Standard Webhooks: id, time and body are signed; the id is the event's."""
    webhook = add(anna, receiver.url)
    event = happened(1, sequence=1)
    notifier.deliver(event)
    send_due(notifier)
    [(path, headers, body)] = receiver.taken
    received = Receiving(webhook["secret"]).verify(body, dict(headers))
    assert path == "/hook"
    assert received == {name: event[name] for name in received}
    assert (received["id"], received["data"]) == (headers["webhook-id"], {"number": 1})
    assert headers["Content-Type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Receiving(webhook["secret"]).verify(body + b" ", dict(headers))
    with pytest.raises(WebhookVerificationError):
        Receiving(signing.new_secret()).verify(body, dict(headers))


def test_a_signature_is_what_the_specification_says():
    """Worked out here without the package, from the specification's text."""
    secret, moment, body = signing.new_secret(), datetime(2026, 4, 1, 12, 0, 0, 999_000, tzinfo=UTC), '{"a":"å"}'
    sent = signing.headers("msg_1", body, [secret], moment)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert 24 <= len(key) <= 64
    expected = hmac.new(key, f"msg_1.{int(moment.timestamp())}.{body}".encode(), hashlib.sha256).digest()
    assert sent["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert sent["webhook-timestamp"] == str(int(moment.timestamp()))


def test_both_secrets_sign_for_a_day_after_a_rotation(notifier, anna, receiver):
    """And a message that was queued before is signed with the new one, too."""
    webhook = add(anna, receiver.url)
    address = f"{WEBHOOKS}/{webhook['id']}"
    notifier.deliver(happened(1))
    rotated = anna.post(f"{address}/rotate-secret").json
    assert rotated["secret"] != webhook["secret"]
    until = datetime.fromisoformat(rotated["previousSecretUntil"])
    assert timedelta(hours=23) < until - utcnow() <= timedelta(hours=24)
    send_due(notifier)
    with time_machine.travel(until + timedelta(seconds=1)):
        notifier.deliver(happened(2))
        send_due(notifier)
        [(_, before, first), (_, after, second)] = receiver.taken
        Receiving(rotated["secret"]).verify(second, dict(after))
        with pytest.raises(WebhookVerificationError):
            Receiving(webhook["secret"]).verify(second, dict(after))
    for secret in (webhook["secret"], rotated["secret"]):
        Receiving(secret).verify(first, dict(before))


def test_a_retry_has_the_same_id_and_body_and_a_time_of_its_own(notifier, anna, receiver):
    webhook = add(anna, receiver.url)
    receiver.answers += [500]
    notifier.deliver(happened(1))
    send_due(notifier)
    with time_machine.travel(utcnow() + timedelta(minutes=1)):
        send_due(notifier)
        for _, headers, body in receiver.taken[1:]:
            Receiving(webhook["secret"]).verify(body, dict(headers))
    [(_, first, body), (_, second, again)] = receiver.taken
    assert (first["webhook-id"], body) == (second["webhook-id"], again)
    assert int(second["webhook-timestamp"]) >= int(first["webhook-timestamp"]) + 60


def test_only_wanted_types_are_sent_and_only_to_tenants_that_may_see_them(notifier, anna, rolf, receiver):
    """S0-9"""
    add(anna, receiver.url, types=["campaigns.*"])
    with Receiver() as his:
        add(rolf, his.url)
        notifier.deliver(
            happened(1),
            happened(2, event_type="prm.TierAssigned.v1"),
            happened(3, tenants=(NORDIC, FJORD)),
            happened(4, tenants=(FJORD,)),
            happened(5, tenants=()),
        )
        send_due(notifier)
        assert (sorted(numbers(receiver)), sorted(numbers(his))) == ([1, 3], [3, 4])


def test_a_receiver_is_told_nothing_of_other_tenants_and_people(notifier, anna, receiver):
    add(anna, receiver.url)
    event = happened(1, tenants=(NORDIC, FJORD))
    notifier.deliver(event)
    send_due(notifier)
    [(_, _, body)] = receiver.taken
    for secret in (str(FJORD), event["actorid"], event["traceparent"]):
        assert secret.encode() not in body


def test_a_large_event_comes_without_its_data_and_says_where_that_is(notifier, anna, receiver):
    add(anna, receiver.url)
    just_fits, too_large = happened(1), happened(2)
    just_fits["data"]["text"] = "ä" * 9_700
    too_large["data"]["text"] = "ä" * 10_000
    notifier.deliver(just_fits, too_large)
    send_due(notifier)
    bodies = {json.loads(body)["id"]: body for _, _, body in receiver.taken}
    assert all(len(body) <= 20_000 for body in bodies.values())
    assert json.loads(bodies[just_fits["id"]])["data"] == just_fits["data"]
    announced = json.loads(bodies[too_large["id"]])
    assert "data" not in announced
    base, path = announced["dataref"].split("/api/", 1)
    assert base == notifier.runtime.settings.public_url
    assert anna.get(f"/api/{path}").json["data"] == too_large["data"]


def test_events_of_a_subject_arrive_in_order_and_a_failing_one_holds_up_only_its_own(notifier, anna, receiver):
    add(anna, receiver.url)
    stuck, free = str(uuid4()), str(uuid4())
    fails = {"now": True}

    def answer(headers, body):
        return 500 if fails["now"] and json.loads(body)["subject"] == stuck else 204

    receiver.answer = answer
    events = [happened(number, subject=stuck, sequence=number) for number in (1, 2, 3)]
    others = [happened(10 + number, subject=free, sequence=number) for number in (1, 2, 3)]
    notifier.deliver(events[0], others[0], events[1], others[1], events[2], others[2])
    send_due(notifier)
    assert numbers(receiver).count(1) == 1
    assert [number for number in numbers(receiver) if number != 1] == [11, 12, 13]
    assert Counter(states(notifier)) == {"ready": 1, "waiting": 2, "delivered": 3}
    fails["now"] = False
    receiver.taken.clear()
    with time_machine.travel(utcnow() + timedelta(minutes=1)):
        send_due(notifier)
    assert numbers(receiver) == [1, 2, 3]


def told_of(merchant, event_type, *sequences):
    number = 10 if event_type.startswith("identity") else 0
    return [happened(number + n, event_type=event_type, subject=merchant, sequence=n) for n in sequences]


def test_what_two_services_tell_of_one_subject_arrives_and_does_not_wait_for_each_other(notifier, anna, receiver):
    """D63: three clicks and two new names of one merchant. While a click is refused the names go on."""
    add(anna, receiver.url)
    clicks = told_of(str(NORDIC), "affiliates.ClickRecorded.v1", 1, 2, 3)
    names = told_of(str(NORDIC), "identity.TenantChanged.v9", 1, 2)
    refused = {"click"}
    receiver.answer = lambda _headers, body: 500 if refused and json.loads(body)["data"]["number"] == 1 else 204
    notifier.deliver(*clicks)
    notifier.deliver(*names)
    send_due(notifier)
    assert sorted(numbers(receiver)) == [1, 11, 12]
    refused.clear()
    receiver.taken.clear()
    with time_machine.travel(utcnow() + timedelta(minutes=1)):
        send_due(notifier)
    assert numbers(receiver) == [1, 2, 3]
    assert set(states(notifier)) == {"delivered"}


def test_sources_of_one_subject_line_up_each_for_itself_when_sent_again(notifier, anna):
    webhook = add(anna)
    notifier.deliver(*told_of(str(NORDIC), "affiliates.ClickRecorded.v1", 1, 2))
    notifier.deliver(*told_of(str(NORDIC), "identity.TenantChanged.v9", 1, 2))
    assert states(notifier) == ["ready", "waiting", "ready", "waiting"]
    for _ in range(4):
        settle(notifier, claim(notifier), 204)
    assert (
        anna.post(f"{WEBHOOKS}/{webhook['id']}/redeliver", json={"since": "2026-01-01T00:00:00Z"}).json["queued"] == 4
    )
    assert states(notifier) == ["ready", "waiting", "ready", "waiting"]


def test_many_senders_keep_the_order_and_send_each_message_once(notifier, anna, rolf, receiver):
    add(anna, receiver.url)
    subjects = [str(uuid4()) for _ in range(6)]
    events = [
        happened(subject=subject, sequence=sequence) | {"data": {"number": [index, sequence]}}
        for sequence in range(1, 6)
        for index, subject in enumerate(subjects)
    ]
    notifier.deliver(*events)
    start = threading.Barrier(4)

    def run(_number):
        start.wait()
        send_due(notifier)

    while set(states(notifier)) != {"delivered"}:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(4)))
    arrived = numbers(receiver)
    assert len(arrived) == 30
    for index in range(6):
        assert [sequence for subject, sequence in arrived if subject == index] == [1, 2, 3, 4, 5]
    assert {row.attempts for row in messages(notifier)} == {1}


def test_at_most_four_are_on_their_way_to_an_endpoint_and_one_to_a_failing_one(notifier, anna):
    add(anna)
    notifier.deliver(*(happened(number) for number in range(7)))
    claims = [claim(notifier) for _ in range(5)]
    assert [item is None for item in claims] == [False] * 4 + [True]
    settle(notifier, claims[0], 400)
    assert claim(notifier) is None
    settle(notifier, claims[1], 400)
    settle(notifier, claims[2], 400)
    assert claim(notifier) is None, "the fourth is still on its way"
    settle(notifier, claims[3], 400)
    assert claim(notifier) is not None
    assert claim(notifier) is None


def test_an_endpoint_that_does_not_answer_is_asked_ever_more_rarely_and_holds_up_nobody(notifier, anna, rolf):
    hanging, fine = add(anna), add(rolf)
    notifier.deliver(*(happened(number) for number in range(50)))
    now, waits = utcnow(), []
    for _ in range(6):
        first = claim(notifier, now)
        assert str(first.webhook_id) == hanging["id"]
        settle(notifier, first, None, now, error="There was no answer within 20 seconds.")
        assert claim(notifier, now) is None, "not another of its fifty messages"
        waits.append((queues_by_id(notifier)[hanging["id"]].due_at - now).total_seconds())
        now += timedelta(seconds=waits[-1] + 1)
    for wait, longest in zip(waits, [5, 30, 120, 600, 1800, 3600], strict=True):
        assert longest / 2 <= wait <= longest
    notifier.deliver(happened(99, tenants=(FJORD,)))
    served = claim(notifier, now, healthy=True)
    assert str(served.webhook_id) == fine["id"]
    assert claim(notifier, now, healthy=True) is None
    assert str(claim(notifier, now).webhook_id) == hanging["id"]


def test_endpoints_take_turns(notifier, anna, rolf):
    busy, other = add(anna), add(rolf)
    notifier.deliver(*(happened(number) for number in range(30)))
    notifier.deliver(happened(99, tenants=(FJORD,)))
    first = [str(claim(notifier, utcnow() + timedelta(seconds=1)).webhook_id) for _ in range(5)]
    assert other["id"] in first
    assert first.count(busy["id"]) == 4


def test_a_success_makes_an_endpoint_whole_again(notifier, anna):
    add(anna)
    notifier.deliver(happened(1), happened(2))
    settle(notifier, claim(notifier), 503)
    assert queue_of(notifier).failures == 1
    later = utcnow() + timedelta(minutes=1)
    settle(notifier, claim(notifier, later), 200, later)
    queue = queue_of(notifier)
    assert (queue.failures, queue.failing_since, queue.cool_until) == (0, None, None)
    settle(notifier, claim(notifier, later), 204, later)
    assert (states(notifier), queue_of(notifier).due_at) == (["delivered"] * 2, None)


def test_messages_that_fail_together_make_an_endpoint_cool_once(notifier, anna):
    """A receiver that restarts while four messages are on their way is asked again within seconds, not minutes."""
    add(anna)
    notifier.deliver(*(happened(number) for number in range(4)))
    now = utcnow()
    with acting_as(SYSTEM):
        claims = sender.claim_due(notifier.database, now)
        sender.settle(notifier.database, claims, [CallResult(503)] * len(claims), started=now, now=now)
    assert len(claims) == 4
    assert queue_of(notifier).failures == 1
    assert claim(notifier, now + timedelta(seconds=6)) is not None


def test_of_answers_that_come_together_the_longest_pause_counts(notifier, anna):
    add(anna)
    notifier.deliver(happened(1), happened(2))
    now = utcnow()
    first, second = claim(notifier, now), claim(notifier, now)
    settle(notifier, first, 503, now, retry_after="7200")
    settle(notifier, second, None, now, error="There was no answer within 20 seconds.")
    assert claim(notifier, now + timedelta(seconds=7199)) is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_names_a_time_is_left_alone_until_then(notifier, anna, status):
    add(anna)
    notifier.deliver(happened(1), happened(2))
    now = utcnow()
    settle(notifier, claim(notifier, now), status, now, retry_after="7200")
    assert claim(notifier, now + timedelta(seconds=7199)) is None
    second = claim(notifier, now + timedelta(seconds=7201))
    later = now + timedelta(seconds=7201)
    settle(notifier, second, status, later, retry_after=format_datetime(later + DAY, usegmt=True))
    assert claim(notifier, later + DAY - timedelta(minutes=1)) is None
    assert claim(notifier, later + DAY + timedelta(seconds=1)) is not None


def test_what_an_endpoint_may_get_at_once_costs_few_statements(notifier, anna, receiver):
    """The queue of an endpoint is locked twice for four messages, not for each of them."""
    add(anna, receiver.url)
    notifier.deliver(*(happened(1, subject=str(uuid4())) for _ in range(4)))
    with statements(notifier) as locking, acting_as(SYSTEM):
        assert sender.send_some(notifier.runtime, healthy=True)
    assert len(receiver.taken) == 4
    assert states(notifier) == ["delivered"] * 4
    locks = [statement for statement in locking if "webhook_queues" in statement and statement.startswith("SELECT")]
    assert len(locks) <= 3  # a look, and a lock before and after


def test_a_receiver_that_answers_410_is_disabled(notifier, anna, receiver):
    webhook = add(anna, receiver.url)
    receiver.answers += [410]
    notifier.deliver(happened(1), happened(2))
    send_due(notifier)
    shown = look(anna, webhook)
    assert (shown["status"], shown["reason"]) == ("disabled", "The receiver answered 410 Gone.")
    assert shown["disabledAt"] is not None
    notifier.deliver(happened(3))
    assert len(messages(notifier)) == 2, "nothing is queued any more"
    assert len(receiver.taken) == 1
    address = f"{WEBHOOKS}/{webhook['id']}"
    assert anna.post(f"{address}/resume").json["reason"] is None
    assert anna.post(f"{address}/redeliver", json={"since": shown["disabledAt"]}).json == {"queued": 1}
    send_due(notifier)
    assert sorted(numbers(receiver)[1:]) == [1, 2, 3]
    trail = anna.get(f"{WEBHOOKS}/audit").json["items"]
    assert [row["action"] for row in trail if row["actorName"] == "notifier"] == ["webhook.disabled"]


def test_the_owner_is_mailed_once_when_we_disable_a_webhook(notifier, anna, receiver):
    """Every admin of the tenant, whatever its kind; nobody else. The URL may hold secrets and is not told."""
    notifier.deliver(
        user_added(uuid4(), NORDIC, role="SupplierAdmin", email="anna@nordic-heating.example"),
        user_added(uuid4(), NORDIC, role="SupplierViewer", email="vera@nordic-heating.example"),
        user_added(uuid4(), FJORD, role="RetailerAdmin", email="rolf@fjord-retail.example"),
    )
    webhook = add(anna, f"{receiver.url}?token=hunter2", description="Into the ERP", types=["campaigns.*"])
    notifier.deliver(happened(1), happened(2))
    for claimed in [claim(notifier), claim(notifier)]:
        settle(notifier, claimed, 410)
    [mail] = deliveries(notifier)
    assert (mail.address, mail.topic, mail.category) == ("anna@nordic-heating.example", "webhook", "must-arrive")
    assert mail.subject == "We have stopped sending events to 127.0.0.1"
    send(notifier)
    [shown] = folder.newest(own_settings(notifier).mailbox)
    for text in ("410 Gone", "Into the ERP", webhook["id"]):
        assert text in shown.text
        assert text in shown.html
    assert "hunter2" not in shown.text + shown.html


def test_a_receiver_that_takes_nothing_for_three_days_is_disabled(notifier, anna):
    webhook = add(anna)
    notifier.deliver(happened(1), happened(2))
    now = start = utcnow()
    attempts = 0
    while look(anna, webhook)["status"] == "active":
        attempts += 1
        settle(notifier, claim(notifier, now), 502, now)
        if (due := queue_of(notifier).due_at) is not None:
            now = due
    assert timedelta(days=3) <= now - start < timedelta(days=3, hours=1)
    assert 60 < attempts < 200
    assert look(anna, webhook)["reason"] == "The receiver has taken nothing for three days."
    assert claim(notifier, now + DAY) is None


def test_a_message_that_is_refused_for_three_days_has_failed_and_its_subject_goes_on(notifier, anna):
    """The endpoint works: other subjects are delivered meanwhile."""
    add(anna)
    subject = str(uuid4())
    notifier.deliver(*(happened(number, subject=subject, sequence=number) for number in (1, 2)))
    now = start = utcnow()
    attempts = 0
    while states(notifier)[0] != "failed":
        notifier.deliver(happened(100 + attempts))
        while (claimed := claim(notifier, now)) is not None:
            refused = claimed.event_id == messages(notifier)[0].event_id
            attempts += refused
            settle(notifier, claimed, 400 if refused else 204, now)
        if states(notifier)[0] != "failed":
            now = messages(notifier)[0].next_at
    assert timedelta(days=3) <= now - start < timedelta(days=3, hours=5)
    assert 18 < attempts < 50
    first, second, *rest = messages(notifier)
    assert (first.state, first.last_status, first.next_at) == ("failed", 400, None)
    assert second.state == "delivered"
    assert {row.state for row in rest} == {"delivered"}


def test_only_a_vanished_senders_message_is_sent_again_under_the_same_id(notifier, anna, receiver):
    """Killed between claim and outcome: the message waits for its lease, and its subject with it."""
    add(anna, receiver.url)
    subject = str(uuid4())
    notifier.deliver(*(happened(number, subject=subject, sequence=number) for number in (1, 2)))
    lost = claim(notifier)
    assert claim(notifier) is None
    with time_machine.travel(utcnow() + own_settings(notifier).webhook_lease + timedelta(seconds=1)):
        send_due(notifier)
        assert numbers(receiver) == [1, 2]
        assert receiver.taken[0][1]["webhook-id"] == str(lost.event_id)
        settle(notifier, lost, 500)
    assert states(notifier) == ["delivered"] * 2, "who was slower than its lease has no say"


def test_what_waits_for_a_vanished_sender_is_not_looked_for_again_and_again(notifier, anna):
    add(anna)
    notifier.deliver(*(happened(number) for number in range(3)))
    now = utcnow()
    lost = [claim(notifier, now) for _ in range(3)]
    settle(notifier, lost[0], 503, now)
    assert claim(notifier, now + timedelta(minutes=2)) is not None
    assert claim(notifier, now + timedelta(minutes=2)) is None


def test_an_event_that_the_log_has_forgotten_fails_and_the_next_one_goes(notifier, anna, receiver):
    webhook = add(anna, receiver.url)
    address = f"{WEBHOOKS}/{webhook['id']}"
    anna.post(f"{address}/pause")
    subject = str(uuid4())
    notifier.deliver(happened(1, subject=subject, sequence=1))
    with time_machine.travel(utcnow() + timedelta(days=31)):
        notifier.deliver(happened(2, subject=subject, sequence=2))
        with acting_as(SYSTEM):
            event_log_tasks.forget_old_events(notifier.runtime)
        anna.post(f"{address}/resume")
        send_due(notifier)
    first, second = messages(notifier)
    assert (first.state, first.last_error) == ("failed", "The event is older than the log reaches back.")
    assert (second.state, numbers(receiver)) == ("delivered", [2])


def test_what_waits_for_a_resting_webhook_is_not_kept_for_ever(notifier, anna, receiver):
    """And what came after it in its subject is sent when the webhook is resumed."""
    address = f"{WEBHOOKS}/{add(anna, receiver.url)['id']}"
    anna.post(f"{address}/pause")
    subject = str(uuid4())
    notifier.deliver(happened(1, subject=subject, sequence=1))
    with time_machine.travel(utcnow() + timedelta(days=31)), acting_as(SYSTEM):
        notifier.deliver(*(happened(number, subject=subject, sequence=number) for number in (2, 3)))
        event_log_tasks.forget_old_events(notifier.runtime)
        while tasks.forget_old_messages(notifier.runtime):
            pass
        assert states(notifier) == ["waiting"] * 2
        anna.post(f"{address}/resume")
        send_due(notifier)
    assert numbers(receiver) == [2, 3]


def test_old_messages_and_attempts_are_forgotten_but_not_what_is_still_to_be_sent(notifier, anna, receiver):
    webhook = add(anna, receiver.url)
    receiver.answers += [204, 500]
    notifier.deliver(happened(1), happened(2))
    send_due(notifier)
    with acting_as(SYSTEM), time_machine.travel(utcnow() + timedelta(days=31)):
        while tasks.forget_old_messages(notifier.runtime):
            pass
        assert states(notifier) == ["ready"]
        assert anna.get(f"{WEBHOOKS}/{webhook['id']}/attempts").json["totalItems"] == 0


def test_a_message_being_sent_blocks_nobody(notifier, anna):
    """Nothing is locked while a receiver is waited for: others log, claim, read and change meanwhile."""
    webhook = add(anna)
    notifier.deliver(happened(1))
    sending = claim(notifier)
    notifier.deliver(happened(2))
    assert claim(notifier) is not None
    assert anna.put(f"{WEBHOOKS}/{webhook['id']}", json={"url": "https://hooks.example/new"}).status_code == 200
    settle(notifier, sending, 200)


@pytest.mark.parametrize(
    ("row", "method", "values"),
    [
        (WebhookMessage(state="delivered"), "get_ready", ()),
        (WebhookMessage(state="delivered"), "begin", (timedelta(),)),
        (WebhookMessage(state="delivered"), "try_again", ()),
        (Webhook(status="disabled"), "pause", ()),
        (Webhook(status="active"), "resume", ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_states_go_one_way(row, method, values):
    with pytest.raises(Conflict) as refused:
        getattr(row, method)(utcnow(), *values)
    assert refused.value.code == "invalid_transition"


def test_a_finished_message_and_a_disabled_webhook_stay_so():
    with pytest.raises(Conflict, match="from delivered"):
        WebhookMessage(state="delivered").finish("failed", utcnow())
    with pytest.raises(Conflict, match="from disabled"):
        Webhook(status="disabled").disable("again", utcnow())


def test_claims_use_their_indexes(notifier):
    if notifier.database.dialect == "postgresql":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    plans = {}

    def note(_connection, _cursor, statement, parameters, *_rest):
        if statement.startswith("SELECT"):
            plans[statement] = parameters

    sqlalchemy_event.listen(notifier.database.engine, "before_cursor_execute", note)
    with acting_as(SYSTEM), notifier.database.read() as session:
        queries.is_any_due(session, utcnow(), healthy=False)
        queries.being_sent(session, uuid4())
        queries.ready(session, uuid4(), limit=4)
        queries.first_of(session, uuid4(), "/services/prm", uuid4())
    sqlalchemy_event.remove(notifier.database.engine, "before_cursor_execute", note)
    used = []
    with notifier.database.engine.connect() as connection:
        for statement, parameters in plans.items():
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert len(rows) == 1, rows
            used.append(rows[0][3].split(" USING INDEX ")[1].split(" ")[0])
    assert used == [
        "ix_webhook_queues_due",
        "ix_webhook_messages_sending",
        "ix_webhook_messages_ready",
        "ix_webhook_messages_unfinished",
    ]
