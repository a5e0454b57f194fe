"""Short ways for tests of second factors."""

import copy
from base64 import b32decode
from datetime import UTC, datetime
from hmac import digest

from sqlalchemy import func, select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity import settings
from services.identity.common.clients import Client
from services.identity.factors import actions
from tests.identity.authenticator import Authenticator, decoded, encoded

TOTP = "/api/v1/me/totp"
CONFIRM = "/api/v1/me/totp/confirm"
RECOVERY = "/api/v1/me/recovery-codes"
PASSKEYS = "/api/v1/me/passkeys"
NOW = datetime(2026, 4, 1, 12, 0, 10, tzinfo=UTC)
CLIENT = Client("Firefox on Windows", "192.0.2.1")
STEP_UP = "/api/v1/me/step-up/passkey"
SESSION = "/session/passkey"
OTTO = "otto@nordic-heating.example"
ANNA = "anna@nordic-heating.example"


def signed_in(identity, email="anna@nordic-heating.example"):
    """A client of somebody who has just signed in."""
    answer = identity.sign_in(email)
    assert answer.status_code == 200, answer.json
    return identity.as_bearer(answer.json["access_token"])


def code_of(secret, now: datetime | None = None, *, steps=0):
    """What an authenticator shows (RFC 6238 and 4226, computed here on its own)."""
    counter = int((now or utcnow()).timestamp()) // 30 + steps
    mac = digest(b32decode(secret), counter.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def with_totp(client):
    """Set an authenticator up; its secret and the recovery codes."""
    secret = client.post(TOTP).json["secret"]
    answer = client.post(CONFIRM, json={"code": code_of(secret)})
    assert answer.status_code == 200, answer.json
    return secret, answer.json["recoveryCodes"]


def use_code(identity, user_id, code, now=None):
    """Whether it lets the user in, asked of the room itself."""
    running = identity.running
    with (
        acting_as(Principal.system("identity")),
        running.database.begin() as session,
    ):
        ours = settings.of(running.runtime.settings)
        return actions.use_code(session, user_id, code, settings=ours, client=CLIENT, now=now or utcnow())


def origin(identity):
    return identity.running.runtime.settings.public_url


def new_passkey(identity, client, name="Anna's phone", **device):
    """A device whose passkey has been added, and the passkey's id."""
    device = Authenticator(origin(identity), **device)
    answer = add(client, device, name)
    assert answer.status_code == 201, answer.json
    return device, answer.json["id"]


def add(client, device, name="Anna's phone", **changes):
    options = client.post(f"{PASSKEYS}/options")
    assert options.status_code == 200, options.json
    return client.post(PASSKEYS, json={"name": name, "credential": device.create(options.json, **changes)})


def secured(identity):
    """What owners of accounts hear by mail: what has happened, and to which factor."""
    events = identity.running.events("identity.AccountSecured.v2")
    return [
        (event["data"]["what"], event["data"]["detail"])
        for event in events
        if event["data"]["what"] not in ("new_device", "new_network")
    ]


def from_our_page(client, path, body, **headers):
    return client.post(path, json=body, headers={"Sec-Fetch-Site": "same-origin"} | headers)


def sign_in_options(identity, **body):
    answer = from_our_page(identity.nobody, f"{SESSION}/options", body)
    assert answer.status_code == 200, answer.json
    return answer.json


def show(identity, credential, **body):
    return from_our_page(identity.nobody, SESSION, {"credential": credential} | body)


def sign_in(identity, device, username=None, body=None, **changes):
    options = sign_in_options(identity, **({"username": username} if username else {}))
    return show(identity, device.get(options, **changes), **(body or {}))


def step_up(client, device, **changes):
    options = client.post(f"{STEP_UP}/options").json
    return client.post(STEP_UP, json={"credential": device.get(options, **changes)})


def count(identity, model):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def tampered(credential, field):
    """The same with one bit of a field turned over."""
    forged = copy.deepcopy(credential)
    data = bytearray(decoded(forged["response"][field]))
    data[-1] ^= 1
    forged["response"][field] = encoded(bytes(data))
    return forged
