"""Every service beside identity, with people in all of them; what a search finds there; exports and erasures."""

import io
import json
import zipfile
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging import retry_table
from chassis.messaging.broker import Message as BrokerMessage
from concord import platform
from contracts.services import SERVICES
from privacy import people_duty
from privacy.erasures import ErasureRow
from services.identity.account.models import UserSettings
from services.identity.links.models import AskedReset, Link
from services.identity.privacy import tasks
from services.identity.sign_ins.models import SignIn
from services.identity.teams import actions as team_actions
from services.messaging import actions as messaging_actions
from services.messaging.prm_client import Partner
from services.messaging.rules import Side
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound.models import Bounce
from tests.identity.conftest import ADMIN, PASSWORD
from tests.plugin import principal
from tests.plugin.search import rows_with

EMAIL = "Anna.Lindqvist@Nordic-Heating.example"
NAME = "Anna Lindqvist"
ME = "/api/v1/me/export"
SYSTEM = Principal.system("test")


@pytest.fixture
def world(identity, start_service):
    """Every service, and Anna in all of them: an account, sign-ins, a conversation, mails, a log, a failed event."""
    running = {name: start_service(platform.load(name)) for name in SERVICES}
    for name, other in running.items():
        identity.running.connect(name, other)
    nordic, fjord = identity.tenant("Nordic"), identity.tenant("Fjord", "Retailer")
    people_of = {}
    for tenant, email, name, role in (
        (nordic, EMAIL, NAME, "SupplierAdmin"),
        (nordic, "vera@nordic-heating.example", "Vera Holm", "SupplierAdmin"),
        (fjord, "rolf@fjord.example", "Rolf Fjord", "RetailerAdmin"),
    ):
        body = {"email": email, "name": name, "role": role, "password": PASSWORD}
        answer = identity.admin.post(f"{ADMIN}/{tenant}/users", json=body)
        assert answer.status_code == 201, answer.json
        people_of[name.split()[0]] = principal(role, tenant_id=UUID(tenant), user_id=UUID(answer.json["id"]), name=name)
    world = SimpleNamespace(identity=identity, running=running, **people_of)
    assert identity.sign_in(EMAIL).status_code == 200
    _sign_ins(world)
    _conversation(world)
    _spread(world)
    return world


def _sign_ins(world):
    """What other rooms of identity write."""
    anna, now = world.Anna, utcnow()
    mine = {"user_id": anna.user_id, "tenant_id": anna.tenant_id}
    with acting_as(SYSTEM), world.identity.running.database.begin() as session:
        session.add(
            SignIn(
                id=uuid7(),
                **mine,
                account=EMAIL,
                how="password",
                outcome="ok",
                device="X",
                address="::1",
                network="::/64",
                at=now,
            )
        )
        session.add(AskedReset(id=uuid7(), email=EMAIL.upper(), address="::1", asked_at=now))
        session.add(UserSettings(**mine, settings={"views": [f"mails to {EMAIL}"]}, updated_at=now))
        link = {"purpose": "reset", "digest": "d", "created_at": now, "expires_at": now}
        session.add(Link(id=uuid7(), **mine, **link))


def _conversation(world):
    messaging = world.running["messaging"]
    partner = Partner("Nordic", world.Rolf.tenant_id, "Fjord")
    with acting_as(SYSTEM), messaging.database.begin() as session:
        now = utcnow()
        thread = messaging_actions.start_thread(
            session, partner, subject="Artwork", first_message="Here it is.", about=None, actor=world.Anna, now=now
        )
        later = now + timedelta(seconds=1)
        messaging_actions.post_message(session, thread, "It works.", by=Side.RETAILER, actor=world.Rolf, now=later)


def _spread(world):
    """Events reach the notifier, and one of them fails in prm."""
    notifier, prm = world.running["notifier"], world.running["prm"]
    events = [event for name in ("identity", "messaging") for event in world.running[name].events()]
    answer = notifier.client(world.Vera).post(
        "/api/v1/webhooks", json={"url": "http://127.0.0.1:9999/", "types": ["identity.*"]}
    )
    assert answer.status_code == 201, answer.json
    notifier.deliver(*events)
    added = next(event for event in events if event["data"].get("email") == EMAIL.replace("Nordic-H", "nordic-h"))
    with acting_as(SYSTEM), prm.database.begin() as session:
        message = BrokerMessage(added["id"], added["type"], json.dumps(added).encode())
        retry_table.add(session, "prm", message, ValueError(f"no place for {EMAIL}"))
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.add(Bounce(address=EMAIL.lower(), score=3, last_at=utcnow()))
        context = {"email": EMAIL, "name": NAME, "device": "Firefox", "headline": f"Signed in as {EMAIL}"}
        session.add(_mail(world.Anna, context, subject=f"{NAME}, a new device", state="sent"))
        session.add(_mail(world.Anna, context, subject=f"{NAME}, a new password", state="new"))
        session.add(_mail(world.Vera, {"invited": EMAIL}, subject="Somebody asks about you", state="sent"))


def _mail(person, context, **more):
    now = utcnow()
    return Delivery(
        id=uuid7(),
        event_id=uuid4(),
        template="affiliation",
        category="must-arrive",
        topic="affiliation",
        recipient=person.user_id,
        user_id=person.user_id,
        tenant_id=person.tenant_id,
        address=EMAIL if person.name == NAME else "vera@nordic-heating.example",
        context=context | ({"user_id": str(person.user_id)} if person.name != NAME else {}),
        message_id=f"<{uuid4()}@x>",
        attempts=0,
        created_at=now,
        queued_at=now,
        **more,
    )


def search(world, text):
    """Every row in all databases with this text: ``{service: [(table, row)]}``."""
    rows = {name: rows_with(running.database.engine, text) for name, running in world.running.items()}
    return {name: hits for name, hits in rows.items() if hits}


def gather(world):
    with acting_as(Principal.system("identity")):
        while tasks.gather(world.identity.running.runtime):
            pass


def erase(world, user, *, rounds=1):
    """As a tenant's admin has it done: by an event that every service hears."""
    running = world.identity.running
    with acting_as(SYSTEM), running.database.begin() as session:
        actor = Principal.system("identity")
        team_actions.erase_user(session, user.tenant_id, user.user_id, actor=actor, now=utcnow())
    events = running.events("identity.UserRemoved.v1") + running.events("identity.PersonErased.v1")
    for other in world.running.values():
        other.deliver(*events)
    for _ in range(rounds):
        for name, other in world.running.items():
            go_through(name, other)


def go_through(name, running):
    """One pass, whenever the next is due."""
    with acting_as(Principal.system(name)):
        with running.database.begin() as session:
            session.execute(update(ErasureRow).values(next_at=utcnow() - timedelta(seconds=1)))
        while people_duty.erase_some(running.runtime):
            pass


def archive_of(client, export):
    answer = client.get(export["archive"])
    assert answer.status_code == 200
    assert answer.content_type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as files:
        return {name.removesuffix(".json"): json.loads(files.read(name)) for name in files.namelist() if "json" in name}
