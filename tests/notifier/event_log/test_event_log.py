"""``GET /api/v1/events``: every event once, in one order, for the tenants it names, from any moment on."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import delete, select
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.dialects import sqlite

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from chassis.messaging.inbox import InboxRow
from chassis.messaging.resequencer import CursorRow
from chassis.process import lifecycle
from contracts.roles import Role
from services.notifier.event_log import queries, tasks
from services.notifier.event_log.long_polling import WaitingRoom
from services.notifier.event_log.models import EventLogEnd, LoggedEvent
from tests.notifier.helpers import FJORD, NORDIC, SYSTEM, statements, tenant_created
from tests.plugin import principal, sample_event

EVENTS = "/api/v1/events"


def happened(number=1, *, tenants=(NORDIC,), event_type="campaigns.CampaignAdvanced.v1", **attributes):
    tenant_ids = ",".join(map(str, tenants))
    return sample_event(event_type, {"number": number}, tenantids=tenant_ids, **attributes)


def numbers(page):
    return [item["data"]["number"] for item in page["items"]]


def walk(client, query="", after=None):
    """Everything from a cursor on, as a client reads it, page by page; the numbers and the last cursor."""
    entries = []
    while True:
        page = client.get(f"{EVENTS}?{query}" + (f"&after={after}" if after else "")).json
        entries += numbers(page)
        after = page["next"]
        if not page["hasMore"]:
            return entries, after


def forget_old_events(notifier):
    with acting_as(SYSTEM):
        while tasks.forget_old_events(notifier.runtime):
            pass


@pytest.fixture
def anna(notifier):
    return notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC))


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))


def test_an_event_as_a_tenant_gets_it(notifier, anna):
    """No other tenant's id, no person's, nothing that ties it to our logs."""
    event = happened(7, tenants=(NORDIC, FJORD), sequence=1)
    notifier.deliver(event)
    page = anna.get(EVENTS).json
    remaining = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "sequence", "data")
    assert page["items"] == [{name: event[name] for name in remaining}]
    assert page["hasMore"] is False
    assert anna.get(f"{EVENTS}/{event['id']}").json == page["items"][0]


def test_each_event_once_in_the_order_it_was_logged(notifier, anna):
    events = [happened(number) for number in range(25)]
    notifier.deliver(*events)
    notifier.deliver(*events[::-1])
    assert walk(anna, "limit=7")[0] == list(range(25))
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert list(session.scalars(select(LoggedEvent.position).order_by(LoggedEvent.position))) == list(range(1, 26))


def test_an_event_that_the_inbox_has_forgotten_is_not_logged_again(notifier, anna):
    event = happened()
    notifier.deliver(event)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(delete(InboxRow))
        session.execute(delete(CursorRow))
    notifier.deliver(event, happened(2))
    assert numbers(anna.get(EVENTS).json) == [1, 2]
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert session.scalar(select(EventLogEnd.last)) == 2, "no gap"


def test_events_of_one_subject_stand_in_their_sequence_whatever_arrives_first(notifier, anna):
    subject = str(uuid4())
    events = [happened(number, subject=subject, sequence=number) for number in range(1, 7)]
    notifier.deliver(events[0], events[3], events[2])
    notifier.deliver(events[5], events[1])
    notifier.deliver(events[4])
    assert numbers(anna.get(EVENTS).json) == [1, 2, 3, 4, 5, 6]


def test_what_two_services_tell_of_one_merchant_is_all_there(notifier, anna):
    """D63: both number their events of the merchant's tenant from 1. Three clicks, then two new names."""
    merchant = str(NORDIC)
    clicks = [happened(n, event_type="affiliates.ClickRecorded.v1", subject=merchant, sequence=n) for n in (1, 2, 3)]
    names = [tenant_created(NORDIC, tenantids=merchant, sequence=n, kind="Changed") for n in (1, 2)]
    notifier.deliver(clicks[0], clicks[2])
    notifier.deliver(clicks[1])
    notifier.deliver(names[1])
    notifier.deliver(names[0], clicks[0])
    items = anna.get(EVENTS).json["items"]
    assert [(item["source"], item["sequence"]) for item in items] == [
        *(("/services/affiliates", number) for number in (1, 2, 3)),
        *(("/services/identity", number) for number in (1, 2)),
    ]
    assert [item["id"] for item in anna.get(f"{EVENTS}?subject={merchant}").json["items"]] == [e["id"] for e in items]
    assert notifier.retry_rows() == []


