"""Archives are fetched by few at a time and each within a time, so that slow clients stop nobody else."""

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from types import SimpleNamespace
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity.common import fetches
from services.identity.privacy.models import Export
from services.identity.tenant_exports import rules
from services.identity.tenant_exports.models import TenantExport, TenantExportPart
from tests.identity.conftest import is_problem
from tests.plugin import principal

COMPANY, PERSON = "/api/v1/tenant/export", "/api/v1/me/export"
BODY = os.urandom(200_000)
THREADS = 8


@pytest.fixture
def world(identity):
    """A company with some admins, of whom each has asked for its archive and for the own one, and both are ready."""
    tenant = UUID(identity.tenant())
    identity.user(str(tenant))
    admins = [identity.fresh(principal(tenant_id=tenant, name=f"Admin {number}")) for number in range(4)]
    paths = {}
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        for admin in admins:
            company, person = _company(admin), _person(admin)
            session.add_all((company, person))
            session.flush()
            session.add(_part(company))
            paths[admin.user_id] = {kind: f"{kind}/{export.id}/archive" for kind, export in _kinds(company, person)}
    return SimpleNamespace(identity=identity, admins=admins, paths=paths)


def _kinds(company, person):
    return ((COMPANY, company), (PERSON, person))


def _ready(admin):
    now = utcnow()
    return {
        "id": uuid7(),
        "tenant_id": admin.tenant_id,
        "asked_by": admin.user_id,
        "state": rules.READY,
        "created_at": now,
        "next_at": now,
        "finished_at": now,
        "expires_at": now + timedelta(days=1),
    }


def _company(admin):
    progress = {"prm": {"state": rules.DONE, "parts": 1, "after": None, "tables": {}}}
    return TenantExport(**_ready(admin), progress=progress)


def _person(admin):
    return Export(**_ready(admin), user_id=admin.user_id, progress={}, archive=BODY)


def _part(export):
    return TenantExportPart(export_id=export.id, service="prm", number=0, table_name="tiers", body=zlib.compress(BODY))


def get(world, admin, kind=COMPANY, **more):
    return world.identity.running.client(admin).get(world.paths[admin.user_id][kind], **more)


def begin(world, admin, kind=COMPANY):
    """A fetch of which the client has read a piece."""
    answer = get(world, admin, kind, buffered=False)
    assert answer.status_code == 200
    assert next(answer.response)
    return answer


def refused(answer, status, code):
    is_problem(answer, status, code)
    assert answer.headers["Retry-After"] == str(fetches.ASK_AGAIN)


@pytest.mark.parametrize("kind", [COMPANY, PERSON])
def test_a_place_is_given_back_when_the_client_goes_away(world, kind):
    first, second, third, _ = world.admins
    for _ in range(3):
        begun = [begin(world, first, kind), begin(world, second, kind)]
        refused(get(world, third, kind), 503, "archives_busy")
        for answer in begun:
            answer.close()
    assert get(world, third, kind).status_code == 200


def test_archives_of_companies_and_of_people_share_the_places(world):
    first, second, third, fourth = world.admins
    begin(world, first, COMPANY)
    begin(world, second, PERSON)
    for kind in (COMPANY, PERSON):
        refused(get(world, third, kind), 503, "archives_busy")
        refused(get(world, fourth, kind), 503, "archives_busy")


@pytest.mark.parametrize("kind", [COMPANY, PERSON])
def test_a_person_fetches_one_at_a_time(world, kind):
    first, second, *_ = world.admins
    answer = begin(world, first, kind)
    for other in (COMPANY, PERSON):
        refused(get(world, first, other), 429, "fetch_under_way")
    assert get(world, second).data, "somebody else has a place"
    answer.close()
    assert get(world, first).data


@pytest.mark.parametrize("kind", [COMPANY, PERSON])
def test_a_place_is_given_back_at_the_end_and_after_a_head(world, kind):
    first, *_ = world.admins
    for _ in range(3):
        answer = get(world, first, kind)
        assert len(answer.data) >= len(BODY)
        assert world.identity.running.client(first).head(world.paths[first.user_id][kind]).status_code == 200


def test_the_own_archive_arrives_whole_and_says_its_length(world):
    answer = get(world, world.admins[0], PERSON)
    assert answer.data == BODY
    assert answer.headers["Content-Length"] == str(len(BODY))


def test_a_place_is_given_back_after_a_failure(world, monkeypatch):
    """Before the first piece, and in the middle."""
    first, *_ = world.admins
    client = world.identity.running.client(first)
    for _ in range(3):
        is_problem(client.get(f"{PERSON}/{UUID(int=1)}/archive"), 404, "not_found")
    with monkeypatch.context() as patch:
        patch.setattr("services.identity.tenant_exports.queries.part", _fail)
        for _ in range(3):
            with pytest.raises(RuntimeError, match="the database is away"):
                get(world, first).get_data()
    assert get(world, first).data


def _fail(*_args):
    raise RuntimeError("the database is away")


@pytest.mark.parametrize("kind", [COMPANY, PERSON])
def test_a_fetch_that_takes_too_long_is_cut_off_and_does_not_count(world, monkeypatch, kind):
    first, *_ = world.admins
    monkeypatch.setattr(fetches, "WHOLE_TIME", 0)
    with pytest.raises(ConnectionResetError):
        get(world, first, kind)
    assert world.identity.running.client(first).get(COMPANY).json["fetchedAt"] is None
    monkeypatch.undo()
    assert get(world, first).data
    assert world.identity.running.client(first).get(COMPANY).json["fetchedAt"] is not None


def test_the_end_is_not_noted_when_it_comes_too_late(world, monkeypatch):
    first, *_ = world.admins
    answer = get(world, first, buffered=False)
    now = fetches.monotonic()
    pieces = iter(answer.response)
    read = [next(pieces) for _ in range(1)]
    monkeypatch.setattr(fetches, "monotonic", lambda: now + fetches.WHOLE_TIME + 1)
    with pytest.raises(ConnectionResetError):
        read.extend(pieces)
    assert world.identity.running.client(first).get(COMPANY).json["fetchedAt"] is None


def test_signing_in_goes_on_while_more_fetch_than_there_are_threads(world):
    """One person asks on every thread, as do others; clients that got a place read nothing more."""
    asked, done = Barrier(THREADS + 1), Event()
    people = [world.admins[0]] * (THREADS - 3) + world.admins[1:]

    def fetch(admin):
        answer = get(world, admin, buffered=False)
        asked.wait(20)
        if answer.status_code == 200:
            done.wait(20)
        answer.close()
        return answer.status_code

    with ThreadPoolExecutor(THREADS) as threads:
        fetching = [threads.submit(fetch, admin) for admin in people]
        asked.wait(20)
        signing_in = threads.submit(world.identity.sign_in)
        try:
            assert signing_in.result(10).status_code == 200
        finally:
            done.set()
    statuses = sorted(fetch.result() for fetch in fetching)
    assert statuses.count(200) == fetches.MOST
    assert set(statuses) <= {200, 429, 503}


def test_both_refusals_are_documented(world):
    document = world.identity.nobody.get("/openapi.json").json
    archives = [item["get"]["responses"] for path, item in document["paths"].items() if path.endswith("/archive")]
    assert len(archives) == 5
    for responses in archives:
        for status, code in (("429", "fetch_under_way"), ("503", "archives_busy")):
            assert code in responses[status]["description"]
            assert "Retry-After" in responses[status]["headers"]
            assert "application/problem+json" in responses[status]["content"]
