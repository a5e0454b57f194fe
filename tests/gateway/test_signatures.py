"""Signed requests of merchants (S2-26, D1): who signs right gets in, once; nobody else gets in at all."""

import base64
import gzip
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from chassis.http.identity import HEADER
from contracts.roles import Role
from tests.gateway.conftest import Caller, Platform, Served
from tests.gateway.fakes import FakeIdentity, Planned, eventually

PATH = "/api/v1/campaigns"
BODY = b'{"title": "Dashain Sale"}'
SHAPE = {"statusCode", "message", "error"}


def signature(secret: str, timestamp: str, body: bytes = b"", digest: str = "sha256") -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, digest).hexdigest()


class Merchant:
    """A merchant's software that knows its API key, the secret and the document."""

    def __init__(self, identity: FakeIdentity, *features: str) -> None:
        self.identity = identity
        self.tenant = identity.add_tenant(*(features or ("affiliates",)), kind="Merchant")
        self.key, self.secret = identity.add_api_key(self.tenant)
        self._last = int(time.time()) - 200

    def timestamp(self) -> str:
        """A moment not used before: what has no body differs by nothing else."""
        self._last += 1
        return str(self._last)

    def headers(self, body: bytes = b"", timestamp: str | None = None) -> dict[str, str]:
        timestamp = timestamp or self.timestamp()
        return {
            "X-API-Key": self.key,
            "X-Timestamp": timestamp,
            "X-Signature": signature(self.secret, timestamp, body),
        }


@pytest.fixture
def merchant(identity: FakeIdentity) -> Merchant:
    return Merchant(identity)


@pytest.fixture
def call(call: Caller) -> Caller:
    call.token = None
    return call