def test_a_tenant_sees_the_events_that_name_it_and_no_others(notifier, anna, rolf):
    """S0-9"""
    both, hers, nobodys = happened(1, tenants=(NORDIC, FJORD)), happened(2), happened(3, tenants=())
    notifier.deliver(both, hers, nobodys)
    assert numbers(anna.get(EVENTS).json) == [1, 2]
    assert numbers(rolf.get(EVENTS).json) == [1]
    assert rolf.get(f"{EVENTS}/{both['id']}").status_code == 200
    refusals = [rolf.get(f"{EVENTS}/{event_id}") for event_id in (hers["id"], nobodys["id"], uuid4())]
    assert [(answer.status_code, answer.json["code"]) for answer in refusals] == [(404, "not_found")] * 3
    assert len({answer.json["detail"] for answer in refusals}) == 1


def test_a_cursor_is_of_use_to_its_tenant_only_and_tells_nothing(notifier, anna, rolf):
    notifier.deliver(happened())
    cursor = anna.get(EVENTS).json["next"]
    assert NORDIC.hex not in cursor
    tampered = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")
    for client, bad in ((rolf, cursor), (anna, tampered), (anna, "1"), (anna, "x" * 500), (anna, "%FF")):
        answer = client.get(f"{EVENTS}?after={bad}")
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_cursor")


def test_going_on_from_a_cursor_skips_and_repeats_nothing(notifier, anna):
    notifier.deliver(*(happened(number) for number in range(3)))
    first, cursor = walk(anna)
    assert walk(anna, after=cursor)[0] == []
    notifier.deliver(happened(99, tenants=(FJORD,)), *(happened(number) for number in range(3, 5)))
    second, later = walk(anna, "limit=1", cursor)
    assert (first, second) == ([0, 1, 2], [3, 4])
    assert walk(anna, after=later)[0] == []
    assert walk(anna, after=cursor)[0] == [3, 4], "an old cursor is still good"


def test_latest_is_where_the_future_begins(notifier, anna):
    notifier.deliver(happened(1))
    page = anna.get(f"{EVENTS}?after=latest").json
    assert (page["items"], page["hasMore"]) == ([], False)
    notifier.deliver(happened(2))
    assert walk(anna, after=page["next"])[0] == [2]


def test_a_reader_misses_nothing_while_events_are_being_committed(notifier, anna):
    """Several consumers log at the same time; whoever sees a position has seen every smaller one."""
    start, total = threading.Barrier(5), 4 * 15
    over = threading.Event()

    def log(worker):
        start.wait()
        for number in range(15):
            notifier.deliver(happened(worker * 15 + number))

    def follow():
        start.wait()
        entries, cursor = walk(anna)
        while not over.is_set():
            more, cursor = walk(anna, "limit=3", cursor)
            entries += more
        return entries + walk(anna, after=cursor)[0]

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(follow)
        for done in [pool.submit(log, worker) for worker in range(4)]:
            done.result()
        over.set()
        entries = reader.result()
    assert notifier.retry_rows() == []
    assert sorted(entries) == list(range(total))
    assert entries == walk(anna)[0]
    assert notifier.retry_rows() == []


