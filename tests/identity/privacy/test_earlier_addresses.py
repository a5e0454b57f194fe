"""Whoever had another address before is exported and forgotten by that address, too."""

import json
from types import SimpleNamespace
from uuid import UUID

import pytest

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.affiliates.affiliates import actions as affiliate_actions
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD
from tests.identity.privacy.conftest import EMAIL, ME, NAME, SYSTEM, archive_of, erase, gather, search
from tests.identity.scim.conftest import TOKEN, Directory
from tests.plugin import principal

NEW = "anna.berg@nordic-heating.example"
NEWEST = "anna@nordic-heating.example"


@pytest.fixture
def directory(world):
    vera = world.identity.running.client(world.identity.fresh(world.Vera))
    return Directory(world.identity, vera.post(TOKEN).json["token"])


def move(directory, world, *addresses):
    for address in addresses:
        change = {"op": "replace", "path": "userName", "value": address}
        answer = directory.patch({"id": str(world.Anna.user_id)}, change)
        assert (answer.status_code, answer.json["userName"].lower()) == (200, address.lower())


def enrol(world, email):
    """An affiliate of the tenant, whom nothing but the address ties to a person."""
    merchant = principal("MerchantAdmin", tenant_id=world.Anna.tenant_id)
    database = world.running["affiliates"].database
    with acting_as(merchant), database.begin() as session:
        affiliate_actions.apply(session, name=NAME, email=email, actor=merchant, now=utcnow())


def stored(world, user_id):
    with acting_as(SYSTEM), world.identity.running.database.read() as session:
        return session.get_one(User, user_id)


def test_an_earlier_address_is_exported_and_forgotten(world, directory):
    enrol(world, EMAIL)
    move(directory, world, NEW, NEWEST)
    enrol(world, NEW)
    me = world.identity.running.client(world.Anna)
    assert me.post(ME).status_code == 202
    gather(world)
    archive = archive_of(me, me.get(ME).json)
    assert {row["email"].lower() for row in archive["affiliates"]["affiliates"]} == {EMAIL.lower(), NEW}
    assert "earlier_addresses" not in json.dumps(archive)
    erase(world, world.Anna)
    for text in (EMAIL, NEW, NEWEST, NAME):
        assert search(world, text) == {}, text
    assert len(world.identity.running.events("identity.PersonErased.v1")) == 3
    assert stored(world, world.Anna.user_id).earlier_addresses is None


def test_only_a_secret_digest_stays_of_an_earlier_address(world, directory):
    move(directory, world, NEW, NEW.upper(), EMAIL, NEW)
    digests = stored(world, world.Anna.user_id).earlier_addresses
    assert len(digests) == 3, "another spelling is no other address"
    assert all("@" not in text and len(text) > 100 for text in digests)
    trail = world.identity.trail(str(world.Anna.user_id))
    assert not {"earlierAddresses"} & {field for row in trail for field in row["changes"]}
    erase(world, world.Anna)
    published = [event["data"]["emailDigest"] for event in world.identity.running.events("identity.PersonErased.v1")]
    assert len(published) == len(set(published)) == 2


def test_what_is_somebody_elses_address_by_now_is_theirs(world, directory):
    move(directory, world, NEW)
    lars = directory.add(userName=EMAIL)
    enrol(world, EMAIL)
    erase(world, world.Anna)
    assert stored(world, UUID(lars["id"])).email.lower() == EMAIL.lower()
    assert {table for table, _ in search(world, EMAIL)["affiliates"]} == {"affiliates", "audit"}
    assert search(world, NEW) == {}


def test_who_has_come_back_keeps_what_the_address_stands_beside(world):
    """The account from before is erased; the new one has the same address."""
    before = SimpleNamespace(tenant_id=world.Anna.tenant_id, user_id=world.Anna.user_id)
    path = f"{ADMIN}/{before.tenant_id}/users"
    assert world.identity.admin.delete(f"{path}/{before.user_id}").status_code == 204
    body = {"email": EMAIL, "name": NAME, "role": "SupplierAdmin", "password": PASSWORD}
    again = world.identity.admin.post(path, json=body)
    assert again.status_code == 201
    enrol(world, EMAIL)
    erase(world, before)
    assert stored(world, UUID(again.json["id"])).name == NAME
    assert "affiliates" in search(world, EMAIL)
    assert world.identity.sign_in(EMAIL).status_code == 200
