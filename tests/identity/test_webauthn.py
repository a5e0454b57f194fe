"""What devices send, damaged or made up, is not verified; and whose passkeys are ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.factors import verification
from services.identity.factors.verification import RelyingParty
from tests.identity.authenticator import Authenticator, decoded, encoded


@pytest.mark.parametrize(
    ("public_url", "party"),
    [
        ("https://concord.example", ("concord.example", "https://concord.example")),
        ("https://Concord.example:443", ("concord.example", "https://concord.example")),
        ("https://concord.example:8443/base", ("concord.example", "https://concord.example:8443")),
        ("http://localhost:8080", ("localhost", "http://localhost:8080")),
    ],
)
def test_passkeys_belong_to_the_public_address(public_url, party):
    known = RelyingParty.at(public_url)
    assert (known.id, known.origin) == party


PARTY = RelyingParty("localhost", "http://localhost:8080")
CHALLENGE = b"c" * 64


def made(device):
    user = {"id": encoded(b"u" * 16)}
    return device.create({"user": user, "rp": {"id": PARTY.id}, "challenge": encoded(CHALLENGE)})


@given(
    position=st.integers(0, 10_000),
    flip=st.integers(1, 255),
    field=st.sampled_from(["clientDataJSON", "attestationObject"]),
)
def test_a_damaged_registration_is_refused_or_is_none_of_ours(position, flip, field):
    """Without attestation a device may say what it likes of itself; what must hold are challenge, origin and host."""
    device = Authenticator(PARTY.origin)
    credential = made(device)
    data = bytearray(decoded(credential["response"][field]))
    data[position % len(data)] ^= flip
    credential["response"][field] = encoded(bytes(data))
    try:
        verification.verified_passkey(PARTY, credential, CHALLENGE)
    except verification.NotVerified:
        return
    if field == "clientDataJSON":
        content = json.loads(bytes(data))
        assert (decoded(content["challenge"]), content["origin"]) == (CHALLENGE, PARTY.origin)


@given(
    position=st.integers(0, 10_000),
    flip=st.integers(1, 255),
    field=st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
)
def test_no_damaged_assertion_is_accepted(position, flip, field):
    device = Authenticator(PARTY.origin)
    passkey = verification.verified_passkey(PARTY, made(device), CHALLENGE)
    known = {"public_key": passkey.public_key, "sign_count": passkey.sign_count}
    credential = device.get({"rpId": PARTY.id, "challenge": encoded(CHALLENGE)})
    assert verification.verified_assertion(PARTY, credential, CHALLENGE, **known).user_verified
    data = bytearray(decoded(credential["response"][field]))
    data[position % len(data)] ^= flip
    credential["response"][field] = encoded(bytes(data))
    with pytest.raises(verification.NotVerified):
        verification.verified_assertion(PARTY, credential, CHALLENGE, **known)


@given(data=st.binary(max_size=300), signature=st.binary(max_size=100))
def test_arbitrary_bytes_are_no_passkey_and_no_assertion(data, signature):
    device = Authenticator(PARTY.origin)
    passkey = verification.verified_passkey(PARTY, made(device), CHALLENGE)
    known = {"public_key": passkey.public_key, "sign_count": passkey.sign_count}
    new, shown = made(device), device.get({"rpId": PARTY.id, "challenge": encoded(CHALLENGE)})
    new["response"]["attestationObject"] = encoded(data)
    shown["response"] |= {"authenticatorData": encoded(data), "signature": encoded(signature)}
    with pytest.raises(verification.NotVerified):
        verification.verified_passkey(PARTY, new, CHALLENGE)
    with pytest.raises(verification.NotVerified):
        verification.verified_assertion(PARTY, shown, CHALLENGE, **known)
