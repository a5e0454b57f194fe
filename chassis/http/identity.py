"""The signed identity that the gateway and the services pass on; nothing else identifies the caller.

A short-lived Ed25519 token names the caller and one receiving service (``aud``). Each sender signs with its own key,
``<keys>/<sender>.key``; receivers know the senders by ``<keys>/<sender>.pub``. A ``.pub`` file may hold several keys,
so that a new one can be published before the old one goes.
"""

import re
import time
from pathlib import Path
from threading import Lock
from typing import Any

import jwt
from cachetools import TLRUCache, TTLCache, cachedmethod
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from chassis.core.clock import CLOCKS_APART
from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal

HEADER = "X-Concord-Identity"
ALGORITHM = "EdDSA"
LIFETIME = 60  # seconds a token is valid
REUSE = 30  # seconds a token may be handed out again; the receiver still has the other half of its lifetime
LEEWAY = CLOCKS_APART.total_seconds()
CACHE_SIZE = 4096
_SENDER = re.compile(r"[a-z]{1,40}", re.ASCII)  # the name of one of our processes, and of its key files


_Verified = tuple[Principal, str, float]  # the caller, the sender, and when the token expires


class Signer:
    """Mints identities as ``sender``, one per caller and receiving service every ``REUSE`` seconds."""

    def __init__(self, keys: Path, sender: str) -> None:
        self.sender = sender
        self._key = _load_private(keys / f"{sender}.key")
        self._minted: TTLCache[Any, str] = TTLCache(CACHE_SIZE, REUSE, timer=time.time)
        self._lock = Lock()

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for ``purpose``, the same in every process of this sender, of no use for signing."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._key.private_bytes_raw())

    @cachedmethod(lambda self: self._minted, lock=lambda self: self._lock)
    def sign(self, principal: Principal, audience: str) -> str:
        now = int(time.time())
        claims = principal.to_claims() | {"iss": self.sender, "aud": audience, "iat": now, "exp": now + LIFETIME}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self.sender})


class Verifier:
    """Checks identities addressed to ``audience``. A valid token is remembered as long as it counts."""

    def __init__(self, keys: Path, audience: str) -> None:
        self.audience = audience
        self._keys = keys
        self._public: dict[str, list[Ed25519PublicKey]] = {}
        self._valid: TLRUCache[Any, _Verified] = TLRUCache(
            CACHE_SIZE, lambda _token, verified, _now: verified[2] + LEEWAY, timer=time.time
        )
        self._lock = Lock()

    def verify(self, token: str) -> tuple[Principal, str]:
        """The caller and the sender who vouches for it.

        Raises:
            Unauthorized: forged, expired, for another service, or signed by an unknown sender.
        """
        principal, sender, _ = self._check(token)
        return principal, sender

    @cachedmethod(lambda self: self._valid, lock=lambda self: self._lock)
    def _check(self, token: str) -> _Verified:
        try:
            sender = str(jwt.get_unverified_header(token).get("kid"))
            claims = self._decode(token, sender)
            return Principal.from_claims(claims), sender, float(claims["exp"])
        except (jwt.PyJWTError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Unauthorized("The caller's identity is not valid.") from error

    def _decode(self, token: str, sender: str) -> dict[str, Any]:
        failure: Exception = jwt.InvalidKeyError("unknown sender")
        for key in self._keys_of(sender):
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    audience=self.audience,
                    issuer=sender,
                    leeway=LEEWAY,
                    options={"require": ["exp", "iat", "aud", "iss", "sub"]},
                )
            except jwt.InvalidSignatureError as error:
                failure = error
        raise failure

    def _keys_of(self, sender: str) -> list[Ed25519PublicKey]:
        if sender not in self._public:
            public = _load_public(self._keys / f"{sender}.pub") if _SENDER.fullmatch(sender) else []
            if not public:
                return []  # and not remembered: its key may still be handed out, and anybody can make up a name
            self._public[sender] = public
        return self._public[sender]


def _load_private(file: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file.name} is no Ed25519 key")
    return key


def _load_public(file: Path) -> list[Ed25519PublicKey]:
    if not file.exists():
        return []
    end = b"-----END PUBLIC KEY-----"
    blocks = [block + end for block in file.read_bytes().split(end) if block.strip()]
    return [key for block in blocks if isinstance(key := load_pem_public_key(block), Ed25519PublicKey)]
