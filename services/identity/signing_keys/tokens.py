"""Access tokens and the keys behind them: EdDSA JWTs that anybody can check with our JWKS."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.utils import base64url_encode

from chassis.core.principal import Principal
from chassis.http.identity import ALGORITHM

AUDIENCE = "concord"


@dataclass(frozen=True)
class KeyPair:
    """A new signing key: ``private`` as PEM, ``public`` as the ``x`` of a JWK."""

    private: str = field(repr=False)
    public: str


def new_key_pair() -> KeyPair:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KeyPair(pem, base64url_encode(raw).decode())


def to_jwk(kid: str, public: str) -> dict[str, str]:
    """The public key as a JWKS entry; it names the one algorithm it may be used with."""
    return {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": kid, "use": "sig", "alg": ALGORITHM}


def mint(principal: Principal, *, kid: str, private: str, issuer: str, lifetime: timedelta, now: datetime) -> str:
    """A signed access token for ``principal``, valid from ``now`` for ``lifetime``."""
    issued = now.timestamp()  # with its fraction: the gateway refuses what was issued until somebody's role changed
    claims: dict[str, Any] = principal.to_claims() | {
        "iss": issuer,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": int(issued) + int(lifetime.total_seconds()),
        "jti": str(uuid4()),
    }
    return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": kid})
