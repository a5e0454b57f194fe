"""Talking: messages, order, unread counts, whose turn it is, the archive."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import event

from tests.messaging.helpers import (
    ANNA,
    ARTWORK,
    BADGE,
    NORDIC,
    RITA,
    ROLF,
    THREADS,
    badge,
    begun,
    bodies,
    done,
    everything,
    fields_of,
    is_problem,
    last_id,
    listed,
    published,
    rows,
    unread,
    write,
)


def test_either_party_posts_and_reads(anna, rolf):
    """S0-59."""
    address = begun(anna)
    answer = rolf.post(f"{address}/messages", json={"body": "  It works.\n"})
    assert answer.status_code == 201
    message = answer.json
    assert message == {
        "id": message["id"],
        "threadId": last_id(address),
        "senderTenantId": str(ROLF.tenant_id),
        "senderName": "Rolf",
        "body": "It works.",
        "isSystem": False,
        "createdAt": message["createdAt"],
    }
    write(anna, address, "Good.")
    assert bodies(anna, address) == bodies(rolf, address) == [ARTWORK["firstMessage"], "It works.", "Good."]
    assert rolf.get(f"{address}/messages").json["items"][1] == message


def test_posting_tells_the_other_party(anna, rolf, messaging):
    """S0-61: a mail rests on the event; both may see it."""
    address = begun(anna)
    message = write(rolf, address, "It  works.\nLet us " + "go " * 100)
    event = messaging.events("messaging.MessagePosted.v1")[-1]
    assert event["tenantids"] == f"{NORDIC},{ROLF.tenant_id}"
    assert event["actorid"] == str(ROLF.user_id)
    assert event["data"] == {
        "messageId": message["id"],
        "threadId": last_id(address),
        "subject": ARTWORK["subject"],
        "senderTenantId": str(ROLF.tenant_id),
        "senderName": "Rolf",
        "recipientTenantId": str(NORDIC),
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "retailerId": str(ROLF.tenant_id),
        "retailerName": "Fjord Retail",
        "preview": anna.get(address).json["lastMessagePreview"],
        "isSystem": False,
    }
    assert event["data"]["preview"].startswith("It works. Let us go go")


def test_a_message_moves_its_thread_to_the_top(anna, rolf):
    """S0-60, S0-64: for both, with a preview of it."""
    old, new = begun(anna, subject="Old"), begun(anna, RITA, subject="New")
    assert listed(anna) == ["New", "Old"]
    write(rolf, old, "Hello\n\n  again")
    assert listed(anna) == ["Old", "New"]
    top = anna.get(THREADS).json["items"][0]
    assert (top["lastMessagePreview"], top["unreadCount"]) == ("Hello again", 1)
    assert top["lastMessageAt"] == anna.get(f"{old}/messages").json["items"][-1]["createdAt"] > top["createdAt"]
    write(anna, new)
    assert listed(anna) == ["New", "Old"]


def test_unread_is_what_the_other_wrote_since_i_read(anna, rolf):
    """S0-64, S0-65, D14: own messages never count, and reading a list or a message moves no mark."""
    address = begun(anna)
    write(anna, address, "And?")
    assert (unread(anna, address), unread(rolf, address)) == (0, 2)
    bodies(rolf, address)
    assert rolf.get(THREADS).json["items"][0]["unreadCount"] == 2
    done(rolf.put(f"{address}/read"))
    assert (unread(anna, address), unread(rolf, address)) == (0, 0)
    write(anna, address)
    assert unread(rolf, address) == 1


def test_posting_moves_the_own_mark(anna, rolf):
    """D14: who answers has read; the other has something new."""
    address = begun(anna)
    write(anna, address)
    write(rolf, address)
    assert (unread(anna, address), unread(rolf, address)) == (1, 0)
    assert (badge(anna), badge(rolf)) == (1, 0)


def test_the_badge_counts_threads(anna, rolf, rita):
    """S0-66, D14: not messages."""
    first, second = begun(anna), begun(anna)
    begun(anna, RITA)
    write(anna, first)
    write(anna, first)
    assert (badge(anna), badge(rolf), badge(rita)) == (0, 2, 1)
    done(rolf.put(f"{first}/read"))
    assert badge(rolf) == 1
    write(rolf, second)
    assert (badge(anna), badge(rolf), badge(rita)) == (1, 0, 1)


def test_the_badge_is_no_thread(anna):
    """S0-67."""
    answer = anna.get(BADGE)
    assert (answer.status_code, answer.json) == (200, {"unreadCount": 0})


def test_reading_is_told_once_and_only_to_the_reader(anna, rolf, messaging):
    address = begun(anna)
    for _ in range(3):
        done(rolf.put(f"{address}/read"))
    done(anna.put(f"{address}/read"))
    [event] = messaging.events("messaging.ThreadRead.v1")
    assert event["tenantids"] == str(ROLF.tenant_id)
    read_at = event["data"].pop("readAt")
    assert event["data"] == {"threadId": last_id(address), "tenantId": str(ROLF.tenant_id)}
    assert read_at == event["time"] == rolf.get(address).json["updatedAt"]


def test_an_answer_to_something_unread_says_that_it_was_read(anna, rolf, messaging):
    """D14: whoever mails about unread messages need not know that posting moves a mark."""
    address = begun(anna)
    write(rolf, address)
    write(rolf, address)
    assert published(messaging, address) == [
        ("ThreadStarted", 1),
        ("MessagePosted", 2),
        ("ThreadRead", 3),
        ("MessagePosted", 4),
        ("MessagePosted", 5),
    ]


def test_a_thread_can_be_marked_unread_again(anna, rolf, messaging):
    """The mark moves back before the other party's newest message, whoever wrote last."""
    address = begun(anna)
    done(rolf.put(f"{address}/unread"))
    assert unread(rolf, address) == 1
    write(anna, address)
    done(rolf.put(f"{address}/unread"))
    assert unread(rolf, address) == 2
    done(rolf.put(f"{address}/read"))
    done(rolf.put(f"{address}/unread"))
    assert (unread(rolf, address), badge(rolf)) == (1, 1)
    write(rolf, address)
    done(rolf.put(f"{address}/unread"))
    assert (unread(rolf, address), unread(anna, address)) == (1, 1)
    done(rolf.put(f"{address}/read"))
    assert badge(rolf) == 0
    assert len(messaging.events("messaging.ThreadRead.v1")) == 3