def refused(answer: Any, status: int = 401, message: str = "") -> None:
    """S2-29."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert set(answer.json) == SHAPE
    assert message in answer.json["message"][0]


# Who signs right


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PATH, BODY),
        ("GET", f"{PATH}?page=1&pageSize=200", b""),
        ("PATCH", f"{PATH}/7", b'{"defaultCommissionValue": "15"}'),
        ("POST", f"{PATH}/7/pause", b""),
        ("POST", "/api/v1/products", b"\x00\xff\r\n.." * 9000),
        ("HEAD", "/api/v1/ledger", b""),
        ("DELETE", "/api/v1/products/7", b""),
        ("POST", "/api/v1/conversions", b'{"externalOrderId": "\xc3\xa5"}'),
    ],
)
def test_a_signed_request_reaches_the_merchant_api(
    served: Served, platform: Platform, merchant: Merchant, method: str, path: str, body: bytes
) -> None:
    headers = merchant.headers(body) | {"Content-Type": "application/json", "X-Idempotency-Key": "k"}
    answer = served.http.request(method, path, headers=headers, body=body or None)
    assert answer.status == 200
    (seen,) = platform.affiliates.seen
    assert (seen.method, seen.target, seen.body) == (method, path, body)
    assert seen.caller is not None
    assert (seen.caller.role, seen.caller.name) == (Role.MACHINE, "till")
    assert str(seen.caller.user_id) == platform.identity.api_keys[merchant.key]["id"]
    assert str(seen.caller.tenant_id) == merchant.tenant
    assert (seen.caller.tenant_kind, seen.caller.tenant_slug) == ("Merchant", "nordic-heating")
    assert seen.caller.features == {"affiliates"}
    assert seen.get("X-Idempotency-Key") == "k"
    assert not {"x-api-key", "x-timestamp", "x-signature", "authorization"} & seen.names


def test_what_is_signed_is_the_body_however_it_comes(served: Served, platform: Platform, merchant: Merchant) -> None:
    pieces = [b'{"title": ', b'"Dashain', b' Sale"}']
    answer = served.http.request("POST", PATH, headers=merchant.headers(BODY), body=iter(pieces))
    assert answer.status == 200
    assert platform.affiliates.seen[0].body == BODY


def test_moments_may_be_written_in_milliseconds_and_signatures_in_capitals(call: Caller, merchant: Merchant) -> None:
    sent = merchant.headers(BODY, str(int(time.time() * 1000)))
    assert call("POST", PATH, headers=sent, data=BODY).status_code == 200
    sent = merchant.headers(BODY)
    capitals = sent | {"X-Signature": sent["X-Signature"].upper()}
    assert call("POST", PATH, headers=capitals, data=BODY).status_code == 200
    refused(call("POST", PATH, headers=sent, data=BODY), 401, "has been used")


def test_requests_without_a_body_differ_by_milliseconds(call: Caller, merchant: Merchant) -> None:
    """Within one second of our clock; in seconds they collide, and the refusal says what to do."""
    with time_machine.travel(int(time.time()), tick=False):
        now = int(time.time())
        for moment in (now * 1000, now * 1000 + 1, now * 1000 + 999):
            assert call("GET", PATH, headers=merchant.headers(timestamp=str(moment))).status_code == 200
        assert call("GET", PATH, headers=merchant.headers(timestamp=str(now))).status_code == 200
        refused(call("GET", PATH, headers=merchant.headers(timestamp=str(now))), 401, "timestamp in milliseconds")
        refused(
            call("GET", PATH, headers=merchant.headers(timestamp=str(now * 1000))), 401, "timestamp in milliseconds"
        )


def test_five_minutes_to_the_millisecond(call: Caller, merchant: Merchant) -> None:
    with time_machine.travel(int(time.time()), tick=False):
        now = int(time.time()) * 1000
        for off, status in ((-300_001, 401), (-300_000, 200), (300_000, 200), (300_001, 401)):
            assert call("GET", PATH, headers=merchant.headers(timestamp=str(now + off))).status_code == status


def test_the_client_of_the_readme_is_let_in(served: Served, platform: Platform, merchant: Merchant) -> None:
    readme = (Path(__file__).parents[2] / "gateway" / "README.md").read_text()
    client: dict[str, Any] = {}
    exec(readme.split("```python\n")[1].split("```")[0], client)
    base = f"http://127.0.0.1:{served.port}"
    for _ in range(3):
        before = time.time_ns() // 1_000_000
        client["ask"](base, merchant.key, merchant.secret, "GET", PATH)
        assert eventually(lambda: time.time_ns() // 1_000_000 > before)  # noqa: B023
    client["ask"](base, merchant.key, merchant.secret, "POST", PATH, {"title": "Dashain Sale"})
    client["order"](base, merchant.key, merchant.secret, "INV/2026 1")
    assert [seen.target for seen in platform.affiliates.seen] == [PATH] * 4 + ["/api/v1/conversions/INV%2F2026%201"]


@pytest.mark.parametrize("off", [-298, -60, 60, 298])
def test_a_clock_may_be_five_minutes_off(call: Caller, merchant: Merchant, off: int) -> None:
    sent = merchant.headers(timestamp=str(int(time.time()) + off))
    assert call("GET", PATH, headers=sent).status_code == 200


@pytest.mark.parametrize("off", [-302, 302, -86400, 10**8])
def test_but_no_more(call: Caller, platform: Platform, merchant: Merchant, off: int) -> None:
    for factor in (1, 1000):
        moment = str((int(time.time()) + off) * factor)
        refused(call("GET", PATH, headers=merchant.headers(timestamp=moment)), 401, "300 seconds")
    assert not platform.identity.asked_for_keys()
    assert not platform.affiliates.seen


@pytest.mark.parametrize(("off", "status"), [(-301, 401), (-300, 200), (0, 200), (300, 200), (301, 401)])
def test_five_minutes_to_the_second(call: Caller, merchant: Merchant, off: int, status: int) -> None:
    with time_machine.travel(int(time.time()), tick=False):
        sent = merchant.headers(timestamp=str(int(time.time()) + off))
        assert call("GET", PATH, headers=sent).status_code == status


# Who does not


def forgeries(merchant: Merchant, other: Merchant, token: str) -> Iterator[str]:
    """Header lines that must not let anybody in; the body that goes with them is always ``BODY``."""
    now = str(int(time.time()))
    key, secret = merchant.key, merchant.secret
    good = signature(secret, now, BODY)

    def lines(api_key: str = key, timestamp: str = now, signed: str | None = None) -> str:
        signed = signature(secret, timestamp, BODY) if signed is None else signed
        return f"X-API-Key: {api_key}\r\nX-Timestamp: {timestamp}\r\nX-Signature: {signed}"

    def raw(data: bytes, using: str = "sha256") -> str:
        return hmac.new(secret.encode(), data, using).hexdigest()

    stamped = now.encode() + b"." + BODY
    # something is missing
    yield f"X-API-Key: {key}"
    yield f"X-API-Key: {key}\r\nX-Timestamp: {now}"
    yield f"X-API-Key: {key}\r\nX-Signature: {good}"
    yield f"X-Timestamp: {now}\r\nX-Signature: {good}"
    yield f"X-Signature: {good}"
    yield lines(api_key="")
    yield lines(timestamp="", signed=good)
    yield lines(signed="")
    # something else is signed, or otherwise
    yield lines(signed=signature(other.secret, now, BODY))
    yield lines(signed=signature("", now, BODY))
    yield lines(signed=signature(key, now, BODY))
    yield lines(signed=signature(secret, now, b""))
    yield lines(signed=signature(secret, now, BODY + b"\n"))
    yield lines(signed=signature(secret, now, json.dumps(json.loads(BODY), indent=1).encode()))
    yield lines(signed=signature(secret, str(int(now) - 1), BODY))
    yield lines(signed=raw(BODY))
    yield lines(signed=raw(now.encode() + BODY))
    yield lines(signed=raw(BODY + b"." + now.encode()))
    yield lines(signed=raw(b"POST\n" + PATH.encode() + b"\n" + stamped))
    yield lines(signed=raw(stamped, "sha1"))
    yield lines(signed=raw(stamped, "sha512"))
    yield lines(signed=raw(stamped, "md5"))
    yield lines(signed=hashlib.sha256(secret.encode() + stamped).hexdigest())
    yield lines(signed=base64.b64encode(bytes.fromhex(good)).decode())
    # the signature is written otherwise
    yield lines(signed=f"sha256={good}")
    yield lines(signed=f"0x{good}")
    yield lines(signed=good[:-1])
    yield lines(signed=good + "0")
    yield lines(signed=good[:32])
    yield lines(signed=f"{good[:32]} {good[32:]}")
    yield lines(signed=f'"{good}"')
    yield lines(signed="0" * 64)
    yield lines(signed="\xb2" * 64)
    yield lines(signed=f"{good},{good}")
    # a field comes twice
    yield lines() + f"\r\nX-Signature: {good}"
    yield f"X-Signature: {'0' * 64}\r\n" + lines()
    yield lines() + f"\r\nX-API-Key: {other.key}"
    yield lines(other.key) + f"\r\nx-api-key: {key}"
    yield lines() + f"\r\nX-Timestamp: {now}"
    # the moment is written otherwise
    for timestamp in (f"+{now}", f"-{now}", f"{now}.0", f"0{now}", hex(int(now)), f"{now[0]}_{now[1:]}", f"{now}000000",
                      f"{now}.000", f"{now}000.5", f"{now}00", f"{now},000", f"{now}000 ms", f"{now}e3", "9" * 400,
                      "2026-04-01T00:00:00Z", "now", f"{now[:5]} {now[5:]}", "\xb2" * 10, "\xb2" * 13):  # fmt: skip
        signed = hmac.new(secret.encode(), timestamp.encode("latin-1") + b"." + BODY, "sha256").hexdigest()
        yield lines(timestamp=timestamp, signed=signed)
    # the key is another's, or none
    yield lines(other.key)
    yield lines(key.upper())
    yield lines(f"{key[:-1]}")
    yield lines(merchant.identity.api_keys[key]["id"])
    yield lines("ck_000000000000000000000000")
    yield lines("../tenants/x")
    yield lines("%2e%2e")
    yield lines(f"{key}?x=1")
    yield lines(f"{key}/")
    yield lines(f"{key}#")
    yield lines("x" * 65)
    yield lines(secret)
    yield lines("'\xe5")
    # fields that only look the same
    yield lines().replace("X-API-Key", "X_API_Key")
    yield lines().replace("X-Signature", "X_Signature")
    yield lines().replace("X-Timestamp", "X_Timestamp")
    yield lines(signed="0" * 64) + f"\r\nX_Signature: {good}"
    yield lines().replace("-", "_")
    yield lines(signed="0" * 64) + f"\r\nX-Concord-Signature: {good}"
    # two credentials, or one of another kind
    yield lines() + f"\r\nAuthorization: Bearer {token}"
    yield lines() + "\r\nAuthorization: Basic eDp5"
    yield lines() + "\r\nAuthorization:"
    yield f"X-API-Key: {key}\r\nAuthorization: Bearer {token}"
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    yield f"X-API-Key: {key}\r\nAuthorization: Basic {basic}"
    yield f"X-API-Key: {key}\r\nX-API-Secret: {secret}"
    yield f"X-API-Key: {key}:{secret}"
    # somebody else is claimed
    yield f"X-API-Key: {key}\r\n{HEADER}: {token}"
    yield lines(signed="0" * 64) + f"\r\n{HEADER}: {token}\r\nConnection: X-Signature"


def test_no_forged_request_gets_in(served: Served, platform: Platform, identity: FakeIdentity) -> None:
    """S2-26, S2-29: 401 in the document's shape, and the service hears of nothing."""
    merchant, other = Merchant(identity), Merchant(identity)
    tried = 0
    for lines in forgeries(merchant, other, served.token):
        status, headers, body = served.raw(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n{lines}\r\n\r\n", BODY
        )
        if "X_" in lines and "X-API-Key" not in lines and "X-Signature" not in lines:
            assert status == 401  # no field of ours is left, so it is nobody, and not a merchant
        else:
            assert (status, set(json.loads(body))) == (401, SHAPE), lines
        assert headers["www-authenticate"]
        assert not platform.affiliates.seen, lines
        assert not platform.campaigns.seen, lines
        tried += 1
    assert tried >= 60
    asked_for = {target.rpartition("/internal/api-keys/")[2] for target in identity.asked_for_keys()}
    assert all(name.replace("_", "").replace("-", "").isalnum() for name in asked_for), "a key is a key, not a path"
    sent = merchant.headers(BODY)
    assert served.http.request("POST", PATH, headers=sent, body=BODY).status == 200


