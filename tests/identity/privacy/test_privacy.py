"""What is kept about a person: an export has every row that a search for their address finds in all databases, and
after the erasure that search finds nothing."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.services import SERVICES
from privacy import people_duty
from privacy.erasures import ErasureRow
from privacy.passes import PASSES
from privacy.people_duty import PeopleDuty
from privacy.person import FORMER_USER, NO_ADDRESS, email_digest
from services.affiliates.affiliates import actions as affiliate_actions
from services.identity.privacy import rules, tasks
from services.identity.privacy.models import Export, ExportPart
from services.identity.users.models import User
from services.messaging.models import Message, Thread
from services.notifier.audience.models import Contact
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log.models import LoggedEvent
from tests.identity.conftest import ADMIN, is_problem
from tests.identity.privacy.conftest import EMAIL, ME, NAME, SYSTEM, archive_of, erase, gather, go_through, search
from tests.plugin import principal


def test_an_export_has_every_row_that_a_search_finds(world):
    me = world.identity.running.client(world.Anna)
    hits = search(world, EMAIL)
    assert set(hits) == {"identity", "notifier", "prm"}
    assert {table for table, _ in hits["notifier"]} == {"contacts", "event_log", "deliveries", "bounces"}
    answer = me.post(ME)
    assert answer.status_code == 202
    assert answer.json["state"] == "gathering"
    assert answer.json["progress"] == dict.fromkeys(SERVICES, "waiting")
    gather(world)
    export = me.get(ME).json
    assert (export["state"], export["progress"]) == ("ready", dict.fromkeys(SERVICES, "done"))
    archive = archive_of(me, export)
    assert archive == export["everything"]
    for name, rows in hits.items():
        for table, row in rows:
            keys = [column.name for column in _table(world, name, table).primary_key.columns]
            exported = [[_id(one[key]) for key in keys] for one in archive[name].get(table, ())]
            assert [_id(row[key]) for key in keys] in exported, (name, table)
    assert [one["body"] for one in archive["messaging"]["messages"]] == ["Here it is."]
    assert "password_hash" not in archive["identity"]["users"][0]
    assert "digest" not in json.dumps(archive["identity"]["refresh_tokens"])


def _table(world, name, table):
    service = world.running[name].runtime.service
    return next(data.table for data in service.duty(PeopleDuty).tables if data.table.name == table)


def _id(value):
    return str(value).replace("-", "")


def test_after_the_erasure_a_search_finds_neither_address_nor_name(world):
    assert search(world, NAME)
    erase(world, world.Anna)
    assert search(world, NAME) == {}
    assert search(world, EMAIL) == {}


def test_the_others_keep_their_names(world):
    before = {name: search(world, name) for name in ("Rolf Fjord", "Vera Holm", "rolf@fjord.example")}
    erase(world, world.Anna)
    for text, hits in before.items():
        assert {name: len(rows) for name, rows in search(world, text).items()} == {
            name: len(rows) for name, rows in hits.items()
        }


def test_what_remains_says_former_user_and_bodies_stay_json_of_their_shape(world):
    notifier = world.running["notifier"].database
    with acting_as(SYSTEM), notifier.read() as session:
        before = [json.loads(body) for body in session.scalars(select(LoggedEvent.body).order_by(LoggedEvent.position))]
    erase(world, world.Anna)
    with acting_as(SYSTEM), notifier.read() as session:
        logged = select(LoggedEvent.body).order_by(LoggedEvent.position)
        after = [json.loads(body) for body in session.scalars(logged)][: len(before)]
        contact = session.get_one(Contact, world.Anna.user_id)
        mails = session.scalars(select(Delivery).where(Delivery.user_id == world.Anna.user_id)).all()
        assert (contact.email, contact.name, contact.active) == (None, None, False)
        assert {mail.address for mail in mails} == {None}
        assert {mail.state for mail in mails} == {"sent", "suppressed"}
    assert [_shape(event) for event in after] == [_shape(event) for event in before]
    added = next(event for event in after if event["subject"] == str(world.Anna.user_id))
    assert (added["data"]["name"], added["data"]["email"]) == (FORMER_USER, NO_ADDRESS)
    with acting_as(SYSTEM), world.running["messaging"].database.read() as session:
        first = session.scalars(select(Message).order_by(Message.number)).all()
        assert [(message.sender_name, message.body) for message in first] == [
            (FORMER_USER, "Here it is."),
            ("Rolf Fjord", "It works."),
        ]
        assert session.scalars(select(Thread)).one().subject == "Artwork"
    trail = world.identity.trail(str(world.Anna.user_id))
    assert {entry["action"] for entry in trail} >= {"user.added", "user.erased"}
    with acting_as(SYSTEM), world.identity.running.database.read() as session:
        user = session.get_one(User, world.Anna.user_id)
        assert (user.name, user.email, user.password_hash) == (FORMER_USER, NO_ADDRESS, None)


def _shape(value):
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else type(value)


def test_erasing_twice_is_erasing_once(world):
    erase(world, world.Anna)
    events = world.identity.running.events("identity.PersonErased.v1")
    state = search(world, FORMER_USER)
    erase(world, world.Anna, rounds=2)
    assert len(world.identity.running.events("identity.PersonErased.v1")) == len(events) == 1
    assert events[0]["data"]["emailDigest"] == email_digest(EMAIL)
    assert events[0]["tenantids"] == ""
    assert search(world, FORMER_USER) == state


def test_what_arrives_late_is_erased_by_a_later_pass_and_then_the_digest_goes(world):
    late = world.identity.running.events("identity.UserAdded.v1")[0] | {"id": str(uuid4()), "sequence": 2}
    erase(world, world.Anna)
    notifier = world.running["notifier"]
    with acting_as(SYSTEM), notifier.database.begin() as session:
        body = json.dumps(late, ensure_ascii=False)
        session.add(LoggedEvent(position=9999, event_id=UUID(late["id"]), body=body, logged_at=utcnow()))
    assert search(world, NAME)
    for _ in PASSES:
        go_through("notifier", notifier)
    assert search(world, NAME) == {}
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert session.scalars(select(ErasureRow)).all() == []


def test_a_pass_of_many_rows_goes_in_windows_and_survives_a_crash(world, monkeypatch):
    monkeypatch.setattr("privacy.personal_data.WINDOW", 2)
    monkeypatch.setattr("privacy.personal_data.CANDIDATES", 1)
    monkeypatch.setattr("privacy.people_duty.BATCH", 1)
    crashes = iter([True, False, True])
    erase_rows = people_duty.erase_rows

    def crash(*arguments):
        if next(crashes, False):
            raise RuntimeError("killed")
        return erase_rows(*arguments)

    monkeypatch.setattr("privacy.people_duty.erase_rows", crash)
    for _ in range(3):
        try:
            erase(world, world.Anna)
        except RuntimeError:
            continue
    assert search(world, NAME) == search(world, EMAIL) == {}


def test_another_companys_customer_of_that_address_stays(world):
    """Nobody may have a person of theirs erased, or exported, with the address of somebody else's customer."""
    affiliates = world.running["affiliates"]
    for tenant in (world.Anna.tenant_id, uuid4()):
        merchant = principal("MerchantAdmin", tenant_id=tenant)
        with acting_as(merchant), affiliates.database.begin() as session:
            affiliate_actions.apply(session, name=NAME, email=EMAIL, actor=merchant, now=utcnow())
    me = world.identity.running.client(world.Anna)
    assert me.post(ME).status_code == 202
    gather(world)
    exported = archive_of(me, me.get(ME).json)["affiliates"]["affiliates"]
    assert [one["merchant_id"] for one in exported] == [str(world.Anna.tenant_id)]
    erase(world, world.Anna)
    rest = search(world, EMAIL)
    assert set(rest) == {"affiliates"}
    others = str(world.Anna.tenant_id).replace("-", "")
    assert all(others not in json.dumps(row, default=str).replace("-", "") for _, row in rest["affiliates"])
    assert {table for table, _ in rest["affiliates"]} == {"affiliates", "audit"}


