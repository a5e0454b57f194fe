"""An erased person leaves the embedded broker's file: archive, dead letters and what is under way."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread
from types import SimpleNamespace
from uuid import UUID

import pytest

from chassis.messaging.broker import BrokerUnavailable, Message, connect, store
from privacy.archive_erasure import body_without, erase_window
from privacy.person import FORMER_USER, NO_ADDRESS, Person, email_digest

ANNA = UUID("01890000-0000-7000-8000-000000000001")
TENANT = UUID("01890000-0000-7000-8000-0000000000aa")
OTHER = UUID("01890000-0000-7000-8000-0000000000bb")
ADDRESS = "anna@nordic.example"
PERSON = Person(ANNA, TENANT, email_digest(ADDRESS))


@pytest.fixture
def url(tmp_path):
    return f"embedded://{tmp_path}/broker.db"


@pytest.fixture
def broker(url):
    with closing(connect(url, "test")) as opened:
        opened.declare("shop", ["people.#"])
        yield opened


def message(number, *, tenant=TENANT, **data):
    identifier, event_type = f"id-{number}", "people.Seen.v1"
    envelope = {"specversion": "1.0", "id": identifier, "type": event_type, "tenantids": str(tenant), "data": data}
    return Message(identifier, event_type, json.dumps(envelope).encode())


def about_anna(number):
    return message(number, userId=str(ANNA), name="Anna Lind", email=ADDRESS)


def erase(url, after=None):
    runtime = SimpleNamespace(broker=partial(connect, url))
    return erase_window(runtime, PERSON, after)


def archived(broker):
    bodies = []
    broker.read_archive(datetime.now(UTC) - timedelta(days=1), lambda message, _at: bodies.append(message.body))
    return bodies


def test_a_search_in_the_file_finds_nothing_and_messages_keep_their_shape(broker, url, tmp_path):
    """What is still to be delivered as well, which is the same message."""
    rolf = message(2, userId=str(OTHER), name="Rolf", email="rolf@fjord.example")
    broker.publish([about_anna(1), rolf])
    assert erase(url) is None
    first, second = archived(broker)
    assert json.loads(first)["data"] == {"userId": str(ANNA), "name": FORMER_USER, "email": NO_ADDRESS}
    assert second == rolf.body
    with closing(sqlite3.connect(tmp_path / "broker.db")) as file:
        assert not [row for row in file.execute("select body from message") if ADDRESS.encode() in row[0]]
    delivered, stop = [], Event()

    def handle(messages):
        delivered.extend(messages)
        stop.set()

    broker.consume("shop", handle, stop=stop)
    assert [letter.body for letter in delivered] == [first, second]


def test_dead_letters_lose_the_person_too(broker, url, tmp_path):
    broker.publish([about_anna(1)])
    with closing(sqlite3.connect(tmp_path / "broker.db")) as file, file:
        file.execute("update delivery set queue = 'shop.dead'")
    assert erase(url) is None
    letters = []
    broker.dead_letters("shop", lambda letter: letters.append(letter.message) or False)
    assert [ADDRESS in letter.body.decode() for letter in letters] == [False]


def test_the_file_is_gone_through_in_windows_from_where_it_stopped(broker, url, monkeypatch):
    monkeypatch.setattr(store, "PAGE", 2)
    monkeypatch.setattr(store, "AT_ONCE", 1)
    broker.publish([about_anna(number) for number in range(5)])
    place, windows = None, 0
    while True:
        place, windows = erase(url, place), windows + 1
        assert sum(ADDRESS.encode() in body for body in archived(broker)) == max(0, 5 - 2 * windows)
        if place is None:
            break
    assert windows == 3


def test_publishers_do_not_wait_while_bodies_are_worked_out(broker, url):
    """Only the rows are written under the lock."""
    broker.publish([about_anna(1)])
    published = Event()

    def change(body):
        other = connect(url, "other")
        thread = Thread(target=lambda: (other.publish([about_anna(2)]), published.set()), daemon=True)
        thread.start()
        assert published.wait(10)
        other.close()
        return body.replace(b"Anna", b"Nobody")

    assert broker.rewrite(change, 0) is None
    assert [b"Nobody" in body for body in archived(broker)] == [True, False]


def test_a_closed_broker_rewrites_nothing(broker):
    broker.publish([about_anna(1)])
    broker.close()
    with pytest.raises(BrokerUnavailable):
        broker.rewrite(lambda body: body, 0)


def test_the_address_counts_in_the_own_company_alone():
    """Another company's customer of that address stays, as in the tables."""
    theirs = message(1, tenant=OTHER, email=ADDRESS, name="Anna").body
    assert body_without(PERSON, theirs) == theirs
    own = json.loads(body_without(PERSON, message(1, email=ADDRESS, name="Anna").body))
    assert own["data"] == {"email": NO_ADDRESS, "name": FORMER_USER}
    assert body_without(PERSON, b"\xff @ " + str(TENANT).encode()) == b"\xff @ " + str(TENANT).encode()
