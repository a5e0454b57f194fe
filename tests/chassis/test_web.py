"""A service's HTTP side: who gets in, in which order requests are refused, and that every refusal is a problem."""

import base64
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
import time_machine
from flask import jsonify
from sqlalchemy import text

from chassis.data.database import Database
from chassis.http.identity import HEADER, LIFETIME
from contracts.roles import Role
from tests.chassis.sample import service
from tests.plugin import principal

ANNA = principal(Role.SUPPLIER_ADMIN)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def anna(sample):
    return sample.client(ANNA)


def is_problem(answer, status, code):
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["status"] == status
    assert answer.json["requestId"] == answer.headers["X-Request-Id"]
    return answer.json


def test_a_note_is_written_read_listed_and_changed(anna, sample):
    written = anna.post("/notes", json={"title": " Hello "})
    assert written.status_code == 201
    assert written.json["title"] == "Hello"
    assert written.headers["ETag"] == '"1"'
    address = f"/notes/{written.json['id']}"
    assert anna.get(address).json == written.json
    assert anna.put(address, json={"title": "Bye"}, headers={"If-Match": '"1"'}).headers["ETag"] == '"2"'
    page = anna.get("/notes").json
    assert page == {
        "items": [{"title": "Bye", "id": written.json["id"]}],
        "page": 1,
        "pageSize": 20,
        "totalItems": 1,
        "totalPages": 1,
    }
    assert [event["sequence"] for event in sample.events()] == [1]


def test_refusals_come_in_the_order_of(sample):
    """D5."""
    body = {"json": {"title": 7}}
    is_problem(sample.client(None).post("/notes", **body), 401, "unauthorized")
    no_flag = principal(Role.RETAILER_ADMIN, features=frozenset())
    is_problem(sample.client(no_flag).post("/notes", **body), 403, "feature_disabled")
    is_problem(sample.client(principal(Role.RETAILER_ADMIN)).post("/notes", **body), 403, "forbidden")
    is_problem(sample.client(ANNA).post("/notes", **body), 422, "validation_failed")


def test_whoever_must_set_up_a_second_factor_gets_nothing_else(sample):
    for role in (Role.RETAILER_ADMIN, Role.SUPPLIER_ADMIN):
        waiting = sample.client(principal(role, setup=True))
        is_problem(waiting.post("/notes", json={"title": "Hi"}), 403, "second_factor_setup_required")
        is_problem(waiting.get("/notes"), 403, "second_factor_setup_required")
    assert sample.events() == []


def test_another_tenants_note_does_not_exist(anna, sample):
    mine = anna.post("/notes", json={"title": "Mine"}).json["id"]
    other = sample.client(principal(Role.SUPPLIER_ADMIN))
    foreign, absent = other.get(f"/notes/{mine}"), other.get(f"/notes/{uuid4()}")
    is_problem(foreign, 404, "not_found")
    assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    is_problem(other.put(f"/notes/{mine}", json={"title": "Theirs"}), 404, "not_found")
    assert other.get("/notes").json["totalItems"] == 0
    assert anna.get(f"/notes/{mine}").json["title"] == "Mine"


