"""Identity's own settings, beside those every process has (``chassis.process.settings``)."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial

from environs import Env, validate

from chassis.data.encryption import SecretBox, development_secret
from chassis.process.settings import Settings, read


@dataclass(frozen=True)
class IdentitySettings:
    """See the table in the README.

    Attributes:
        master_secret: what API secrets and signing keys are encrypted under.
        issuer: ``iss`` of every access token.
        attempts: wrong passwords per account and address in one ``attempts_period``.
    """

    master_secret: str = field(repr=False)
    issuer: str
    token_lifetime: timedelta
    refresh_lifetime: timedelta
    attempts: int
    attempts_period: timedelta

    @cached_property
    def secret_box(self) -> SecretBox:
        return SecretBox(self.master_secret, "identity")


def of(process: Settings) -> IdentitySettings:
    """The settings for a process that runs with ``process``, read from the environment once.

    Raises:
        SettingsError: something is missing or wrong; in production the master secret must be given.
    """
    own: IdentitySettings | None = process.own.get("identity")
    if own is None:
        own = process.own["identity"] = read(partial(_build, process))
    return own


def _build(process: Settings, env: Env) -> IdentitySettings:
    at_least_one = validate.Range(min=1)
    secret = env.str(
        "IDENTITY_SECRET",
        *([None] if process.development else []),
        validate=validate.Length(min=32, error="must be at least 32 characters long"),
    )

    def number(name: str, default: int, rule: validate.Range = at_least_one) -> int:
        return env.int(name, default, validate=rule) or 0  # None where it is wrong, which read() then reports

    return IdentitySettings(
        master_secret=secret or (development_secret(process.keys, "identity") if process.development else ""),
        issuer=env.str("ISSUER", "concord"),
        token_lifetime=timedelta(seconds=number("TOKEN_SECONDS", 900, validate.Range(60, 3600))),
        refresh_lifetime=timedelta(days=number("REFRESH_DAYS", 30)),
        attempts=number("SIGN_IN_ATTEMPTS", 10),
        attempts_period=timedelta(seconds=number("SIGN_IN_PERIOD", 60)),
    )
