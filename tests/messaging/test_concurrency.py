"""Several people at once: no message is lost or out of order, and counts equal the messages."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from services.messaging.models import Message, Thread
from tests.messaging.helpers import (
    ANNA,
    ASTA,
    NORDIC,
    OTTO,
    RITA,
    ROLF,
    THREADS,
    badge,
    begun,
    opening,
    published,
    renamed,
    rows,
    stored,
    unread,
    write,
)


def at_once(*works):
    """Run all works in threads that start together; their results in order."""
    barrier = Barrier(len(works))

    def start(work):
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))


def post(messaging, person, address, body="Hello"):
    return lambda: messaging.client(person).post(f"{address}/messages", json={"body": body})


def put(messaging, person, address, mark):
    return lambda: messaging.client(person).put(f"{address}/{mark}")


def assert_whole(messaging, address):
    """Messages are numbered and events sequenced without gaps, and the thread shows the newest of them."""
    messages = sorted(stored(messaging, Message), key=lambda message: message.number)
    [thread] = stored(messaging, Thread)
    assert [message.number for message in messages] == list(range(1, thread.message_count + 1))
    times = [message.created_at for message in messages]
    assert times == sorted(set(times))
    assert (thread.last_message_at, thread.last_message_preview) == (times[-1], messages[-1].body)
    sequences = [sequence for _, sequence in published(messaging, address)]
    assert sequences == list(range(1, len(sequences) + 1))
    posted = [event["data"]["messageId"] for event in messaging.events("messaging.MessagePosted.v1")]
    assert posted == [str(message.id) for message in messages]
    return messages, thread


def assert_counted(messaging):
    """What a list says of its length, and the badge, is what there is (S0-66)."""
    threads = stored(messaging, Thread)
    for person, side in ((ANNA, "supplier"), (ROLF, "retailer"), (RITA, "retailer")):
        mine = [thread for thread in threads if person.tenant_id == getattr(thread, f"{side}_id")]
        put_away = sum(getattr(thread, f"{side}_archived") for thread in mine)
        for query, count in (("", len(mine) - put_away), ("?archived=true", put_away)):
            page = messaging.client(person).get(f"{THREADS}{query}").json
            assert page["totalItems"] == len(page["items"]) == count
        in_list = [thread for thread in mine if not getattr(thread, f"{side}_archived")]
        assert badge(messaging.client(person)) == sum(getattr(thread, f"{side}_unread") > 0 for thread in in_list)


def expected_unread(messages, tenant_id):
    """D14, counted from the messages: those of the other after the newest own one, where nobody marked anything."""
    count = 0
    for message in messages:
        count = 0 if message.sender_tenant_id == tenant_id else count + 1
    return count


def test_messages_at_once_are_all_kept_in_one_order(messaging, anna, rolf):
    """S0-60, S0-65: both sides write at the same time; counts are those of the order they came in."""
    address = begun(anna)
    works = [post(messaging, (ANNA, ROLF, ASTA)[number % 3], address, f"No {number}") for number in range(12)]
    assert [answer.status_code for answer in at_once(*works)] == [201] * 12
    messages, _ = assert_whole(messaging, address)
    assert len(messages) == 13
    assert unread(anna, address) == expected_unread(messages, NORDIC)
    assert unread(rolf, address) == expected_unread(messages, ROLF.tenant_id)
    assert_counted(messaging)


def test_reading_while_the_other_writes_loses_no_message(messaging, anna, rolf):
    """Whatever came after the mark is unread, and the reading was told at most once for each of its effects."""
    address = begun(anna)
    works = [post(messaging, ANNA, address, f"No {number}") for number in range(6)]
    works += [put(messaging, ROLF, address, mark) for mark in ("read", "read", "unread", "archive", "read", "archive")]
    assert {answer.status_code for answer in at_once(*works)} == {201, 204}
    assert_whole(messaging, address)
    write(anna, address, "The last")
    before = unread(rolf, address)
    assert 1 <= before <= 8
    assert (badge(rolf), rolf.get(address).json["archived"]) == (1, False)
    rolf.put(f"{address}/read")
    assert (unread(rolf, address), badge(rolf)) == (0, 0)
    assert_counted(messaging)


def test_threads_opened_and_put_away_at_once_are_counted(messaging, anna):
    """Two suppliers and two retailers, crosswise."""
    address = begun(anna)

    def opens(person, retailer):
        return lambda: messaging.client(person).post(THREADS, json=opening(retailer))

    works = [opens(*pair) for pair in ((ANNA, ROLF), (OTTO, ROLF), (ANNA, RITA), (ASTA, RITA))]
    works += [put(messaging, person, address, "archive") for person in (ANNA, ROLF, ASTA)]
    works += [put(messaging, ROLF, address, mark) for mark in ("read", "unread")]
    works += [post(messaging, ROLF, address), post(messaging, ANNA, address)]
    assert {answer.status_code for answer in at_once(*works)} == {201, 204}
    assert_counted(messaging)


def test_of_two_answers_to_what_was_seen_one_wins(messaging, anna, rolf):
    """D6: two people of one tenant do not answer the same question twice when they ask not to."""
    address = begun(anna)
    write(rolf, address, "Which size?")
    seen = {"If-Match": anna.get(address).headers["ETag"]}
    works = [
        lambda person=person: messaging.client(person).post(f"{address}/messages", json={"body": "A1"}, headers=seen)
        for person in (ANNA, ASTA, ANNA)
    ]
    assert sorted(answer.status_code for answer in at_once(*works)) == [201, 412, 412]
    assert rows(messaging)["messages"] == 3


def test_a_key_used_twice_at_once_posts_once(messaging, anna):
    """D7."""
    address, headers = begun(anna), {"Idempotency-Key": "twice"}
    works = [
        lambda: messaging.client(ROLF).post(f"{address}/messages", json={"body": "Yes"}, headers=headers)
        for _ in range(4)
    ]
    assert {answer.status_code for answer in at_once(*works)} <= {201, 409}
    assert rows(messaging)["messages"] == 2


def test_a_thread_opened_during_a_rename_shows_the_new_name(messaging, anna):
    def opens():
        return messaging.client(ANNA).post(THREADS, json=opening(ROLF))

    for number in range(1, 6):
        at_once(opens, opens, lambda number=number: messaging.deliver(renamed(NORDIC, f"Name {number}", number)))
        messaging.retry_all()
        names = {item["supplierName"] for item in anna.get(f"{THREADS}?pageSize=200").json["items"]}
        assert names == {f"Name {number}"}


def test_a_rename_while_people_write(messaging, anna):
    address = begun(anna)
    works = [post(messaging, ROLF, address, f"No {number}") for number in range(4)]
    at_once(*works, lambda: messaging.deliver(renamed(NORDIC, "Nordic Heat", 2)))
    messaging.retry_all()
    assert anna.get(address).json["supplierName"] == "Nordic Heat"
    assert_whole(messaging, address)
