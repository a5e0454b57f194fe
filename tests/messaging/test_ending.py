"""A tenant that has ended: conversations stay for the other side, without its name and its people's."""

from tests.messaging.helpers import ANNA, ROLF, THREADS, begun, bodies, listed, renamed, write
from tests.plugin.endings import end, go_through, may_remain, tables_with
from tests.plugin.search import rows_with


def talk(messaging):
    anna, rolf = messaging.client(ANNA), messaging.client(ROLF)
    address = begun(anna)
    write(rolf, address, "It works.")
    return anna, rolf, address


def test_the_conversation_stays_for_the_other_side(messaging, partners):
    _, rolf, address = talk(messaging)
    tag = rolf.get(THREADS).headers.get("ETag")
    end(messaging, ANNA.tenant_id)
    assert tables_with(messaging, ANNA.tenant_id) <= may_remain(messaging)
    assert "thread_counts" not in tables_with(messaging, ANNA.tenant_id)
    thread = rolf.get(address).json
    assert (thread["supplierName"], thread["retailerName"]) == ("former company", "Fjord Retail")
    assert [item["senderName"] for item in rolf.get(f"{address}/messages").json["items"]] == ["former user", "Rolf"]
    assert bodies(rolf, address)[-1] == "It works."
    assert tag is None or rolf.get(THREADS).headers["ETag"] != tag
    assert listed(rolf) == ["Spring campaign artwork"]
    engine = messaging.database.engine
    named = {table for table, _ in rows_with(engine, "Nordic Heating")} - {"outbox", "audit"}
    assert named == set()


def test_it_goes_with_the_second_of_the_two(messaging, partners):
    talk(messaging)
    end(messaging, ANNA.tenant_id)
    end(messaging, ROLF.tenant_id)
    for tenant in (ANNA, ROLF):
        assert tables_with(messaging, tenant.tenant_id) - {"audit"} <= {"tenant_names"}


def test_no_late_event_shows_the_name_again(messaging, partners):
    _, rolf, address = talk(messaging)
    end(messaging, ANNA.tenant_id)
    messaging.deliver(renamed(ANNA.tenant_id, "Nordic Warmth", 5))
    assert rolf.get(address).json["supplierName"] == "former company"
    go_through(messaging)
    assert rows_with(messaging.database.engine, "Nordic Warmth") == []


def test_many_threads_go_in_pieces(messaging, partners, monkeypatch):
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    anna, rolf, _ = talk(messaging)
    for subject in ("Two", "Three"):
        begun(anna, subject=subject)
    end(messaging, ANNA.tenant_id)
    assert {item["supplierName"] for item in rolf.get(THREADS).json["items"]} == {"former company"}
    assert len(rolf.get(THREADS).json["items"]) == 3
