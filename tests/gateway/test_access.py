"""Flags and revocations: in force within seconds, kept while identity is away."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest

from chassis.core.errors import Upstream
from gateway.access import FULL_EVERY, Access
from tests.gateway.conftest import Caller, Served
from tests.gateway.fakes import FakeIdentity, FakeService, Planned, eventually, is_problem
from tests.plugin import principal

PATH = "/api/v1/campaigns"


def test_a_feature_switched_off_is_off_within_five_seconds(served: Served, identity: FakeIdentity) -> None:
    tenant = identity.add_tenant("campaigns", "prm")
    headers = {"Authorization": f"Bearer {identity.token(tenant=tenant)}"}

    def status(path: str = PATH) -> int:
        return served.request("GET", path, headers).status

    assert status() == 200
    identity.tenants[tenant]["features"] = ["prm"]
    assert eventually(lambda: status() == 403, 5)
    refused = served.request("GET", PATH, headers)
    assert refused.json()["code"] == "feature_disabled"
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert status("/api/v1/prm/tiers") == 200
    assert status("/api/v1/notifications/preferences") == 200
    identity.tenants[tenant]["features"] = ["prm", "campaigns"]
    assert eventually(lambda: status() == 200, 5)


def test_the_flag_comes_before_the_service(call: Caller, identity: FakeIdentity, campaigns: FakeService) -> None:
    identity.tenants[call.tenant]["features"] = []
    assert eventually(lambda: call("GET", PATH).status_code == 403, 5)
    campaigns.seen.clear()
    for method, path in (("POST", f"{PATH}/1/send"), ("DELETE", f"{PATH}/nothing"), ("GET", PATH)):
        assert call(method, path).status_code == 403
    call.token = None
    assert call("GET", PATH).status_code == 401
    assert not campaigns.seen


def test_features_passed_on_are_those_in_force(call: Caller, identity: FakeIdentity, campaigns: FakeService) -> None:
    call.token = identity.token(tenant=call.tenant, features=["campaigns", "prm"])
    call("GET", PATH)

    def as_identity_says() -> bool:
        call("GET", PATH)
        who = campaigns.seen[-1].caller
        return who is not None and (who.features, who.tenant_name, who.tenant_slug) == (
            {"campaigns", "prm", "messaging", "promotions", "affiliates"},
            "Nordic Heating",
            "nordic-heating",
        )

    assert eventually(as_identity_says, 5)


def test_for_an_unknown_tenant_the_token_counts(call: Caller, identity: FakeIdentity, campaigns: FakeService) -> None:
    call.token = identity.token(features=["campaigns"])
    assert call("GET", PATH).status_code == 200
    assert call("GET", "/api/v1/prm/tiers").status_code == 403
    assert campaigns.seen[0].caller is not None
    assert campaigns.seen[0].caller.tenant_name == "Told by the token"


def test_a_revoked_user_is_refused_within_seconds(call: Caller, identity: FakeIdentity) -> None:
    user = str(uuid4())
    call.token = identity.token(sub=user, tenant=call.tenant)
    assert call("GET", PATH).status_code == 200
    identity.revoked.append(user)
    assert eventually(lambda: call("GET", PATH).status_code == 401, 5)
    call.token = identity.token(sub=user, tenant=call.tenant)
    assert call("GET", PATH).status_code == 401


def test_a_suspended_tenant_is_refused_within_seconds(call: Caller, identity: FakeIdentity) -> None:
    """Everything, until it is resumed; what needs no credential is for its service to say."""
    assert call("GET", PATH).status_code == 200
    identity.tenants[call.tenant]["suspended"] = True
    assert eventually(lambda: call("GET", PATH).status_code == 403, 5)
    for path in (PATH, "/api/v1/me", "/api/v1/events", "/v2/tenants/x/products"):
        assert is_problem(call("GET", path), 403, "tenant_suspended")
    assert call("POST", "/oauth/token").status_code == 200
    identity.tenants[call.tenant]["suspended"] = False
    assert eventually(lambda: call("GET", PATH).status_code == 200, 5)


def test_the_last_known_state_is_kept_while_identity_is_away(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway()
    identity.tenants[call.tenant]["features"] = ["prm"]
    assert eventually(lambda: call("GET", PATH).status_code == 403, 5)
    identity.stop()
    try:
        assert call("GET", PATH).status_code == 403
        assert call("GET", "/api/v1/prm/tiers").status_code == 200
    finally:
        identity.start()


def test_api_keys_that_identity_is_slow_about_do_not_delay_a_revocation(call: Caller, identity: FakeIdentity) -> None:
    user, release = str(uuid4()), Event()
    call.token = identity.token(sub=user, tenant=call.tenant)
    assert call("GET", PATH).status_code == 200
    flood = Caller(call.gateway, identity)
    flood.token = None
    made_up = {"X-Timestamp": str(int(time.time())), "X-Signature": 64 * "0"}
    names = [f"ck_{uuid4().hex}" for _ in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        for name in names:
            identity.plan(f"/internal/api-keys/{name}", Planned(404, until=release))
            pool.submit(flood, "GET", PATH, headers=made_up | {"X-API-Key": name})
        assert eventually(lambda: len(identity.asked_for_keys()) == len(names))
        identity.revoked.append(user)
        is_refused = eventually(lambda: call("GET", PATH).status_code == 401, 1)
        release.set()
    assert is_refused


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}", b'{"at": "x", "tenants": [{"id": "x"}], "revoked": []}'])
def test_a_nonsensical_answer_changes_nothing(start_gateway, identity: FakeIdentity, body: bytes) -> None:
    call = start_gateway()
    identity.tenants[call.tenant]["features"] = []
    assert eventually(lambda: call("GET", PATH).status_code == 403, 5)
    before = len(identity.seen)
    identity.plan("/internal/access", Planned(body=body))
    assert eventually(lambda: len(identity.seen) > before + 1, 5)
    assert call("GET", PATH).status_code == 403


class Identity:
    """What identity answers, turn by turn, and since when it was asked for changes."""

    def __init__(self, *answers: dict | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    def get(self, service: str, path: str, *, params: dict[str, str] | None) -> dict:
        assert (service, path) == ("identity", "/internal/access")
        self.asked.append(params["since"] if params else None)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def say(at: str, tenants: dict[UUID, list[str]], *revoked: UUID) -> dict:
    entries = [{"id": str(key), "name": "T", "kind": "Supplier", "features": on} for key, on in tenants.items()]
    return {"at": at, "tenants": entries, "revoked": [{"id": str(user_id), "at": at} for user_id in revoked]}


def test_after_the_first_time_only_changes_are_asked_for() -> None:
    first, second, user = uuid4(), uuid4(), uuid4()
    identity = Identity(
        say("2026-04-01T00:00:01Z", {first: ["prm"], second: []}, user),
        Upstream(),
        say("2026-04-01T00:00:02Z", {second: ["campaigns"]}),
        say("2026-04-01T00:00:03Z", {second: ["campaigns"]}),
        say("2026-04-01T00:00:09Z", {second: ["campaigns"]}),
    )
    access = Access(identity)  # type: ignore[arg-type]
    assert not access.loaded
    access.poll()
    with pytest.raises(Upstream):
        access.poll()
    access.poll()
    changed = access.tenant(second)
    access.poll()
    assert identity.asked == [None, "2026-04-01T00:00:01Z", "2026-04-01T00:00:01Z", "2026-04-01T00:00:02Z"]
    assert access.tenant(first) is not None
    assert changed is not None
    assert changed.features == {"campaigns"}
    assert access.tenant(second) is changed
    assert access.is_revoked(principal(user_id=user), 0.0)

    for _ in range(FULL_EVERY):  # everything is asked for anew, so what is gone goes
        access.poll()
    assert identity.asked[-3:].count(None) == 1
    assert access.tenant(first) is None
    assert not access.is_revoked(principal(user_id=user), 0.0)