@pytest.mark.parametrize(
    ("data", "headers", "status", "code"),
    [
        (b'{"title": ', JSON, 400, "malformed"),
        (b'{"title": "\xff"}', JSON, 400, "malformed"),
        (b'{"title": "a\\u0000b"}', JSON, 400, "malformed"),
        (b'{"title": "a\x00b"}', JSON, 400, "malformed"),
        (b'{"title": "\\ud800"}', JSON, 400, "malformed"),
        (b'{"title": NaN}', JSON, 400, "malformed"),
        (b"[" * 100_000, JSON, 400, "malformed"),
        (b'{"title":' * 50_000, JSON, 400, "malformed"),
        (b'{"title": "x"}', {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        (b"", JSON, 422, "validation_failed"),
        (b"[]", JSON, 422, "validation_failed"),
        (b'"text"', JSON, 422, "validation_failed"),
        (b"null", JSON, 422, "validation_failed"),
        (b'{"title": "x", "role": "admin"}', JSON, 422, "validation_failed"),
        (b'{"title": "   "}', JSON, 422, "validation_failed"),
        (b'{"title": ["x"]}', JSON, 422, "validation_failed"),
        (b'{"title": "%s"}' % (b"x" * 51), JSON, 422, "validation_failed"),
        (b'{"title": "%s"}' % (b"x" * 2_000_000), JSON, 413, "request_entity_too_large"),
    ],
)
def test_bad_bodies_are_refused_and_write_nothing(anna, data, headers, status, code):
    is_problem(anna.post("/notes", data=data, headers=headers), status, code)
    assert anna.get("/notes").json["totalItems"] == 0


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page=1.5", f"page={10**30}", "pageSize=0", "pageSize=201", "pagesize=2", "a=b"],
)
def test_absurd_pages_are_refused(anna, query):
    is_problem(anna.get(f"/notes?{query}"), 422, "validation_failed")


def test_a_nul_in_the_query_is_refused(anna):
    is_problem(anna.get("/notes?page=1%00"), 400, "malformed")


@pytest.mark.parametrize(
    ("method", "data", "headers", "status"),
    [
        ("DELETE", b"{", JSON, 400),
        ("DELETE", b'{"x": 1}', JSON, 422),
        ("DELETE", b"\xff\x00", JSON, 400),
        ("DELETE", b"x", {"Content-Type": "text/plain"}, 415),
        ("DELETE", b"{}", JSON, 204),
        ("DELETE", b"", {}, 204),
    ],
)
def test_a_body_that_nobody_asked_for_is_refused(anna, method, data, headers, status):
    note = "/notes/" + anna.post("/notes", json={"title": "x"}).json["id"]
    assert anna.open(note, method=method, data=data, headers=headers).status_code == status
    assert anna.get(note).status_code == (404 if status == 204 else 200)
    is_problem(anna.get("/notes/" + str(uuid4()) + "?x=1"), 422, "validation_failed")


def test_unknown_paths_ids_and_methods(anna):
    is_problem(anna.get("/nowhere"), 404, "not_found")
    is_problem(anna.get("/notes/no-uuid"), 404, "not_found")
    refused = anna.delete("/notes")
    is_problem(refused, 405, "method_not_allowed")
    assert "GET" in refused.headers["Allow"]


def test_if_match(anna):
    address = "/notes/" + anna.post("/notes", json={"title": "One"}).json["id"]
    is_problem(anna.put(address, json={"title": "Two"}, headers={"If-Match": '"7"'}), 412, "stale_version")
    is_problem(anna.put(address, json={"title": "Two"}, headers={"If-Match": 'W/"1"'}), 412, "stale_version")
    assert anna.get(address).json["title"] == "One"
    assert anna.put(address, json={"title": "Two"}, headers={"If-Match": "*"}).status_code == 200
    assert anna.put(address, json={"title": "Three"}).status_code == 200


def test_only_an_identity_for_this_service_by_a_known_sender_counts(sample, anna):
    nobody = sample.client(None)
    good = anna.signer.sign(ANNA, "sample")
    assert nobody.get("/notes", headers={HEADER: good}).status_code == 200
    for token in (anna.signer.sign(ANNA, "other"), good[:-4] + "AAAA", "x.y.z", "", good.replace(".", "", 1)):
        is_problem(nobody.get("/notes", headers={HEADER: token}), 401, "unauthorized")


@pytest.mark.parametrize(("seconds", "status"), [(119, 200), (121, 401)])
def test_clocks_of_sender_and_service_may_be_two_minutes_apart(sample, anna, seconds, status):
    """Ahead, and behind by the end of an identity; what was found good counts no longer for that."""
    nobody, now = sample.client(None), datetime(2026, 4, 1, 12, tzinfo=UTC)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False) as clock:
        ahead = anna.signer.sign(replace(ANNA, name=f"Ahead {seconds}"), "sample")
        clock.move_to(now)
        assert nobody.get("/notes", headers={HEADER: ahead}).status_code == status
        good = anna.signer.sign(replace(ANNA, name=f"Behind {seconds}"), "sample")
        assert nobody.get("/notes", headers={HEADER: good}).status_code == 200
        clock.shift(LIFETIME + seconds)
        assert nobody.get("/notes", headers={HEADER: good}).status_code == status


def made_up(header, claims=b"{}"):
    """A token that anybody can write: nobody has signed it."""
    written = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, claims, b"x" * 64))
    return ".".join(written)


KIDS = ["a" * 300, "a" * 4000, "", ".", "..", "../gateway", "gateway/", "/etc/passwd", "gate\u0000way", "gateway\n",
        "GATEWAY", "None", "ö" * 200, "ｇateway", "gateway.pub", 7, None, True, [], ["gateway"],
        {}, {"a": 1}]  # fmt: skip


