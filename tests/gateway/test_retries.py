"""A signed request sent again (D7, S2-26): signed anew with the same ``X-Idempotency-Key``, it acts once."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.views import MethodView
from uuid_utils.compat import uuid7
from werkzeug.serving import make_server

from chassis.core.principal import caller
from chassis.data import migrate
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.process.service import Runtime
from chassis.process.settings import Settings
from contracts.error_formats import MERCHANT
from contracts.roles import Role
from tests.chassis import sample
from tests.gateway.conftest import Caller
from tests.gateway.fakes import FakeIdentity
from tests.gateway.test_signatures import PATH, Merchant

blp = Blueprint("campaigns", __name__, url_prefix=PATH, feature="affiliates", error_format=MERCHANT)


@blp.route("")
class Campaigns(MethodView):
    @blp.allow(Role.MACHINE)
    @blp.arguments(sample.NoteIn)
    @blp.response(201, sample.NoteOut)
    def post(self, data):
        with db.begin() as session:
            note = sample.Note(id=uuid7(), tenant_id=caller().tenant_id, event_sequence=0, **data)
            session.add(note)
            return note


@pytest.fixture
def service(test_settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of a real service that stands where affiliates does."""
    affiliates = replace(sample.service, blueprints=(blp,), events=(), subscriptions=())
    settings = replace(test_settings, database_url=f"sqlite:///{tmp_path}/{{service}}.db")
    named = Runtime(affiliates, settings)
    migrate.upgrade(affiliates, named.database.engine)
    named.service = replace(affiliates, name="affiliates")  # whom the gateway's identities are for
    server = make_server("127.0.0.1", 0, named.create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    named.close()


@pytest.fixture
def call(start_gateway, service: str) -> Caller:
    call: Caller = start_gateway(services={"affiliates": service})
    call.token = None
    return call


def test_a_retry_signed_anew_gives_the_first_answer(call: Caller, identity: FakeIdentity) -> None:
    merchant, body = Merchant(identity), b'{"title": "Dashain Sale"}'

    def send(key_header: str, value: str, data: bytes = body, who: Merchant = merchant):
        headers = who.headers(data) | {key_header: value, "Content-Type": "application/json"}
        return call("POST", PATH, headers=headers, data=data)

    first = send("X-Idempotency-Key", "order-1")
    assert first.status_code == 201, first.json
    for header in ("X-Idempotency-Key", "Idempotency-Key"):
        again = send(header, "order-1")
        assert (again.status_code, again.json) == (201, first.json)
        assert again.headers["Idempotent-Replayed"] == "true"
    reused = send("X-Idempotency-Key", "order-1", b'{"title": "Tihar Sale"}')
    assert (reused.status_code, set(reused.json)) == (422, {"statusCode", "message", "error"})
    assert send("X-Idempotency-Key", "order-2").json["id"] != first.json["id"]
    stranger = send("X-Idempotency-Key", "order-1", who=Merchant(identity))
    assert stranger.json["id"] != first.json["id"], "a key is the caller's own"


def test_the_services_own_refusals_come_through_as_they_are(call: Caller, identity: FakeIdentity) -> None:
    """S2-29: 400 for validation, and nothing of it is changed on the way."""
    merchant = Merchant(identity)
    body = b"{}"
    answer = call("POST", PATH, headers=merchant.headers(body) | {"Content-Type": "application/json"}, data=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/json")
    assert answer.json == {
        "statusCode": 400,
        "message": ["title: Missing data for required field."],
        "error": "Bad Request",
    }
