"""D60: an id that is taken in a body can be written in a path, through the gateway and a real service behind it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import request
from flask.views import MethodView
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from uuid_utils.compat import uuid7
from werkzeug.serving import make_server

from chassis.core.errors import NotFound
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
from tests.plugin.matrix import generated

PATH = "/merchant/api/v1/products"
ADDRESSABLE = st.text("abzAZ019-_./:%;\\ åß語", min_size=1, max_size=50)
IDS = ADDRESSABLE.filter(lambda text: text.strip() not in ("", ".", ".."))

blp = Blueprint("products", __name__, url_prefix=PATH, feature="affiliates", error_format=MERCHANT)


class Addressed(sample.NoteOut):
    path = sample.fields.String()


@blp.route("")
class Products(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.arguments(sample.NoteIn)
    @blp.response(201, sample.NoteOut)
    def post(self, data):
        with db.begin() as session:
            note = sample.Note(id=uuid7(), tenant_id=caller().tenant_id, event_sequence=0, **data)
            session.add(note)
            return note


@blp.route("/<title>")
class Product(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.response(200, Addressed)
    def get(self, title):
        """The first note of that title."""
        with db.read() as session:
            note = session.scalar(select(sample.Note).where(sample.Note.title == title).limit(1))
        if note is None:
            raise NotFound(f"No note is called {title}.")
        return {"id": note.id, "title": note.title, "path": request.path}


@blp.route("/<title>/status")
class Status(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.response(201, sample.NoteOut)
    def post(self, title):
        return {"id": uuid7(), "title": title}


@pytest.fixture(scope="module")
def service(test_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real service that stands where affiliates does."""
    affiliates = replace(sample.service, blueprints=(blp,), events=(), subscriptions=())
    folder: Path = tmp_path_factory.mktemp("ids")
    named = Runtime(affiliates, replace(test_settings, database_url=f"sqlite:///{folder}/{{service}}.db"))
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
def call(start_gateway, service: str, identity: FakeIdentity) -> Caller:
    call: Caller = start_gateway(services={"affiliates": service})
    call.token = identity.token(tenant=call.tenant, role="MerchantAdmin")
    return call


@generated(60)
@given(IDS)
def test_whatever_id_is_taken_is_reachable(call: Caller, title: str) -> None:
    assert call("POST", PATH, json={"title": title}).status_code == 201
    address = f"{PATH}/{quote(title, safe='')}"
    read = call("GET", address)
    assert (read.status_code, read.json["title"]) == (200, title.strip()), read.json
    below = call("POST", f"{address}/status")
    assert (below.status_code, below.json["title"]) == (201, title.strip()), below.json


@generated(30)
@given(IDS)
def test_another_spelling_of_the_same_id_is_the_same_path(call: Caller, title: str) -> None:
    """Also when every letter of it is escaped, in capitals or not; what the service routes on is equal."""
    call("POST", PATH, json={"title": title})
    octets = title.encode()
    spellings = ("".join(f"%{octet:02X}" for octet in octets), "".join(f"%{octet:02x}" for octet in octets))
    paths = {call("GET", f"{PATH}/{spelling}").json["path"] for spelling in (*spellings, quote(title, safe=""))}
    assert len(paths) == 1


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("INV%2F2026%2F1", "INV/2026/1"),
        ("%2Fa%2F%2Fb%2F", "/a//b/"),
        ("100%25", "100%"),
        ("%252F", "%2F"),
        ("%252e%252e", "%2e%2e"),
        ("a%3Bb", "a;b"),
        ("a%5Cb", "a\\b"),
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("a:b", "a:b"),
        ("a%3Ab", "a:b"),
        ("v1%2E2", "v1.2"),
        ("%2E%2E%2Fme", "../me"),
        ("...", "..."),
        ("status", "status"),
        ("a%2Fstatus", "a/status"),
        ("a%3Fb%23c", "a?b#c"),
        ("a[1]|b^c", "a[1]|b^c"),
        ("%C3%A5", "å"),
    ],
)
def test_a_segment_is_decoded_once(call: Caller, written: str, title: str) -> None:
    call("POST", PATH, json={"title": title})
    read = call("GET", f"{PATH}/{written}")
    assert (read.status_code, read.json.get("title")) == (200, title)


@pytest.mark.parametrize(
    "written", [".", "..", "%2e", "%2E%2e", ".%2E", "", "a//b", "a;b", "a\\b", "%00", "a%0Ab", "%7F", "%C2%85",
                "%C0%AF", "%E0%80%AF", "%ED%A0%80", "%FF", "%F4%90%80%80", "%u0041", "%", "%4"]
)  # fmt: skip
def test_what_could_be_understood_in_two_ways_is_refused_by_gateway_and_service(
    call: Caller, service: str, written: str
) -> None:
    for path in (f"{PATH}/{written}", f"{PATH}/{written}/status"):
        if path == f"{PATH}/":  # which is not in the table
            continue
        answer = call("GET", path)
        assert (answer.status_code, answer.json["statusCode"]) == (400, 400), path
        connection = HTTPConnection(service.removeprefix("http://"), timeout=10)
        connection.request("GET", path)
        assert connection.getresponse().status == 400, path
        connection.close()


@pytest.mark.parametrize(
    "path", ["/merchant/api/v1%2Fproducts/x", "/merchant%2Fapi/v1/products", "/merchant/api/v1/products%2Fx"]
)
def test_an_encoded_slash_never_parts_what_a_route_is_called(call: Caller, path: str) -> None:
    answer = call("GET", path)
    assert answer.status_code == 404
    assert answer.json.get("title") != "x"


@pytest.mark.parametrize("path", ["/merchant/api/v1/%70roducts", "/%6Derchant/api/v1/products/x", "/%64ocs"])
def test_what_a_route_is_called_is_written_plainly(call: Caller, path: str) -> None:
    assert call("GET", path).status_code == 400


@pytest.mark.parametrize("status", ["%73tatus", "statu%73", "st%61tus", "%73%74%61%74%75%73"])
def test_what_a_service_calls_its_endpoints_is_written_plainly_too(call: Caller, service: str, status: str) -> None:
    """Below the gateway's routes only the service knows which segments are names and which are ids."""
    path = f"{PATH}/v1%2E2/{status}"
    answer = call("POST", path)
    assert (answer.status_code, answer.json["statusCode"]) == (400, 400)
    assert call("POST", f"{PATH}/v1%2E2/status").status_code == 201
    connection = HTTPConnection(service.removeprefix("http://"), timeout=10)
    connection.request("POST", path)
    assert connection.getresponse().status == 400
    connection.close()


def test_two_ids_that_differ_only_encoded_are_two_paths_to_an_idempotency_key(call: Caller) -> None:
    first, again, other = (
        call("POST", f"{PATH}/{written}/status", headers={"Idempotency-Key": "k"}).json["title"]
        for written in ("a%2Fb", "a%2fb", "a%252Fb")
    )
    assert (first, again, other) == ("a/b", "a/b", "a%2Fb")