@pytest.mark.parametrize("kid", KIDS, ids=lambda kid: repr(kid)[:20])
def test_no_made_up_sender_is_more_than_unauthorized(sample, kid):
    """A sender's name leads to a file, so only a name may."""
    header = json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": kid}).encode()
    is_problem(sample.client(None).get("/notes", headers={HEADER: made_up(header)}), 401, "unauthorized")


@pytest.mark.parametrize(
    "header",
    [b"", b"null", b"[]", b"7", b"{", b'{"alg": "EdDSA"}', b'{"alg": "none", "kid": "gateway"}', b"\xff\xfe",
     b'{"alg": [], "kid": "gateway"}', b'{"alg": "HS256", "kid": "gateway"}', b'{"kid": ' + b"[" * 5000],
)  # fmt: skip
def test_no_made_up_header_is_more_than_unauthorized(sample, header):
    is_problem(sample.client(None).get("/notes", headers={HEADER: made_up(header)}), 401, "unauthorized")


@pytest.mark.parametrize("claims", [b"", b"null", b"[]", b"{", b"[" * 5000, b'{"iss": "gateway", "exp": 1e999}'])
def test_no_made_up_claims_are_more_than_unauthorized(sample, claims):
    header = b'{"alg": "EdDSA", "typ": "JWT", "kid": "gateway"}'
    is_problem(sample.client(None).get("/notes", headers={HEADER: made_up(header, claims)}), 401, "unauthorized")


def test_the_request_id_is_kept_or_made(anna):
    assert anna.get("/notes", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert anna.get("/notes", headers={"X-Request-Id": "bad id"}).headers["X-Request-Id"] != "bad id"


def test_health_and_metrics(sample):
    client = sample.client(None)
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").json == {"status": "ready"}
    assert b"concord_outbox_backlog 0.0" in client.get("/metrics").data


def test_an_unexpected_failure_is_a_problem_without_details(anna, sample, monkeypatch):
    monkeypatch.setattr(sample.database, "read", lambda: 1 / 0)
    problem = is_problem(anna.get("/notes"), 500, "internal_error")
    assert "zero" not in str(problem)


def test_a_row_that_stays_locked_is_503_and_says_when_to_come_back(sample, anna, monkeypatch):
    if sample.database.dialect != "postgresql":
        pytest.skip("SQLite locks no rows")
    note = "/notes/" + anna.post("/notes", json={"title": "One"}).json["id"]
    monkeypatch.setattr(sample.database, "begin", _impatient(sample.database))
    with sample.database.engine.connect() as other:
        other.exec_driver_sql("SELECT * FROM notes FOR UPDATE")
        busy = anna.put(note, json={"title": "Two"})
    is_problem(busy, 503, "database_busy")
    assert busy.headers["Retry-After"] == "1"
    assert anna.put(note, json={"title": "Two"}).status_code == 200


def _impatient(database):
    @contextmanager
    def begin():
        with Database.begin(database) as session:
            session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            yield session

    return begin


def test_every_endpoint_is_described_with_its_refusals_and_its_callers(sample):
    spec = sample.client(None).get("/openapi.json").json
    post = spec["paths"]["/notes"]["post"]
    assert {"201", "400", "401", "403", "409", "413", "415", "422"} <= set(post["responses"])
    assert post["security"] == [{"bearer": []}]
    assert "SupplierAdmin" in post["description"]
    assert "414" not in post["responses"]


def test_a_request_line_that_is_too_long_is_described_where_there_is_a_query(sample):
    """Who reads it knows no path yet, so it is a problem everywhere."""
    listed = sample.client(None).get("/openapi.json").json["paths"]["/notes"]["get"]
    assert "application/problem+json" in listed["responses"]["414"]["content"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("12.50"), "12.5"),
        (Decimal("12.00"), "12"),
        (UUID(int=7), '"00000000-0000-0000-0000-000000000007"'),
        (datetime(2026, 4, 1, tzinfo=UTC), '"Wed, 01 Apr 2026 00:00:00 GMT"'),
        ({"b": 1, "a": [True, None, ("Å", 10**30)]}, '{"b":1,"a":[true,null,["\\u00c5",1' + "0" * 30 + "]]}"),
        ({"b": "Å", "a": 1}, '{"b":"Å","a":1}'),
        ("a\ud800", '"a\\ud800"'),
    ],
)
def test_what_an_answer_may_hold_and_how_it_is_written(sample, value, written):
    with sample.app.app_context():
        answer = jsonify(value)
    assert answer.get_data() == written.encode() + b"\n"
    assert answer.content_type == "application/json"
