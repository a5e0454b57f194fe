"""An affiliate who has no account: the merchant's admins can show and forget what is kept of it."""

from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest

from chassis.core.principal import acting_as
from services.identity.privacy import tasks
from services.identity.tenant_exports import tasks as tenant_export_tasks
from services.notifier.audience.models import Contact
from tests.affiliates.helpers import SIGNED_IN
from tests.identity.conftest import ADMIN, is_problem
from tests.identity.privacy.conftest import SYSTEM, archive_of, gather, go_through, search
from tests.plugin import principal

EMAIL = "bina@blog.example"
NAME = "Bina Gurung"
AFFILIATES = f"{SIGNED_IN}/affiliates"
OWN = "/api/v1/tenant/affiliates"


@pytest.fixture
def shop(world):
    """A merchant with an affiliate who was approved and invited; every service has heard of it."""
    identity, affiliates = world.identity, world.running["affiliates"]
    tenant = UUID(identity.tenant("Dashain Market", "Merchant", features=["affiliates"]))
    maja = principal("MerchantAdmin", tenant_id=tenant, name="Maja")
    merchant = affiliates.client(maja)
    bina = merchant.post(AFFILIATES, json={"name": NAME, "email": EMAIL}).json["id"]
    assert merchant.post(f"{AFFILIATES}/{bina}/approve").status_code == 200
    assert merchant.post(f"{AFFILIATES}/{bina}/invite").status_code == 200
    identity.running.deliver(*affiliates.events())
    invited = identity.running.events("identity.UserInvited.v1")[-1]
    world.running["notifier"].deliver(*affiliates.events(), invited)
    client, fresh = identity.running.client(maja), identity.running.client(identity.fresh(maja))
    made = {"tenant": tenant, "maja": maja, "merchant": merchant, "bina": bina, "user": invited["subject"]}
    return SimpleNamespace(**made, client=client, fresh=fresh)


def forget(world):
    """Every service hears of the erasure and goes through its tables."""
    running = world.identity.running
    events = running.events("identity.UserRemoved.v1") + running.events("identity.PersonErased.v1")
    for name, other in world.running.items():
        other.deliver(*events)
        go_through(name, other)


def test_an_export_shows_what_every_service_keeps(world, shop):
    hits = search(world, EMAIL)
    assert set(hits) == {"affiliates", "identity", "notifier"}
    path = f"{OWN}/{shop.bina}/export"
    before = world.identity.rows()
    is_problem(shop.client.post(path), 403, "step_up_required")
    assert world.identity.rows() == before
    assert shop.fresh.post(path).status_code == 202
    gather(world)
    export = shop.client.get(path).json
    assert export["archive"].startswith(path)
    is_problem(shop.client.get(export["archive"]), 403, "step_up_required")
    archive = archive_of(shop.fresh, export)
    shown = {name: {table for table, rows in tables.items() if EMAIL in str(rows)} for name, tables in archive.items()}
    assert {name: tables for name, tables in shown.items() if tables} == {
        name: {table for table, _ in rows} for name, rows in hits.items()
    }
    assert "tenant.affiliate_exported" in {entry["action"] for entry in world.identity.trail()}


def test_after_the_erasure_a_search_finds_nothing(world, shop):
    path = f"{OWN}/{shop.bina}/erase"
    before = world.identity.rows()
    is_problem(shop.client.post(path), 403, "step_up_required")
    assert world.identity.rows() == before
    assert shop.fresh.post(path).status_code == 204
    forget(world)
    assert search(world, EMAIL) == search(world, NAME) == {}
    seen = shop.merchant.get(f"{AFFILIATES}/{shop.bina}").json
    assert (seen["name"], seen["email"]) == ("former user", "former-user@erased.invalid")
    actions = {entry["action"]: entry for entry in world.identity.trail()}
    assert actions["tenant.affiliate_erased"]["changes"] == {"affiliateId": [None, shop.bina]}
    assert actions["user.erased"]["targetId"] == shop.user, "the invitation that waited"
    events = world.identity.running.events("identity.PersonErased.v1")
    assert [(event["data"]["userId"], event["tenantids"]) for event in events] == [(shop.user, ""), (shop.bina, "")]


def test_who_is_forgotten_stays_so(world, shop):
    assert shop.fresh.post(f"{OWN}/{shop.bina}/erase").status_code == 204
    forget(world)
    before = world.identity.rows()
    assert shop.fresh.post(f"{OWN}/{shop.bina}/erase").status_code == 204
    assert world.identity.rows() == before
    is_problem(shop.fresh.post(f"{OWN}/{shop.bina}/export"), 404, "not_found")
    answer = shop.merchant.post(f"{AFFILIATES}/{shop.bina}/invite")
    assert (answer.status_code, answer.json["message"]) == (409, ["The affiliate has been forgotten."])