def test_the_query_carries_no_credential(call: Caller, platform: Platform, merchant: Merchant) -> None:
    sent = merchant.headers()
    query = "&".join(f"{name}={value}" for name, value in sent.items())
    assert call("GET", f"{PATH}?{query}").status_code == 401
    refused(call("GET", f"/api/v1/products?{query}"))
    assert not platform.affiliates.seen


def test_a_body_that_is_not_the_signed_one_is_refused(call: Caller, platform: Platform, merchant: Merchant) -> None:
    sent = merchant.headers(BODY)
    for body in (BODY + b" ", BODY[:-1], b"", gzip.compress(BODY), BODY.replace(b"Dashain", b"Tihar")):
        refused(call("POST", PATH, headers=sent, data=body), 401, "not valid")
    refused(call("POST", PATH, headers=sent | {"Content-Encoding": "gzip"}, data=BODY), 415)
    assert not platform.affiliates.seen
    assert call("POST", PATH, headers=sent, data=BODY).status_code == 200, "what was refused has used nothing up"


def test_a_body_is_bounded_before_it_is_verified(start_gateway, platform: Platform, merchant: Merchant) -> None:
    """And read only for a key that exists."""
    call = start_gateway(max_body=len(BODY))
    call.token = None
    large = BODY + b" "
    refused(call("POST", PATH, headers=merchant.headers(large), data=large), 413)
    unknown = merchant.headers(large) | {"X-API-Key": "ck_unknown"}
    refused(call("POST", PATH, headers=unknown, data=large), 401)
    assert not platform.affiliates.seen
    assert call("POST", PATH, headers=merchant.headers(BODY), data=BODY).status_code == 200