def test_where_nothing_was_received_nothing_can_be_unread(anna, rolf, messaging):
    address = begun(anna)
    before = everything(messaging)
    is_problem(anna.put(f"{address}/unread"), 409, "nothing_received")
    assert everything(messaging) == before
    write(rolf, address)
    done(anna.put(f"{address}/read"))
    done(anna.put(f"{address}/unread"))
    assert unread(anna, address) == 1


def test_the_other_party_waits_since_the_first_message_without_answer(anna, rolf):
    address = begun(anna)
    opened = anna.get(address).json
    write(anna, address, "Anybody there?")
    waiting = rolf.get(address).json
    assert (waiting["waitingFor"], waiting["waitingSince"]) == ("retailer", opened["createdAt"])
    answer = write(rolf, address)
    write(rolf, address, "Hello?")
    for client in (anna, rolf):
        thread = client.get(address).json
        assert (thread["waitingFor"], thread["waitingSince"]) == ("supplier", answer["createdAt"])


def test_each_side_archives_for_itself(anna, rolf, messaging):
    first, put_away = begun(anna, subject="Kept"), begun(anna, subject="Put away")
    done(anna.put(f"{put_away}/archive"))
    assert (listed(anna), listed(anna, "?archived=false")) == (["Kept"], ["Kept"])
    assert listed(anna, "?archived=true") == ["Put away"]
    assert listed(rolf) == ["Put away", "Kept"]
    assert (anna.get(put_away).json["archived"], rolf.get(put_away).json["archived"]) == (True, False)
    assert anna.get(first).json["archived"] is False
    done(anna.put(f"{put_away}/archive"))
    done(anna.delete(f"{put_away}/archive"))
    done(anna.delete(f"{put_away}/archive"))
    assert listed(anna) == ["Put away", "Kept"]
    assert rows(messaging)["outbox"] == 4