def test_only_the_types_and_the_thing_that_are_asked_for(notifier, anna):
    thing = str(uuid4())
    notifier.deliver(
        happened(1, event_type="campaigns.InviteCreated.v1"),
        happened(2, event_type="campaigns.InviteAnswered.v1", subject=thing, sequence=1),
        happened(3, event_type="prm.TierAssigned.v1"),
        happened(4, event_type="messaging.ThreadRead.v1", subject=thing, sequence=1),
        happened(5, event_type="campaigns.InviteCreated.v2"),
    )
    for query, expected in {
        "types=campaigns.*": [1, 2, 5],
        "types=campaigns.InviteCreated.*": [1, 5],
        "types=campaigns.InviteCreated.v1,prm.*": [1, 3],
        "types=*": [1, 2, 3, 4, 5],
        "types=Campaigns.InviteCreated.v1": 422,
        "types=affiliates.*": [],
        f"subject={thing}": [2, 4],
        f"subject={thing}&types=messaging.*": [4],
        f"subject={uuid4()}": [],
    }.items():
        page = anna.get(f"{EVENTS}?{query}")
        assert page.status_code == 422 if expected == 422 else numbers(page.json) == expected, query


def test_rare_types_are_looked_for_a_piece_at_a_time(notifier, anna, monkeypatch):
    monkeypatch.setattr(queries, "WINDOW", 5)
    notifier.deliver(*(happened(number) for number in range(18)), happened(18, event_type="prm.TierAssigned.v1"))
    page = anna.get(f"{EVENTS}?types=prm.*").json
    assert (page["items"], page["hasMore"]) == ([], True)
    assert walk(anna, "types=prm.*")[0] == [18]
    assert walk(anna, "types=campaigns.*&limit=4")[0] == list(range(18))


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=x", "wait=21", "wait=-1", "types=", "types=a.*.b", "types=campaigns.*,"),
        *("types=" + ",".join(["a.*"] * 51), "subject=1", "after=", "page=1", "cursor=x"),
    ],
)
def test_bad_questions_are_refused(anna, query):
    answer = anna.get(f"{EVENTS}?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")


def test_waiting_ends_when_something_happens(notifier, anna):
    """Nothing but the tenant's own event wakes it, and it arrives at once."""
    cursor = walk(anna)[1]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(anna.get, f"{EVENTS}?wait=20&types=prm.*&after={cursor}")
        notifier.deliver(happened(1, tenants=(FJORD,)), happened(2))
        notifier.deliver(happened(3, event_type="prm.TierAssigned.v1"))
        woken = answer.result(timeout=10)
    page = woken.json
    assert numbers(page) == [3]
    assert int(woken.headers["Concord-Waited"]) > 0
    assert "Retry-After" not in woken.headers
    assert walk(anna, after=page["next"])[0] == []


def test_what_is_there_already_is_not_waited_for(notifier, anna):
    notifier.deliver(happened(1))
    answer = anna.get(f"{EVENTS}?wait=20")
    assert numbers(answer.json) == [1]
    assert "Concord-Waited" not in answer.headers, "it was not held back, and there was a place"


def test_time_that_ran_out_is_told_from_a_place_that_was_not_free(notifier, anna):
    answer = anna.get(f"{EVENTS}?wait=1")
    assert int(answer.headers["Concord-Waited"]) >= 1
    assert "Retry-After" not in answer.headers
    assert "Concord-Waited" not in anna.get(EVENTS).headers, "nobody asked to wait"


def test_what_clients_are_told_about_waiting_is_declared(notifier):
    described = notifier.client(None).get("/openapi.json").json["paths"][EVENTS]["get"]["responses"]["200"]
    assert described["headers"].keys() == {"Concord-Waited", "Retry-After"}


def wait_until_seated(notifier, number):
    while not (room := notifier.app.extensions.get("waiting-room")) or room.taken < number:
        pass