def test_a_signature_counts_once(call: Caller, platform: Platform, merchant: Merchant) -> None:
    """Also on another path or with another method: neither is signed, so neither makes it new."""
    sent = merchant.headers()
    assert call("GET", PATH, headers=sent).status_code == 200
    for method, path in (
        ("GET", PATH),
        ("GET", f"{PATH}/7"),
        ("POST", f"{PATH}/7/activate"),
        ("GET", "/api/v1/ledger"),
    ):
        refused(call(method, path, headers=sent), 401, "has been used")
    assert len(platform.affiliates.seen) == 1


def test_of_many_at_the_same_moment_one_counts(served: Served, platform: Platform, merchant: Merchant) -> None:
    sent = merchant.headers(BODY)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: served.http.request("POST", PATH, headers=sent, body=BODY).status, range(24))
    assert sorted(answers) == [200] + [401] * 23
    assert len(platform.affiliates.seen) == 1


# The two tables (D1)


def test_the_credential_decides_whose_campaigns_are_meant(call: Caller, platform: Platform, merchant: Merchant) -> None:
    """D1: a bearer token goes to campaigns, an API key to affiliates, also below and whatever the body is."""
    for path in (PATH, f"{PATH}/7", f"{PATH}/7/send", f"{PATH}/invites"):
        platform.affiliates.seen.clear()
        platform.campaigns.seen.clear()
        assert call("POST", path, headers=merchant.headers(BODY), data=BODY).status_code == 200
        assert [seen.target for seen in platform.affiliates.seen] == [path]
        assert not platform.campaigns.seen
        bearer = {"Authorization": f"Bearer {platform.identity.token()}"}
        assert call("POST", path, headers=bearer, data=BODY).status_code == 200
        assert [seen.target for seen in platform.campaigns.seen] == [path]