def test_a_message_of_the_other_brings_a_thread_back(anna, rolf):
    """An own one does not."""
    address = begun(anna)
    done(anna.put(f"{address}/archive"))
    write(anna, address)
    assert listed(anna) == []
    write(rolf, address)
    assert listed(anna) == [ARTWORK["subject"]]


def test_archiving_leaves_the_read_mark(rolf, anna):
    address = begun(anna)
    done(rolf.put(f"{address}/archive"))
    assert (badge(rolf), unread(rolf, address)) == (0, 1)
    done(rolf.delete(f"{address}/archive"))
    assert (badge(rolf), unread(rolf, address)) == (1, 1)


def unread_in_list(client):
    return sum(item["unreadCount"] > 0 for item in client.get(THREADS).json["items"])


def test_the_badge_counts_what_the_list_shows(rolf, anna):
    """S0-66: whatever is read, put away or taken back."""
    first, second = begun(anna, subject="First"), begun(anna, subject="Second")
    steps = [
        (lambda: rolf.put(f"{first}/archive"), 1),
        (lambda: rolf.put(f"{first}/read"), 1),
        (lambda: rolf.put(f"{first}/unread"), 1),
        (lambda: rolf.put(f"{second}/archive"), 0),
        (lambda: rolf.delete(f"{first}/archive"), 1),
        (lambda: anna.post(f"{second}/messages", json={"body": "Hello?"}), 2),
        (lambda: rolf.post(f"{second}/messages", json={"body": "Yes."}), 1),
        (lambda: rolf.put(f"{first}/read"), 0),
    ]
    assert (badge(rolf), unread_in_list(rolf)) == (2, 2)
    for number, (step, count) in enumerate(steps):
        assert step().status_code in (201, 204)
        assert (badge(rolf), unread_in_list(rolf)) == (count, count), number
    assert (badge(anna), unread_in_list(anna)) == (1, 1)


