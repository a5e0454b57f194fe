"""Identity's settings: the master secret of a development machine, and what production insists on."""

import threading
from dataclasses import replace

import pytest
from cryptography.fernet import InvalidToken

from chassis.data.encryption import SecretBox, development_secret
from chassis.process.settings import SettingsError
from services.identity import settings


@pytest.fixture
def process(test_settings, tmp_path, monkeypatch):
    for name in ("IDENTITY_SECRET", "ISSUER", "TOKEN_SECONDS"):
        monkeypatch.delenv(f"CONCORD_{name}", raising=False)
    return replace(test_settings, keys=tmp_path / "keys")


def test_development_makes_its_secret_once_for_its_owner_only(process):
    file = process.keys / "identity.secret"
    secret = settings.of(process).master_secret
    assert file.stat().st_mode & 0o777 == 0o600
    assert development_secret(process.keys, "identity") == secret == file.read_text()
    assert [file.name for file in process.keys.iterdir()] == ["identity.secret"]


def test_processes_that_start_together_share_it(process):
    secrets = []
    threads = [
        threading.Thread(target=lambda: secrets.append(development_secret(process.keys, "identity"))) for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(secrets) == 4
    assert len(set(secrets)) == 1


def test_production_needs_a_secret(process, monkeypatch):
    production = replace(process, environment="production", public_url="https://concord.example")
    with pytest.raises(SettingsError, match="IDENTITY_SECRET"):
        settings.of(production)
    monkeypatch.setenv("CONCORD_IDENTITY_SECRET", "short-known-word")
    with pytest.raises(SettingsError) as refused:
        settings.of(production)
    assert "short-known-word" not in str(refused.value)
    monkeypatch.setenv("CONCORD_IDENTITY_SECRET", "x" * 32)
    assert settings.of(production).master_secret == "x" * 32
    assert not process.keys.exists()


@pytest.mark.parametrize("name", ["PUBLIC_URL", "CONSOLE_URL"])
def test_production_is_reached_by_https_alone(process, monkeypatch, name):
    monkeypatch.setenv("CONCORD_IDENTITY_SECRET", "x" * 32)
    public_url = "http://concord.example" if name == "PUBLIC_URL" else "https://concord.example"
    monkeypatch.setenv("CONCORD_CONSOLE_URL", "http://concord.example/console" if name == "CONSOLE_URL" else "")
    process = replace(process, public_url=public_url)
    with pytest.raises(SettingsError, match=f"CONCORD_{name}: https"):
        settings.of(replace(process, environment="production"))
    assert settings.of(process).master_secret == "x" * 32, "a development machine has no certificate"


def test_the_secret_is_not_shown(process):
    own = settings.of(process)
    assert own.master_secret not in repr(own)


def test_defaults(process):
    own = settings.of(process)
    assert (own.issuer, own.token_lifetime.total_seconds()) == ("concord", 900)
    assert (own.idle_lifetime.days, own.session_lifetime.days) == (14, 90)
    assert (own.attempts, own.attempts_period.total_seconds()) == (10, 60)
    assert own.tenant_grace.days == 30


def test_nonsense_is_named(process, monkeypatch):
    monkeypatch.setenv("CONCORD_TOKEN_SECONDS", "86400")
    with pytest.raises(SettingsError, match="TOKEN_SECONDS"):
        settings.of(process)


def test_what_one_secret_locked_another_cannot_open():
    locked = SecretBox("a" * 32, "identity").encrypt("hello")
    assert SecretBox("a" * 32, "identity").decrypt(locked) == "hello"
    with pytest.raises(InvalidToken):
        SecretBox("b" * 32, "identity").decrypt(locked)
    with pytest.raises(InvalidToken):
        SecretBox("a" * 32, "another").decrypt(locked)