@pytest.mark.parametrize(
    "path", ["/api/v1/prm/tiers", "/api/v1/me", "/merchant/api/v1/campaigns", "/marketing/campaigns", "/v2/tenants/x"]
)
def test_an_api_key_opens_nothing_else(call: Caller, platform: Platform, merchant: Merchant, path: str) -> None:
    """Not even beside a token that would."""
    for headers in (merchant.headers(), {"Authorization": f"Bearer {platform.identity.token()}"} | merchant.headers()):
        answer = call("GET", path, headers=headers)
        assert answer.status_code == 401
        assert (
            "API keys are not accepted here" in answer.get_data(as_text=True)
            or answer.json["message"] == "Unauthorized"
        )
    assert not [seen for fake in platform.all for seen in fake.seen if seen.target == path]


@pytest.mark.parametrize("path", ["/api/v1/products", "/api/v1/conversions/7", "/api/v1/statements"])
def test_a_token_opens_nothing_of_the_merchant_apis_own(call: Caller, platform: Platform, path: str) -> None:
    """Who signs in uses ``/merchant/api/v1``."""
    for headers in ({}, {"Authorization": f"Bearer {platform.identity.token(role='MerchantAdmin')}"}):
        refused(call("GET", path, headers=headers), 401, "X-API-Key")
    assert not platform.affiliates.seen


def test_a_signed_request_to_nowhere_is_not_found(call: Caller, merchant: Merchant) -> None:
    for path in ("/api/v1/nothing", "/api/v1/campaignsx", "/api/v1/campaigns/", "/internal/access"):
        refused(call("GET", path, headers=merchant.headers()), 404)


# Keys that come and go


def test_a_removed_key_is_out_within_five_seconds(served: Served, merchant: Merchant) -> None:
    def status() -> int:
        return served.http.request("GET", PATH, headers=merchant.headers()).status

    assert status() == 200
    merchant.identity.remove_api_key(merchant.key)
    assert eventually(lambda: status() == 401, 5)


def test_the_flag_is_in_force_within_five_seconds(served: Served, platform: Platform, merchant: Merchant) -> None:
    def status() -> int:
        return served.http.request("GET", PATH, headers=merchant.headers()).status

    assert status() == 200
    platform.identity.tenants[merchant.tenant]["features"] = []
    assert eventually(lambda: status() == 403, 5)
    answer = served.http.request("GET", PATH, headers=merchant.headers())
    assert answer.json() == {
        "statusCode": 403, "message": ["The feature 'affiliates' is not enabled."], "error": "Forbidden",
    }  # fmt: skip


