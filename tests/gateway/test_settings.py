"""What the gateway refuses to start with."""

import json
from uuid import uuid4

import pytest

from chassis.process.settings import SettingsError
from gateway import settings

TENANT = str(uuid4())
ISSUER = {
    "issuer": "https://login.example/",
    "jwks_uri": "https://login.example/keys",
    "audience": "concord-api",
    "tenants": [TENANT],
}


def issuers(monkeypatch: pytest.MonkeyPatch, *entries: object) -> tuple[settings.Issuer, ...]:
    monkeypatch.setenv("CONCORD_OIDC_ISSUERS", json.dumps(entries))
    return settings.load().oidc_issuers


def test_a_configured_issuer_names_the_tenants_that_it_speaks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (issuer,) = issuers(monkeypatch, ISSUER | {"tenants": [TENANT.upper()]})
    assert issuer.tenants == {TENANT}


@pytest.mark.parametrize(
    "change", [{"tenants": []}, {"tenants": None}, {"tenants": "all"}, {"tenants": ["nordic"]}, None]
)
def test_an_issuer_without_tenants_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    """SECURITY M8: it could speak for everybody."""
    entry = {name: value for name, value in ISSUER.items() if name != "tenants"} | (change or {})  # type: ignore[operator]
    with pytest.raises(SettingsError, match=r"OIDC_ISSUERS: every issuer needs .*tenants"):
        issuers(monkeypatch, ISSUER, entry)
