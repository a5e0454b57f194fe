"""Keys and tokens as a client sees them that knows only the JWKS: rotation, and what must never be accepted."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime, timedelta

import jwt
import pytest
import time_machine
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.identity import settings
from services.identity.signing_keys import actions as signing_keys
from services.identity.signing_keys import rules, tasks
from services.identity.signing_keys.models import SigningKey

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SYSTEM = Principal.system("identity")


def kids(identity):
    return [key["kid"] for key in identity.nobody.get("/.well-known/jwks.json").json["keys"]]


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def rotate(identity):
    own = settings.of(identity.running.runtime.settings)
    with acting_as(SYSTEM), identity.running.database.begin() as session:
        signing_keys.rotate_keys(session, settings=own, now=datetime.now(UTC))


def states(identity):
    with acting_as(SYSTEM), identity.running.database.read() as session:
        keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at)).all()
    return [(key.state, key.secret is not None) for key in keys]


def test_the_jwks_holds_public_keys_only(identity, anna):
    identity.sign_in()
    answer = identity.nobody.get("/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=600"
    (key,) = answer.json["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")


def test_private_keys_are_encrypted_at_rest(identity, anna):
    identity.sign_in()
    with acting_as(SYSTEM), identity.running.database.read() as session:
        key = session.scalars(select(SigningKey)).one()
    assert "PRIVATE KEY" not in key.secret
    assert "PRIVATE KEY" in settings.of(identity.running.runtime.settings).secret_box.decrypt(key.secret)


def encoded(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_client_that_knows_the_jwks_refuses_confused_and_altered_tokens(identity, anna):
    """Our keys name their one algorithm, so that nobody takes it from the token."""
    token = identity.sign_in().json["access_token"]
    head, body, signature = token.split(".")
    claims = identity.claims(token)
    kid = kid_of(token)
    public = base64.urlsafe_b64decode(identity.nobody.get("/.well-known/jwks.json").json["keys"][0]["x"] + "=")
    signed = f"{encoded({'alg': 'HS256', 'kid': kid})}.{body}"
    hs256 = f"{signed}.{encoded(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"
    for forged in (
        f"{encoded({'alg': 'none', 'kid': kid})}.{body}.",
        hs256,
        f"{head}.{encoded(claims | {'role': 'PlatformAdmin'})}.{signature}",
        f"{head}.{body}.{encoded(bytes(64))}",
    ):
        with pytest.raises(jwt.PyJWTError):
            identity.claims(forged)
    with pytest.raises(KeyError):
        identity.claims(f"{encoded({'alg': 'EdDSA', 'kid': 'other'})}.{body}.{signature}")


def test_a_token_ends_after_fifteen_minutes(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        token = identity.sign_in().json["access_token"]
        clock.shift(899)
        assert identity.claims(token)
        clock.shift(1)
        with pytest.raises(jwt.ExpiredSignatureError):
            identity.claims(token)


def test_rotation_publishes_first_signs_later_and_keeps_old_tokens_valid(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        old = identity.sign_in().json["access_token"]
        clock.shift(rules.ROTATE_AFTER)
        rotate(identity)
        coming, signing = kids(identity)
        assert kid_of(identity.sign_in().json["access_token"]) == signing == kid_of(old)
        clock.shift(rules.PUBLISH_AHEAD - timedelta(seconds=1))
        rotate(identity)
        last_of_old = identity.sign_in().json["access_token"]
        assert kid_of(last_of_old) == signing
        clock.shift(1)
        rotate(identity)
        new = identity.sign_in().json["access_token"]
        assert kid_of(new) == coming
        assert identity.claims(new)["sub"] == identity.claims(last_of_old)["sub"] == anna
        assert states(identity) == [("retired", False), ("active", True)]
        clock.shift(timedelta(seconds=898))
        rotate(identity)
        assert identity.claims(last_of_old)
        clock.shift(rules.MARGIN + timedelta(seconds=2))
        assert kids(identity) == [coming]
        rotate(identity)
        assert states(identity) == [("active", True)]


def test_the_schedule_rotates_every_ninety_days(identity, anna):
    with acting_as(SYSTEM), time_machine.travel(NOW, tick=False) as clock:
        tasks.rotate_keys(identity.running.runtime)
        assert states(identity) == [("active", True)]
        clock.shift(timedelta(days=90, seconds=-1))
        tasks.rotate_keys(identity.running.runtime)
        assert states(identity) == [("active", True)]
        clock.shift(1)
        tasks.rotate_keys(identity.running.runtime)
        assert states(identity) == [("active", True), ("next", True)]
        tasks.rotate_keys(identity.running.runtime)
        assert states(identity) == [("active", True), ("next", True)]


def at_once(work, times):
    failures = []

    def run():
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_several_processes_rotate_as_one(identity, anna):
    rotate(identity)
    due = datetime.now(UTC) + rules.ROTATE_AFTER
    with time_machine.travel(due, tick=False):
        at_once(lambda: rotate(identity), 5)
    assert sorted(states(identity)) == [("active", True), ("next", True)]
    with time_machine.travel(due + rules.PUBLISH_AHEAD, tick=False):
        at_once(lambda: rotate(identity), 5)
    assert states(identity) == [("retired", False), ("active", True)]


def test_the_first_sign_ins_at_the_same_moment_share_one_key(identity, anna):
    at_once(identity.sign_in, 4)
    assert states(identity) == [("active", True)]