def test_keys_of_a_suspended_tenant_are_refused(call: Caller, identity: FakeIdentity, merchant: Merchant) -> None:
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    identity.tenants[merchant.tenant]["suspended"] = True
    assert eventually(lambda: call("GET", PATH, headers=merchant.headers()).status_code == 403, 5)
    refused(call("GET", PATH, headers=merchant.headers()), 403, "suspended")


def test_a_key_that_has_ended_is_refused(call: Caller, identity: FakeIdentity, merchant: Merchant) -> None:
    """Though the gateway remembers its secret."""
    end = datetime.now(UTC) + timedelta(hours=1)
    identity.api_keys[merchant.key]["expiresAt"] = end.isoformat()
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    other = Merchant(identity)
    with time_machine.travel(end, tick=False):
        merchant._last = other._last = int(end.timestamp()) - 100
        refused(call("GET", PATH, headers=merchant.headers()), 401, "not valid")
        assert call("GET", PATH, headers=other.headers()).status_code == 200


def test_the_tenants_limit_counts_signed_requests(start_gateway, merchant: Merchant) -> None:
    call = start_gateway(tenant_limit="3/hour")
    call.token = None
    statuses = [call("GET", PATH, headers=merchant.headers()).status_code for _ in range(5)]
    assert statuses == [200] * 3 + [429] * 2


def test_identity_is_asked_once_for_a_busy_key(call: Caller, identity: FakeIdentity, merchant: Merchant) -> None:
    for _ in range(10):
        assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    assert identity.asked_for_keys() == [f"/internal/api-keys/{merchant.key}"]


def test_identity_learns_which_keys_are_in_use(
    start_gateway, identity: FakeIdentity, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what was verified, never from who only claims a key."""
    monkeypatch.setattr("gateway.app.REPORT_SECONDS", 0.05)
    call, other = start_gateway(), Merchant(identity)
    call.token = None
    refused(call("GET", PATH, headers=merchant.headers() | {"X-API-Key": other.key}))
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200

    def reported() -> set[str]:
        # Gateways of other tests report to this identity too.
        reports = [json.loads(seen.body) for seen in identity.seen if seen.target == "/internal/api-keys/used"]
        return {key for report in reports for key in report["ids"]}

    assert eventually(lambda: identity.api_keys[merchant.key]["id"] in reported())
    assert identity.api_keys[other.key]["id"] not in reported()


def test_whoever_tries_keys_is_stopped_and_nobody_else(
    start_gateway, identity: FakeIdentity, merchant: Merchant
) -> None:
    """An unknown key is remembered; many of them from one address are not asked for any more."""
    call = start_gateway(sign_in_limit="5/hour")
    call.token = None
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    identity.seen.clear()
    made_up = [merchant.headers() | {"X-API-Key": f"ck_{number}"} for number in range(20)]
    statuses = [call("GET", PATH, headers=sent).status_code for sent in (made_up[0], made_up[0], *made_up)]
    assert statuses == [401] * 5 + [429] * 17
    assert len(identity.asked_for_keys()) == 3
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200, "a known key is not asked for"
    stranger = Merchant(identity)
    elsewhere = {"REMOTE_ADDR": "198.51.100.7"}
    assert call("GET", PATH, headers=stranger.headers(), environ=elsewhere).status_code == 200


def test_while_identity_is_away_known_keys_go_on(start_gateway, identity: FakeIdentity, merchant: Merchant) -> None:
    call = start_gateway()
    call.token = None
    unknown = Merchant(identity)
    assert call("GET", PATH, headers=merchant.headers()).status_code == 200
    identity.stop()
    try:
        assert call("GET", PATH, headers=merchant.headers()).status_code == 200
        answer = call("GET", PATH, headers=unknown.headers())
        refused(answer, 503)
        assert answer.headers["Retry-After"]
    finally:
        identity.start()


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}", b'{"id": 7}', b'{"id": "x", "tenant": {"id": "y"}}'])
def test_a_nonsensical_answer_about_a_key_lets_nobody_in(
    call: Caller, identity: FakeIdentity, merchant: Merchant, body: bytes
) -> None:
    identity.plan(f"/internal/api-keys/{merchant.key}", Planned(body=body))
    refused(call("GET", PATH, headers=merchant.headers()), 503)