def test_who_finds_no_place_to_wait_is_told_so_and_when_to_come_again(notifier, anna, rolf):
    """Two of a tenant may wait; the third is answered at once, and another tenant's is not."""
    cursor = walk(anna)[1]
    with ThreadPoolExecutor(3) as pool:
        seated = [pool.submit(anna.get, f"{EVENTS}?wait=20&after={cursor}") for _ in range(2)]
        wait_until_seated(notifier, 2)
        refused = anna.get(f"{EVENTS}?wait=20&after={cursor}")
        other = pool.submit(rolf.get, f"{EVENTS}?wait=20")
        wait_until_seated(notifier, 3)
        notifier.deliver(happened(1, tenants=(NORDIC, FJORD)))
        answers = [future.result(timeout=10) for future in seated]
        others = other.result(timeout=10)
    assert (refused.status_code, refused.json["items"], refused.json["hasMore"]) == (200, [], False)
    assert refused.headers["Concord-Waited"] == "0"
    assert int(refused.headers["Retry-After"]) > 0
    assert int(others.headers["Concord-Waited"]) > 0
    assert [numbers(answer.json) for answer in answers] == [[1], [1]]
    assert walk(anna, after=refused.json["next"])[0] == [1], "nothing is missed"


def test_waiting_ends_when_the_process_stops_and_the_cursor_goes_on(notifier, anna):
    notifier.deliver(happened(1))
    cursor = walk(anna)[1]
    lifecycle.stopping.set()
    try:
        answer = anna.get(f"{EVENTS}?wait=20&after={cursor}")
    finally:
        lifecycle.stopping.clear()
    page = answer.json
    assert (page["items"], page["hasMore"]) == ([], False)
    assert answer.headers["Concord-Waited"] == "0", "a process that stops has no place"
    notifier.deliver(happened(2))
    assert walk(anna, after=page["next"])[0] == [2]


def test_who_waits_holds_no_connection(notifier, anna):
    cursor, pool = walk(anna)[1], notifier.database.engine.pool
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(anna.get, f"{EVENTS}?wait=20&after={cursor}")
        wait_until_seated(notifier, 1)
        assert pool.checkedout() == 0
        notifier.deliver(happened(1))
        assert numbers(answer.result(timeout=10).json) == [1]


def test_a_bounded_number_wait_and_the_others_are_answered_at_once():
    stopping, happens = threading.Event(), threading.Event()
    room = WaitingRoom(seats=3, stopping=stopping)
    first, second, third = uuid4(), uuid4(), uuid4()

    def wait(tenant, seconds, has_happened):
        with room.seat(tenant) as seated:
            return seated and room.watch(seconds, has_happened)

    with ThreadPoolExecutor(3) as pool:
        seated = [pool.submit(wait, tenant, 20, happens.is_set) for tenant in (first, first, second)]
        while room.taken < 3:
            pass
        assert not wait(third, 20, happens.is_set), "no seat is free"
        assert not wait(first, 20, happens.is_set), "one tenant does not take all of them"
        happens.set()
        assert [one.result(timeout=10) for one in seated] == [True] * 3
    assert wait(third, 20, happens.is_set), "seats are given back"
    assert not wait(third, 0.01, lambda: False), "time is up"
    stopping.set()
    assert not wait(third, 20, lambda: False), "nobody holds up a process that stops"


def test_old_events_are_forgotten_and_a_cursor_before_them_says_so(notifier, anna, configure):
    configure(EVENT_LOG_DAYS=30)
    notifier.deliver(*(happened(number) for number in range(3)))
    page = anna.get(f"{EVENTS}?limit=1").json
    _, end = walk(anna)
    with time_machine.travel(utcnow() + timedelta(days=29)):
        forget_old_events(notifier)
        notifier.deliver(happened(3))
    with time_machine.travel(utcnow() + timedelta(days=31)):
        notifier.deliver(happened(4))
        forget_old_events(notifier)
        assert walk(anna)[0] == [3, 4]
        assert walk(anna, after=end)[0] == [3, 4]
        answer = anna.get(f"{EVENTS}?after={page['next']}")
        assert (answer.status_code, answer.json["code"]) == (410, "cursor_expired")


