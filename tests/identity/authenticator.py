"""A device that keeps passkeys, in software (WebAuthn level 2): it signs what it is asked to, or what a test wants."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from uuid import uuid4

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40  # flags of authenticator data


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "===")


class Authenticator:
    """One passkey on one device.

    Args:
        origin: of the page that the browser shows.
        verifies: whether it checks who holds it, by a PIN or finger.
        counts: whether it counts how often it has signed; many do not.
    """

    def __init__(self, origin: str, *, verifies: bool = True, counts: bool = True) -> None:
        self.origin = origin
        self.verifies = verifies
        self.counts = counts
        self.sign_count = 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = uuid4().bytes
        self.user_handle = uuid4().bytes

    def create(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """What the browser sends after ``navigator.credentials.create``."""
        self.user_handle = decoded(options["user"]["id"])
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + self._public_key()
        data = self._data(options["rp"]["id"], ATTESTED, changes) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options, changes)
        response = {"clientDataJSON": encoded(client_data), "attestationObject": encoded(attestation)}
        return self._credential(response | {"transports": ["internal"]})

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """What the browser sends after ``navigator.credentials.get``."""
        self.sign_count += 1
        data = self._data(options["rpId"], 0, changes)
        client_data = self._client_data("webauthn.get", options, changes)
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(data),
            "signature": encoded(signature),
            "userHandle": encoded(changes.get("user_handle", self.user_handle)),
        }
        return self._credential(response)

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = encoded(self.credential_id)
        more = {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
        return {"id": name, "rawId": name, "type": "public-key", "response": response} | more

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        content = {
            "type": changes.get("type", kind),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(content).encode()

    def _data(self, rp_id: str, flags: int, changes: dict[str, Any]) -> bytes:
        flags |= PRESENT | (VERIFIED if changes.get("verified", self.verifies) else 0)
        count = changes.get("sign_count", self.sign_count if self.counts else 0)
        return sha256(changes.get("rp_id", rp_id).encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _public_key(self) -> bytes:
        point = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})
