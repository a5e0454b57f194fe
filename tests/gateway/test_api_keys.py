"""What a gateway remembers of API keys: briefly what exists, more briefly what does not, and asks for few of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.core.errors import NotFound, Upstream
from contracts.roles import Role
from gateway.api_keys import (
    KNOWN_SIZE,
    QUESTIONS,
    REMEMBER,
    REMEMBER_UNKNOWN,
    REMEMBER_WHILE_AWAY,
    UNKNOWN_SIZE,
    ApiKeys,
)
from gateway.limiting import TooMany

TENANT = {"id": str(uuid4()), "slug": "dashain-market", "name": "Dashain Market", "kind": "Merchant", "features": []}


class Identity:
    """What identity knows of keys, and what it was asked."""

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.used: list[set[UUID]] = []
        self.away = False

    def get(self, service: str, path: str) -> dict[str, Any]:
        assert service == "identity"
        name = path.removeprefix("/internal/api-keys/")
        self.asked.append(name)
        if self.away:
            raise Upstream
        if name not in self.keys:
            raise NotFound
        return self.keys[name]

    def look_up(self, service: str, path: str, json: Any) -> dict[str, Any]:
        assert (service, path) == ("identity", "/internal/api-keys/used")
        if self.away:
            raise Upstream
        self.used.append({UUID(key_id) for key_id in json["ids"]})
        return {}

    def add(self, name: str) -> UUID:
        key_id = uuid4()
        self.keys[name] = {"id": str(key_id), "name": "till", "secret": f"secret of {name}", "tenant": TENANT}
        return key_id


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def clock() -> list[float]:
    return [1000.0]


@pytest.fixture
def keys(identity: Identity, clock: list[float]) -> ApiKeys:
    return ApiKeys(identity, clock=lambda: clock[0])  # type: ignore[arg-type]


def yes() -> None:
    pass


def test_a_key_is_remembered_a_minute(keys: ApiKeys, identity: Identity, clock: list[float]) -> None:
    key_id = identity.add("ck_1")
    key = keys.find("ck_1", yes)
    assert key is not None
    who = key.principal
    assert (who.user_id, who.role, who.name) == (key_id, Role.MACHINE, "till")
    assert (str(who.tenant_id), who.tenant_slug, who.tenant_kind) == (TENANT["id"], "dashain-market", "Merchant")
    assert "secret" not in repr(replace(key)), "it would end up in a log"
    clock[0] += REMEMBER - 1
    assert keys.find("ck_1", yes) is key
    assert identity.asked == ["ck_1"]
    clock[0] += 1
    del identity.keys["ck_1"]
    assert keys.find("ck_1", yes) is None
    assert keys.find("ck_1", yes) is None
    assert identity.asked == ["ck_1"] * 2


def test_a_key_ends_though_it_is_remembered(identity: Identity, clock: list[float]) -> None:
    """At that very second, also while identity is away."""
    end = datetime(2026, 4, 1, 12, tzinfo=UTC)
    now = [end.timestamp() - 1]
    keys = ApiKeys(identity, clock=lambda: clock[0], now=lambda: now[0])  # type: ignore[arg-type]
    identity.add("ck_1")
    identity.keys["ck_1"]["expiresAt"] = "2026-04-01T12:00:00Z"
    assert keys.find("ck_1", yes) is not None
    now[0] += 0.999
    assert keys.find("ck_1", yes) is not None
    now[0] += 0.001
    assert keys.find("ck_1", yes) is None
    identity.away = True
    clock[0] += REMEMBER
    assert keys.find("ck_1", yes) is None
    assert identity.asked == ["ck_1"]


def test_an_unknown_key_is_remembered_for_less(keys: ApiKeys, identity: Identity, clock: list[float]) -> None:
    """So that a new key works soon, though somebody was too early with it."""
    assert keys.find("ck_1", yes) is None
    identity.add("ck_1")
    clock[0] += REMEMBER_UNKNOWN - 1
    assert keys.find("ck_1", yes) is None
    assert identity.asked == ["ck_1"]
    clock[0] += 1
    assert keys.find("ck_1", yes) is not None


def outcome(keys: ApiKeys, name: str) -> str:
    try:
        return "known" if keys.find(name, yes) else "unknown"
    except Upstream as failure:
        return f"again in {failure.headers['Retry-After']} s"


def test_a_flood_of_unknown_keys_is_not_passed_on(keys: ApiKeys, identity: Identity, clock: list[float]) -> None:
    """Whatever is not remembered is asked for at most so often a second; what is known goes on working."""
    identity.add("ck_1")
    for second in range(3):
        assert outcome(keys, "ck_1") == "known"
        identity.asked.clear()
        clock[0] += 1
        outcomes = [outcome(keys, f"ck_{second}_{number}") for number in range(QUESTIONS * 4)]
        assert outcomes == ["unknown"] * QUESTIONS + ["again in 2 s"] * QUESTIONS * 3
        assert len(identity.asked) == QUESTIONS
    clock[0] += REMEMBER
    assert {outcome(keys, f"ck_{number}x") for number in range(QUESTIONS * 2)} == {"unknown", "again in 2 s"}
    assert outcome(keys, "ck_1") == "known", "though its minute is over and nobody may be asked"


def test_a_flood_takes_only_so_much_room(identity: Identity) -> None:
    keys = ApiKeys(identity, clock=lambda: 0.0, questions=UNKNOWN_SIZE * 2)  # type: ignore[arg-type]
    for number in range(UNKNOWN_SIZE + 100):
        keys.find(f"ck_{number}", yes)
    assert len(keys.unknown) == UNKNOWN_SIZE
    assert KNOWN_SIZE <= UNKNOWN_SIZE


def test_whoever_may_not_ask_is_refused_unless_the_answer_is_known(keys: ApiKeys, identity: Identity) -> None:
    def no() -> None:
        raise TooMany

    identity.add("ck_1")
    with pytest.raises(TooMany):
        keys.find("ck_1", no)
    assert identity.asked == []
    keys.find("ck_1", yes)
    keys.find("ck_2", yes)
    assert keys.find("ck_1", no) is not None
    assert keys.find("ck_2", no) is None


def test_while_identity_is_away_a_key_counts_as_long_as_a_token_would(
    keys: ApiKeys, identity: Identity, clock: list[float]
) -> None:
    identity.add("ck_1")
    key = keys.find("ck_1", yes)
    identity.away = True
    clock[0] += REMEMBER_WHILE_AWAY - 1
    assert keys.find("ck_1", yes) is key
    clock[0] += 1
    with pytest.raises(Upstream):
        keys.find("ck_1", yes)
    identity.away = False
    assert keys.find("ck_1", yes) is not None


def test_identity_hears_once_in_a_while_which_keys_are_used(keys: ApiKeys, identity: Identity) -> None:
    ids = {identity.add(f"ck_{number}") for number in range(3)}
    keys.report()
    assert identity.used == []
    for number in (0, 1, 2, 0):
        key = keys.find(f"ck_{number}", yes)
        assert key is not None
        keys.note_use(key)
    identity.away = True
    with pytest.raises(Upstream):
        keys.report()
    identity.away = False
    keys.report()
    keys.report()
    assert identity.used == [ids], "also what could not be told at first, and once"
