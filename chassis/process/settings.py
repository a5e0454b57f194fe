"""Every setting of a process, read once from the environment; the only place that reads it.

A service with settings of its own adds a ``settings.py`` that calls :func:`read` the same way. One
:class:`SettingsError` names every variable that is missing or wrong, never its value.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from environs import Env, EnvValidationError, ValidationError, validate

T = TypeVar("T")


class SettingsError(Exception):
    """What is wrong with the environment, one line a variable."""


@dataclass(frozen=True)
class Settings:
    """What every process of Concord knows about where it runs.

    Attributes:
        environment: ``dev`` (embedded defaults, development mailbox and login allowed) or ``production``.
        home: folder of everything the embedded default writes.
        database_url: SQLAlchemy URL with ``{service}`` where the service's name goes.
        broker_url: ``amqp://…`` or ``embedded:///path``.
        keys: folder with this process's private key and everybody's public keys (see ``chassis.core.principal``).
        services: base URL of each service by name, as other services reach it.
        port: the gateway's port when everything runs on this machine; the services listen on the next ones.
        bind: address and port this process listens on.
        threads: worker threads of the web server, and with them the size of the database pool.
        keep_audit: days after which a change leaves the audit trail.
        own: what a service has read for itself, by its name; a changed copy of these settings starts without it.
    """

    environment: str
    home: Path
    database_url: str
    broker_url: str
    keys: Path
    services: Mapping[str, str]
    port: int
    bind: str
    threads: int
    log_level: str
    log_format: str
    public_url: str
    keep_audit: int
    own: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def development(self) -> bool:
        return self.environment == "dev"

    def database_url_of(self, service: str) -> str:
        return self.database_url.replace("{service}", service)


def read(build: Callable[[Env], T]) -> T:
    """Build a settings object from the environment.

    Raises:
        SettingsError: names every missing or wrong variable at once.
    """
    env = Env(eager=False, prefix="CONCORD_")
    try:
        settings = build(env)
        env.seal()
    except EnvValidationError as error:
        messages = cast(Mapping[str, Any], error.error_messages)  # sealing always reports by variable
        # environs quotes the offending value; it may hold a password, so it is taken out again.
        lines = [
            f"{name}: " + "; ".join(re.sub(r'"[^"]*"', "the value", str(problem)) for problem in problems)
            for name, problems in sorted(messages.items())
        ]
        raise SettingsError("\n  ".join(["Settings are missing or wrong:", *lines])) from None
    return settings


def load() -> Settings:
    return read(_build)


def _build(env: Env) -> Settings:
    home = Path(env.str("HOME", "var")).absolute()
    port = env.int("PORT", 8080, validate=validate.Range(min=1024, max=65000))
    return Settings(
        environment=env.str("ENV", "dev", validate=validate.OneOf(["dev", "production"])),
        home=home,
        database_url=env.str("DATABASE_URL", f"sqlite:///{home}/{{service}}.db", validate=_database_url),
        broker_url=env.str("BROKER_URL", f"embedded:///{home}/broker.db", validate=_broker_url),
        keys=Path(env.str("KEYS", str(home / "keys"))),
        services=env.dict("SERVICES", {}),
        port=port,
        bind=env.str("BIND", "127.0.0.1:8000"),
        threads=env.int("THREADS", 8, validate=validate.Range(min=1, max=64)),
        log_level=env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
        log_format=env.str("LOG_FORMAT", "json", validate=validate.OneOf(["json", "console"])),
        public_url=env.str("PUBLIC_URL", f"http://localhost:{port}").rstrip("/"),
        keep_audit=env.int("KEEP_AUDIT", 3650, validate=validate.Range(min=30, max=36500)),
    )


def _database_url(url: str) -> None:
    if not url.startswith(("sqlite:///", "postgresql+psycopg://", "postgresql://")):
        raise ValidationError("must start with sqlite:/// or postgresql://")
    if "{service}" not in url:
        raise ValidationError("must contain {service}: every service owns its own database")


def _broker_url(url: str) -> None:
    if not url.startswith(("embedded:///", "amqp://", "amqps://")):
        raise ValidationError("must start with amqp://, amqps:// or embedded:///")