def test_who_keeps_a_copy_asks_for_what_changed(anna, rolf):
    """Each change that a side can see is given to that side, and only to it; archived threads too."""
    first, second = begun(anna, subject="First"), begun(anna, subject="Second")

    def changed(client, since):
        return listed(client, f"?updatedSince={since}")

    def newest(client):
        return max(
            item["updatedAt"] for item in client.get(f"{THREADS}?updatedSince=2020-01-01T00:00:00Z").json["items"]
        )

    def after(moment):
        return (datetime.fromisoformat(moment) + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")

    for act, seen_by_anna, seen_by_rolf in (
        (lambda: rolf.put(f"{first}/read"), [], ["First"]),
        (lambda: write(rolf, first), ["First"], ["First"]),
        (lambda: anna.put(f"{second}/archive"), ["Second"], []),
        (lambda: anna.put(f"{first}/read"), ["First"], []),
        (lambda: anna.put(f"{first}/read"), [], []),
        (lambda: write(anna, second), ["Second"], ["Second"]),
        (lambda: rolf.put(f"{second}/unread"), [], []),
    ):
        since = [newest(client) for client in (anna, rolf)]
        assert changed(anna, since[0]) != []
        act()
        assert [changed(client, after(moment)) for client, moment in zip((anna, rolf), since, strict=True)] == [
            seen_by_anna,
            seen_by_rolf,
        ]
    assert listed(anna, "?updatedSince=2020-01-01T00:00:00Z") == ["Second", "First"]
    assert listed(anna, "?updatedSince=2020-01-01T00:00:00Z&archived=true") == ["Second"]
    assert listed(anna, "?updatedSince=2020-01-01T00:00:00Z&archived=false") == ["First"]
    assert listed(anna, "?updatedSince=2999-01-01T00:00:00Z") == []


def test_messages_come_in_pages_of_twenty_oldest_first(anna, rolf):
    """S0-63."""
    address = begun(anna)
    bodies_sent = [ARTWORK["firstMessage"], *(f"Message {number}" for number in range(2, 46))]
    for body in bodies_sent[1:]:
        write(anna, address, body)
    page = rolf.get(f"{address}/messages").json
    assert {key: value for key, value in page.items() if key != "items"} == {
        "page": 1,
        "pageSize": 20,
        "totalItems": 45,
        "totalPages": 3,
    }
    for query, expected in (
        ("", bodies_sent[:20]),
        ("?page=2", bodies_sent[20:40]),
        ("?page=3", bodies_sent[40:]),
        ("?page=4", []),
        ("?page=1000000&pageSize=200", []),
        ("?pageSize=7&page=2", bodies_sent[7:14]),
        ("?order=asc&pageSize=200", bodies_sent),
        ("?order=desc", bodies_sent[:24:-1]),
        ("?order=desc&page=2", bodies_sent[24:4:-1]),
        ("?order=desc&page=3", bodies_sent[4::-1]),
        ("?order=desc&page=4", []),
        ("?order=desc&page=1000000&pageSize=200", []),
    ):
        assert bodies(rolf, address, query) == expected, query


def test_threads_come_in_pages(anna):
    for number in range(5):
        begun(anna, subject=f"Thread {number}")
    page = anna.get(f"{THREADS}?page=2&pageSize=2").json
    assert [item["subject"] for item in page["items"]] == ["Thread 2", "Thread 1"]
    assert (page["totalItems"], page["totalPages"]) == (5, 3)
    assert anna.get(f"{THREADS}?page=4&pageSize=2").json["items"] == []


BAD_QUERIES = [
    *[(THREADS, query) for query in ("page=0", "page=x", "pageSize=0", "pageSize=201", "page=99999999999999999999")],
    *[(THREADS, f"archived={value}") for value in ("", "1", "yes", "TRUE", "null")],
    *[(THREADS, f"updatedSince={value}") for value in ("", "now", "2026-04-01", "2026-04-01T00:00:00", "1775001600")],
    *[(THREADS, f"q={value}") for value in ("", "%20%09", "x" * 201)],
    *[(THREADS, query) for query in ("status=unread", "q=a&Q=b")],
    *[("messages", query) for query in ("page=0", "pageSize=201", "order=newest", "order=", "q=x")],
]


@pytest.mark.parametrize(("path", "query"), BAD_QUERIES)
def test_bad_queries_are_refused(anna, path, query):
    target = THREADS if path == THREADS else f"{begun(anna)}/messages"
    problem = is_problem(anna.get(f"{target}?{query}"), 422, "validation_failed")
    assert set(fields_of(problem)) == {query.split("&")[-1].partition("=")[0]}


def test_a_query_with_a_nul_is_malformed(anna):
    is_problem(anna.get(f"{THREADS}?q=a%00b"), 400, "malformed")


@pytest.mark.parametrize("body", [None, 7, "", " \n ", ["x"], {}, True, "x" * 10_001])
def test_bad_messages_are_refused_and_write_nothing(anna, rolf, messaging, body):
    address = begun(anna)
    before = everything(messaging)
    problem = is_problem(rolf.post(f"{address}/messages", json={"body": body}), 422, "validation_failed")
    assert set(fields_of(problem)) == {"body"}
    assert everything(messaging) == before


def test_messages_have_a_body_and_nothing_else(anna, rolf, messaging):
    address = begun(anna)
    before = everything(messaging)
    for extra in ("isSystem", "senderName", "threadId"):
        problem = is_problem(rolf.post(f"{address}/messages", json={"body": "x", extra: "y"}), 422, "validation_failed")
        assert fields_of(problem) == [extra]
    is_problem(rolf.post(f"{address}/messages", json={}), 422, "validation_failed")
    is_problem(rolf.post(f"{address}/messages", json={"body": "a\x00b"}), 400, "malformed")
    is_problem(rolf.post(f"{address}/messages", data="body=x"), 415, "unsupported_media_type")
    assert everything(messaging) == before


NO_IDS = ["1", "8f3c", "not-a-uuid", "unread-count/messages", "%20", "8f3c1d2e-0000-4000-8000-000000000001x"]


@pytest.mark.parametrize("thread_id", NO_IDS)
def test_what_is_no_id_is_not_there(anna, thread_id):
    is_problem(anna.get(f"{THREADS}/{thread_id}"), 404, "not_found")
    is_problem(anna.put(f"{THREADS}/{thread_id}/read"), 404, "not_found")


def test_nothing_is_read_or_answered_unseen(anna, rolf, messaging):
    """D6: every change of a thread honours If-Match, and what the other side reads does not count as a change."""
    address = begun(anna)
    seen = {"If-Match": rolf.get(address).headers["ETag"]}
    write(anna, address, "One more thing")
    before = everything(messaging)
    for method, path, body in (
        ("PUT", "read", None),
        ("PUT", "unread", None),
        ("PUT", "archive", None),
        ("DELETE", "archive", None),
        ("POST", "messages", {"body": "Fine"}),
    ):
        kwargs = {} if body is None else {"json": body}
        answer = rolf.open(f"{address}/{path}", method=method, headers=seen, **kwargs)
        is_problem(answer, 412, "stale_version")
    assert everything(messaging) == before
    mine = {"If-Match": anna.get(address).headers["ETag"]}
    seen = {"If-Match": rolf.get(address).headers["ETag"]}
    seen = {"If-Match": done(rolf.put(f"{address}/read", headers=seen)).headers["ETag"]}
    seen = {"If-Match": done(rolf.put(f"{address}/archive", headers=seen)).headers["ETag"]}
    assert seen["If-Match"] == rolf.get(address).headers["ETag"]
    done(anna.put(f"{address}/archive", headers=mine))


def test_a_message_with_a_key_is_posted_once(anna, rolf, messaging):
    """D7."""
    address, headers = begun(anna), {"Idempotency-Key": "m-1"}
    first = rolf.post(f"{address}/messages", json={"body": "Yes"}, headers=headers)
    again = rolf.post(f"{address}/messages", json={"body": "Yes"}, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert unread(anna, address) == 1
    assert rows(messaging)["messages"] == 2


def test_lists_badge_and_pages_cost_a_fixed_number_of_statements(anna, rolf, messaging):
    """Whatever they hold."""

    def cost(path):
        seen = []
        note = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(messaging.database.engine, "before_cursor_execute", note)
        try:
            assert anna.get(path).status_code == 200
        finally:
            event.remove(messaging.database.engine, "before_cursor_execute", note)
        return len([statement for statement in seen if not statement.startswith("BEGIN")])

    address = begun(anna)
    paths = (THREADS, f"{THREADS}?q=works", BADGE, address, f"{address}/messages")
    few = [cost(path) for path in paths]
    for _ in range(12):
        write(rolf, begun(anna), "It works")
        write(rolf, address, "It works")
    assert [cost(path) for path in paths] == few
    assert few == [2, 3 if messaging.database.dialect == "postgresql" else 2, 1, 1, 2]


def test_a_clock_that_runs_behind_does_not_turn_the_order_round(anna, rolf, monkeypatch):
    """Processes' clocks differ; a thread's messages and changes still follow one another."""
    address = begun(anna)
    behind = datetime.fromisoformat(anna.get(address).json["createdAt"]) - timedelta(seconds=2)
    monkeypatch.setattr("services.messaging.api.utcnow", lambda: behind)
    tag = rolf.get(address).headers["ETag"]
    write(rolf, address, "From behind")
    messages = anna.get(f"{address}/messages").json["items"]
    assert messages[0]["createdAt"] < messages[1]["createdAt"] == anna.get(address).json["lastMessageAt"]
    assert rolf.get(address).headers["ETag"] != tag
    assert (unread(anna, address), ANNA.tenant_id) == (1, NORDIC)