def test_a_cursor_that_grows_old_while_it_is_looked_at_skips_nothing(notifier, anna, configure):
    configure(EVENT_LOG_DAYS=30)
    notifier.deliver(*(happened(number) for number in range(3)))
    cursor = anna.get(f"{EVENTS}?limit=1").json["next"]
    requests = []

    def forget_meanwhile(_connection, _cursor, statement, *_rest):
        if "FROM event_log_end" in statement and not requests:
            requests.append(statement)
            forget_old_events(notifier)

    with time_machine.travel(utcnow() + timedelta(days=31)):
        notifier.deliver(happened(3))
        sqlalchemy_event.listen(notifier.database.engine, "after_cursor_execute", forget_meanwhile)
        try:
            answer = anna.get(f"{EVENTS}?after={cursor}")
        finally:
            sqlalchemy_event.remove(notifier.database.engine, "after_cursor_execute", forget_meanwhile)
    assert requests
    assert answer.status_code == 410 or numbers(answer.json) == [1, 2, 3]


def test_a_quiet_tenants_cursor_does_not_grow_old(notifier, anna):
    """What others do moves it on, too."""
    cursor = walk(anna)[1]
    notifier.deliver(*(happened(number, tenants=(FJORD,)) for number in range(3)))
    cursor = walk(anna, after=cursor)[1]
    with time_machine.travel(utcnow() + timedelta(days=31)):
        forget_old_events(notifier)
    notifier.deliver(happened(4))
    assert walk(anna, after=cursor)[0] == [4]


def test_the_number_of_statements_does_not_grow_with_the_page(notifier, anna):
    notifier.deliver(*(happened(number) for number in range(60)))
    counted = []

    def count(_connection, _cursor, statement, *_rest):
        counted.append(statement)

    sqlalchemy_event.listen(notifier.database.engine, "before_cursor_execute", count)
    try:
        assert len(numbers(anna.get(f"{EVENTS}?limit=200").json)) == 60
    finally:
        sqlalchemy_event.remove(notifier.database.engine, "before_cursor_execute", count)
    assert len([statement for statement in counted if statement.startswith("SELECT")]) == 4


@pytest.mark.parametrize(
    ("subject", "index"),
    [(None, "tenant_id=? AND position>?"), (UUID(int=1), "tenant_id=? AND subject=? AND position>?")],
)
def test_a_page_is_found_by_index(notifier, anna, subject, index):
    """Neither the position nor the subject is searched row by row."""
    if notifier.database.dialect == "postgresql":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    with acting_as(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC)):
        statement = queries.visible(3, subject).compile(dialect=sqlite.dialect())
    with notifier.database.engine.connect() as connection:
        values = tuple("x" for _ in statement.params)
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert len(plan) == 1, plan
    assert index in plan[0]


def test_an_event_that_cannot_be_kept_holds_up_no_other(notifier, anna):
    """All of a batch are logged together; where one spoils it, each by itself."""
    spoilt = happened(2)
    spoilt["data"]["text"] = "\ud800"
    notifier.deliver(happened(1), spoilt, happened(3))
    assert numbers(anna.get(EVENTS).json) == [1, 3]
    assert [row.event_id for row in notifier.retry_rows()] == [spoilt["id"]]
    notifier.deliver(happened(4))
    assert numbers(anna.get(EVENTS).json) == [1, 3, 4]


def test_many_events_cost_few_statements(notifier, anna):
    """A batch costs the same number, whatever is in it."""
    notifier.deliver(happened())
    costs = []
    for size in (2, 20):
        with statements(notifier) as statements_sent:
            notifier.deliver(*(happened(number) for number in range(size)))
        costs.append(len(statements_sent))
    assert costs[0] == costs[1]