def test_a_service_that_is_away_is_asked_again_and_the_others_are_not(world, monkeypatch):
    world.identity.running.disconnect("prm")
    me = world.identity.running.client(world.Anna)
    export = me.post(ME).json
    gather(world)
    progress = me.get(ME).json["progress"]
    assert progress == dict.fromkeys(SERVICES, "done") | {"prm": "waiting"}
    assert me.get(ME).json["archive"] is None
    assert me.post(ME).json["id"] == export["id"]
    is_problem(me.get(f"{ME}/{export['id']}/archive"), 404, "not_found")
    world.identity.running.connect("prm", world.running["prm"])
    world.identity.running.disconnect("notifier")
    _make_due(world)
    gather(world)
    assert me.get(ME).json["state"] == "ready"


def test_an_export_that_waits_for_a_day_has_failed_and_can_be_asked_for_again(world):
    world.identity.running.disconnect("prm")
    me = world.identity.running.client(world.Anna)
    export = me.post(ME).json
    gather(world)
    _make_due(world, created_at=utcnow() - rules.GIVE_UP_AFTER - timedelta(seconds=1))
    gather(world)
    assert me.get(ME).json["state"] == "failed"
    with acting_as(SYSTEM), world.identity.running.database.read() as session:
        assert session.scalars(select(ExportPart)).all() == []
    assert me.post(ME).json["id"] != export["id"]


def _make_due(world, **values):
    with acting_as(SYSTEM), world.identity.running.database.begin() as session:
        session.execute(update(Export).values(next_at=utcnow() - timedelta(seconds=1), **values))


def test_whoever_is_erased_while_an_export_is_under_way_has_none(world):
    world.identity.running.disconnect("prm")
    assert world.identity.running.client(world.Anna).post(ME).status_code == 202
    gather(world)
    erase(world, world.Anna)
    _make_due(world)
    gather(world)
    with acting_as(SYSTEM), world.identity.running.database.read() as session:
        assert session.scalars(select(Export)).all() == session.scalars(select(ExportPart)).all() == []