def test_nobody_mails_an_affiliate_who_was_forgotten_before_the_first_mail(world, shop):
    merchant, notifier = shop.merchant, world.running["notifier"]
    other = merchant.post(AFFILIATES, json={"name": "Dina", "email": "dina@blog.example"}).json["id"]
    assert shop.fresh.post(f"{OWN}/{other}/erase").status_code == 204
    forget(world)
    seen = len(world.running["affiliates"].events())
    assert merchant.post(f"{AFFILIATES}/{other}/approve").status_code == 200
    notifier.deliver(*world.running["affiliates"].events()[seen:])
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert not session.get_one(Contact, UUID(other)).active


def test_the_archives_of_the_merchant_go_with_it(world, shop):
    path = f"{OWN}/{shop.bina}/export"
    assert shop.fresh.post(path).status_code == 202
    gather(world)
    archive = shop.client.get(path).json["archive"]
    assert shop.fresh.post(f"{OWN}/{shop.bina}/erase").status_code == 204
    is_problem(shop.fresh.get(archive), 404, "not_found")


def test_the_archive_of_the_whole_merchant_goes_with_an_affiliate_who_never_had_a_user(world, shop):
    carl = shop.merchant.post(AFFILIATES, json={"name": "Carl", "email": "carl@blog.example"}).json["id"]
    path = f"{ADMIN}/{shop.tenant}/export"
    for name, other in world.running.items():
        world.identity.running.connect(name, other)
    assert world.identity.admin.post(path).status_code == 202
    with acting_as(SYSTEM):
        while tenant_export_tasks.gather(world.identity.running.runtime):
            pass
        tenant_export_tasks.forget_exports(world.identity.running.runtime)
    assert world.identity.admin.get(path).json["state"] == "ready"
    assert shop.fresh.post(f"{OWN}/{carl}/erase").status_code == 204
    with acting_as(SYSTEM):
        tenant_export_tasks.forget_exports(world.identity.running.runtime)
    is_problem(world.identity.admin.get(path), 404, "not_found")


def test_who_signs_in_is_one_of_the_people(world, shop):
    assert world.identity.accept(world.identity.invitation()).status_code == 201
    before = world.identity.rows()
    for _ in range(2):  # before the affiliates service has heard of it, and after
        is_problem(shop.fresh.post(f"{OWN}/{shop.bina}/export"), 409, "account_exists")
        is_problem(shop.fresh.post(f"{OWN}/{shop.bina}/erase"), 409, "account_exists")
        world.running["affiliates"].deliver(*world.identity.running.events("identity.UserAdded.v1"))
    assert world.identity.rows() == before


def test_another_merchants_affiliate_is_not_there(world, shop):
    other = UUID(world.identity.tenant("Other Market", "Merchant", features=["affiliates"]))
    otto = world.identity.running.client(world.identity.fresh(principal("MerchantAdmin", tenant_id=other)))
    before = world.identity.rows()
    for client, affiliate in ((otto, shop.bina), (shop.fresh, uuid4())):
        for what in ("export", "erase"):
            is_problem(client.post(f"{OWN}/{affiliate}/{what}"), 404, "not_found")
    assert world.identity.rows() == before


def test_while_affiliates_is_away_nothing_is_done(world, shop):
    world.identity.running.disconnect("affiliates")
    before = world.identity.rows()
    for what in ("export", "erase"):
        answer = shop.fresh.post(f"{OWN}/{shop.bina}/{what}")
        is_problem(answer, 503, "upstream_unavailable")
        assert answer.headers["Retry-After"]
    assert world.identity.rows() == before


def test_a_colleague_of_the_same_address_stays(world, shop):
    """The enrolment is forgotten by its id."""
    merchant = shop.merchant
    colleague = "carl@dashain-market.example"
    body = {"email": colleague, "name": "Carl", "role": "MerchantAdmin", "password": "warm-floors-in-winter"}
    assert world.identity.admin.post(f"{ADMIN}/{shop.tenant}/users", json=body).status_code == 201
    carl = merchant.post(AFFILIATES, json={"name": "Carl", "email": colleague}).json["id"]
    assert shop.fresh.post(f"{OWN}/{carl}/erase").status_code == 204
    forget(world)
    assert world.identity.sign_in(colleague, "warm-floors-in-winter").status_code == 200
    assert merchant.get(f"{AFFILIATES}/{carl}").json["name"] == "former user"


def test_the_task_of_exports_is_scheduled(world):
    names = {task.run for task in world.identity.running.runtime.service.tasks}
    assert tasks.forget_outdated_exports in names
