"""WebAuthn: what a device is asked, and whether what it answers is right. Nothing here knows the database or HTTP."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.identity.factors.rules import CHALLENGE_LIFETIME, ISSUER

Json = dict[str, Any]
MILLISECOND = timedelta(milliseconds=1)
DEFAULT_PORTS = {"http": 80, "https": 443}


class NotVerified(Exception):
    """What a device has sent is not what was asked for; the cause says why, for the log and nobody else."""


@dataclass(frozen=True)
class RelyingParty:
    """Us, as devices know us: passkeys belong to the host ``id``, and pages of ``origin`` use them."""

    id: str
    origin: str

    @classmethod
    def at(cls, public_url: str) -> "RelyingParty":
        """The one that people reach at ``public_url``."""
        url = urlsplit(public_url)
        host = url.hostname or ""
        port = "" if url.port in (None, DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
        return cls(host, f"{url.scheme}://{host}{port}")


@dataclass(frozen=True)
class Claims:
    """What a device says it has signed, with which passkey, and whose that is (where it says so)."""

    challenge: bytes
    credential_id: bytes
    user_handle: bytes | None


@dataclass(frozen=True)
class NewPasskey:
    """A passkey that a device has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True)
class Assertion:
    """What a device has shown: how often it has signed, and whether it has checked who holds it (PIN, finger)."""

    sign_count: int
    user_verified: bool


def creation_options(
    party: RelyingParty, challenge: bytes, *, user_id: UUID, email: str, name: str, present: Iterable[bytes]
) -> Json:
    """What ``navigator.credentials.create`` needs. The passkey is discoverable: it opens without a user name."""
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=ISSUER,
        user_id=user_id.bytes,
        user_name=email,
        user_display_name=name,
        challenge=challenge,
        timeout=CHALLENGE_LIFETIME // MILLISECOND,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(present),
    )
    return options_to_json_dict(options)


def request_options(
    party: RelyingParty, challenge: bytes, *, allowed: Iterable[bytes] = (), must_verify: bool = False
) -> Json:
    """What ``navigator.credentials.get`` needs.

    Args:
        allowed: ids of the passkeys that will do; none means any of ours that the device has.
        must_verify: whether the device has to check who holds it.
    """
    verification = UserVerificationRequirement.REQUIRED if must_verify else UserVerificationRequirement.PREFERRED
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=CHALLENGE_LIFETIME // MILLISECOND,
        allow_credentials=_descriptors(allowed),
        user_verification=verification,
    )
    return options_to_json_dict(options)


def claims_of(credential: Json) -> Claims:
    """What a device says; nothing is verified yet.

    Raises:
        NotVerified: it cannot be read.
    """
    try:
        response = credential["response"]
        client_data = parse_client_data_json(base64url_to_bytes(response["clientDataJSON"]))
        handle = response.get("userHandle")
        user_handle = base64url_to_bytes(handle) if handle else None
        return Claims(client_data.challenge, base64url_to_bytes(credential["rawId"]), user_handle)
    except Exception as error:  # whatever the parsers make of arbitrary bytes
        raise NotVerified("not readable") from error


def verified_passkey(party: RelyingParty, credential: Json, challenge: bytes) -> NewPasskey:
    """The passkey that a device has made for ``challenge``.

    Raises:
        NotVerified: it was made for another challenge, origin or host, or was tampered with.
    """
    try:
        registration = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except Exception as error:  # the library refuses with its own errors, and with those of the parsers it uses
        raise NotVerified("no registration") from error
    return NewPasskey(registration.credential_id, registration.credential_public_key, registration.sign_count)


def verified_assertion(
    party: RelyingParty, credential: Json, challenge: bytes, *, public_key: bytes, sign_count: int
) -> Assertion:
    """What the device that holds the private half of ``public_key`` has signed.

    Raises:
        NotVerified: another challenge, origin, host or key, tampered with, or a sign count that is not higher than
            ``sign_count``: the device has been cloned. Devices that do not count always say 0.
    """
    try:
        authentication = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        )
    except Exception as error:  # as above
        raise NotVerified("no assertion") from error
    return Assertion(authentication.new_sign_count, authentication.user_verified)


def _descriptors(credential_ids: Iterable[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=credential_id) for credential_id in credential_ids]