def test_a_slow_service_shows_what_it_keeps_in_many_answers(world, monkeypatch):
    monkeypatch.setattr("privacy.people_duty.BUSY", -1)
    me = world.identity.running.client(world.Anna)
    me.post(ME)
    gather(world)
    assert me.get(ME).json["state"] == "ready"
    assert me.get(ME).json["everything"]["notifier"]["contacts"][0]["name"] == NAME


def test_an_archive_is_gone_after_seven_days(world):
    me = world.identity.running.client(world.Anna)
    export = me.post(ME).json
    gather(world)
    path = me.get(ME).json["archive"]
    _make_due(world, expires_at=utcnow() - timedelta(seconds=1))
    is_problem(me.get(ME), 404, "not_found")
    is_problem(me.get(path), 404, "not_found")
    with acting_as(SYSTEM):
        assert tasks.forget_exports(world.identity.running.runtime) is False
        with world.identity.running.database.read() as session:
            assert session.get(Export, UUID(export["id"])) is None


def test_a_large_archive_is_only_a_file(world, monkeypatch):
    monkeypatch.setattr("services.identity.privacy.rules.INLINE", 10)
    me = world.identity.running.client(world.Anna)
    me.post(ME)
    gather(world)
    assert me.get(ME).json["everything"] is None


def test_more_than_an_archive_takes_fails(world, monkeypatch):
    monkeypatch.setattr("services.identity.privacy.rules.MOST_BYTES", 10)
    me = world.identity.running.client(world.Anna)
    me.post(ME)
    gather(world)
    assert me.get(ME).json["state"] == "failed"


def test_small_parts_make_the_same_archive(world, monkeypatch):
    me = world.identity.running.client(world.Vera)
    me.post(ME)
    gather(world)
    whole = archive_of(me, me.get(ME).json)
    monkeypatch.setattr("privacy.people_duty.ANSWER", 1)
    monkeypatch.setattr("privacy.personal_data.WINDOW", 2)
    me.post(ME)
    gather(world)
    again = archive_of(me, me.get(ME).json)
    for archive in (whole, again):  # the exports themselves differ
        for table in ("exports", "audit"):
            archive["identity"].pop(table)
    assert again == whole


def test_an_admin_has_the_own_people_exported_and_nobody_elses(world):
    anna, identity = world.Anna, world.identity.running
    path = f"/api/v1/tenant/users/{anna.user_id}/export"
    vera, rolf = (identity.client(world.identity.fresh(who)) for who in (world.Vera, world.Rolf))
    is_problem(rolf.post(path), 404, "not_found")
    is_problem(world.identity.admin.post(path), 404, "not_found")
    assert vera.post(path).status_code == 202
    gather(world)
    export = vera.get(path).json
    assert export["archive"].startswith(path)
    assert archive_of(vera, export)["identity"]["users"][0]["name"] == NAME
    for other in (rolf, identity.client(anna)):  # not even hers: she asks for her own
        assert other.get(export["archive"]).status_code in (403, 404)
        assert other.get(path).status_code in (403, 404)
    is_problem(identity.client(anna).get(f"{ME}/{export['id']}/archive"), 404, "not_found")
    is_problem(vera.post(f"/api/v1/tenant/users/{uuid4()}/export"), 404, "not_found")
    assert "user.exported" in {entry["action"] for entry in world.identity.trail(str(anna.user_id))}


def test_what_is_kept_about_a_colleague_needs_a_fresh_factor(world):
    """A stolen access token fetches nobody else's archive, be it asked for or ready already; the own is everybody's."""
    path = f"/api/v1/tenant/users/{world.Anna.user_id}/export"
    vera, stale = (world.identity.running.client(who) for who in (world.identity.fresh(world.Vera), world.Vera))
    before = world.identity.rows()
    is_problem(stale.post(path), 403, "step_up_required")
    assert world.identity.rows() == before
    assert vera.post(path).status_code == 202
    gather(world)
    archive = stale.get(path).json["archive"]
    is_problem(stale.get(archive), 403, "step_up_required")
    assert vera.get(archive).status_code == 200
    assert world.identity.running.client(world.Anna).post(ME).status_code == 202


def test_who_has_no_account_here_has_nothing_to_export(world):
    stranger = world.identity.running.client(principal("SupplierAdmin", tenant_id=world.Anna.tenant_id))
    is_problem(stranger.post(ME), 404, "not_found")
    is_problem(stranger.get(ME), 404, "not_found")


def test_people_who_were_removed_long_ago_are_erased_by_themselves(world):
    running = world.identity.running
    answer = world.identity.admin.delete(f"{ADMIN}/{world.Anna.tenant_id}/users/{world.Anna.user_id}")
    assert answer.status_code == 204
    with acting_as(SYSTEM):
        tasks.erase_removed(running.runtime)
        assert running.events("identity.PersonErased.v1") == []
        with running.database.begin() as session:
            old = utcnow() - timedelta(days=366)
            session.execute(update(User).where(User.id == world.Anna.user_id).values(removed_at=old))
        tasks.erase_removed(running.runtime)
        tasks.erase_removed(running.runtime)
    [event] = running.events("identity.PersonErased.v1")
    assert event["data"]["userId"] == str(world.Anna.user_id)
