"""The gateway's own settings, beside those every process has (``chassis.process.settings``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from uuid import UUID

from environs import Env, ValidationError, validate
from limits import parse

from chassis.process.settings import read
from contracts.roles import Role

ASYMMETRIC = frozenset({"EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})
TENANT_ROLES = frozenset(Role) - {Role.PLATFORM_ADMIN, Role.SYSTEM}
LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Issuer:
    """Somebody whose access tokens we take, and how to read them.

    Attributes:
        algorithms: what its tokens may be signed with; never taken from the token.
        claims: the names its tokens use for ``tenant``, ``role`` and ``name``.
        roles: the roles it may give; a foreign issuer never makes an operator of the platform unless it is listed.
        tenants: ids of the tenants it speaks for; no other.
        ours: identity itself, which speaks for all tenants and whose tokens also carry the tenant's name, kind and
            features.
    """

    issuer: str
    jwks_uri: str
    audience: str
    algorithms: tuple[str, ...]
    claims: Mapping[str, str]
    roles: frozenset[Role] = TENANT_ROLES
    tenants: frozenset[str] = frozenset()
    ours: bool = False


@dataclass(frozen=True)
class GatewaySettings:
    """See the table in ``gateway/README.md``. Times are seconds, sizes bytes."""

    issuer: str = "concord"
    oidc_issuers: tuple[Issuer, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    metrics_from: tuple[Network, ...] = tuple(LOOPBACK)
    cors_origins: frozenset[str] = frozenset()
    limits_url: str = "memory://"
    tenant_limit: str = "1000/second"
    address_limit: str = "3000/minute"
    sign_in_limit: str = "60/minute"
    max_body: int = 1024 * 1024
    body_timeout: float = 15
    connect_timeout: float = 0.5
    read_timeout: float = 10
    total_timeout: float = 15
    in_flight: int = 0
    slot_wait: float = 0.25
    idle_connection: float = 30
    breaker_failures: int = 5
    breaker_pause: float = 2
    access_log: bool = True


def load() -> GatewaySettings:
    return read(_build)


def _build(env: Env) -> GatewaySettings:
    positive = validate.Range(min=0, min_inclusive=False)
    return GatewaySettings(
        issuer=env.str("ISSUER", "concord"),
        oidc_issuers=tuple(_issuer(entry) for entry in env.json("OIDC_ISSUERS", [], validate=_issuers) or ()),
        trusted_proxies=tuple(env.list("TRUSTED_PROXIES", [], subcast=_network) or ()),
        metrics_from=tuple(env.list("METRICS_FROM", LOOPBACK, subcast=_network) or ()),
        cors_origins=frozenset(env.list("CORS_ORIGINS", [], validate=_origins) or ()),
        limits_url=env.str("LIMITS_URL", "memory://"),
        tenant_limit=env.str("LIMIT_TENANT", "1000/second", validate=_is_limit),
        address_limit=env.str("LIMIT_ADDRESS", "3000/minute", validate=_is_limit),
        sign_in_limit=env.str("LIMIT_SIGN_IN", "60/minute", validate=_is_limit),
        max_body=env.int("MAX_BODY", 1024 * 1024, validate=positive),
        body_timeout=env.float("BODY_TIMEOUT", 15.0, validate=positive),
        connect_timeout=env.float("UPSTREAM_CONNECT_TIMEOUT", 0.5, validate=positive),
        read_timeout=env.float("UPSTREAM_READ_TIMEOUT", 10.0, validate=positive),
        total_timeout=env.float("UPSTREAM_TOTAL_TIMEOUT", 15.0, validate=positive),
        in_flight=env.int("UPSTREAM_IN_FLIGHT", 0, validate=validate.Range(min=0)),
        slot_wait=env.float("UPSTREAM_SLOT_WAIT", 0.25, validate=validate.Range(min=0)),
        idle_connection=env.float("UPSTREAM_IDLE", 30.0, validate=positive),
        breaker_failures=env.int("BREAKER_FAILURES", 5, validate=positive),
        breaker_pause=env.float("BREAKER_PAUSE", 2.0, validate=positive),
        access_log=env.bool("ACCESS_LOG", True),
    )


def contains(networks: tuple[Network, ...], address: str) -> bool:
    """Whether an address as the server reports it lies in one of the networks."""
    try:
        client = ip_address(address)
    except ValueError:  # a unix socket has none
        return False
    return any(client in network for network in networks)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValidationError("must be a list of networks such as 10.0.0.0/8") from None


def _origins(origins: list[str]) -> None:
    for origin in origins:
        if origin.count("/") != 2 or not origin.startswith(("http://", "https://")):
            raise ValidationError("must be a list of origins such as https://console.example")


def _is_limit(text: str) -> None:
    try:
        parse(text)
    except ValueError:
        raise ValidationError("must look like 600/second or 60/minute") from None


def _issuers(entries: Any) -> None:
    if not isinstance(entries, list):
        raise ValidationError("must be a JSON list of issuers")
    for entry in entries:
        try:
            issuer = _issuer(entry)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ValidationError(
                "every issuer needs issuer, jwks_uri and audience, known roles, and ids of tenants"
            ) from None
        if not issuer.algorithms or not ASYMMETRIC.issuperset(issuer.algorithms):
            raise ValidationError(f"algorithms must be among {', '.join(sorted(ASYMMETRIC))}")
        if not issuer.jwks_uri.startswith(("https://", "http://")):
            raise ValidationError("jwks_uri must be an address")
        if not issuer.tenants:
            raise ValidationError("every issuer needs tenants: the ids of those it speaks for, and no other")


def _issuer(entry: Mapping[str, Any]) -> Issuer:
    return Issuer(
        issuer=str(entry["issuer"]),
        jwks_uri=str(entry["jwks_uri"]),
        audience=str(entry["audience"]),
        algorithms=tuple(entry.get("algorithms", ["RS256"])),
        claims={"tenant": "tenant", "role": "role", "name": "name"} | dict(entry.get("claims", {})),
        roles=frozenset(Role(role) for role in entry.get("roles", TENANT_ROLES)) - {Role.SYSTEM},
        tenants=frozenset(str(UUID(tenant)) for tenant in entry.get("tenants", [])),
    )
