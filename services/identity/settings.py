"""Identity's own settings, beside those every process has (``chassis.process.settings``)."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property, partial

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from environs import Env, validate
from sqlalchemy.orm import Session

from chassis.data.encryption import SecretBox, development_secret
from chassis.process.settings import Settings, SettingsError, read


@dataclass(frozen=True)
class IdentitySettings:
    """See the table in the README.

    Attributes:
        master_secret: what API secrets and signing keys are encrypted under.
        issuer: ``iss`` of every access token.
        public_url: where browsers reach the platform.
        console_url: where people sign in.
        idle_lifetime: how long a session lasts that nobody uses.
        session_lifetime: how long one lasts at most.
        keep_removed_users: days after which a removed person is erased by themselves.
        tenant_grace: how long an ended tenant can be taken back.
        attempts: wrong passwords for one account from one network before pauses begin; the other limits are multiples.
        attempts_period: the first pause; each further one is twice as long.
        sign_ins_retention: how long sign-ins are kept, and so how long a network counts as a person's own.
        invitations_per_day: mails that one tenant may invite people with within a day.
        operator_needs_factor: whether the operator's people can do nothing without a second factor: in production.
    """

    master_secret: str = field(repr=False)
    issuer: str
    public_url: str
    console_url: str
    token_lifetime: timedelta
    idle_lifetime: timedelta
    session_lifetime: timedelta
    operator_needs_factor: bool
    keep_removed_users: int
    attempts: int
    attempts_period: timedelta
    sign_ins_retention: timedelta
    tenant_grace: timedelta
    invitations_per_day: int

    @cached_property
    def secret_box(self) -> SecretBox:
        return SecretBox(self.master_secret, "identity")

    @cache  # noqa: B019  there is one for each process
    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for a purpose, the same in every process of identity."""
        kdf = HKDF(SHA256(), 32, salt=None, info=f"concord identity {purpose}".encode())
        return kdf.derive(self.master_secret.encode())


def of(process: Settings) -> IdentitySettings:
    """The settings for a process that runs with ``process``, read from the environment once.

    Raises:
        SettingsError: something is missing or wrong; in production the master secret must be given, and people reach
            us by https alone.
    """
    own: IdentitySettings | None = process.own.get("identity")
    if own is None:
        own = read(partial(_build, process))
        if not process.development:
            _check_production(process.public_url, own.console_url)
        process.own["identity"] = own
    return own


def process_of(session: Session) -> Settings:
    """The settings of the process that opened a session: for consumers, which have no application."""
    return session.info["runtime"].settings


def _check_production(public_url: str, console_url: str) -> None:
    """Passwords and the links of mails go there, and browsers keep a ``Secure`` cookie and passkeys for https alone."""
    addresses = {"CONCORD_PUBLIC_URL": public_url, "CONCORD_CONSOLE_URL": console_url}
    if wrong := [name for name, url in addresses.items() if not url.startswith("https://")]:
        lines = [f"{name}: https://… in production" for name in wrong]
        raise SettingsError("Settings are missing or wrong:\n  " + "\n  ".join(lines))


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
        public_url=process.public_url,
        console_url=env.str("CONSOLE_URL", "") or f"{process.public_url}/console",
        token_lifetime=timedelta(seconds=number("TOKEN_SECONDS", 900, validate.Range(60, 3600))),
        idle_lifetime=timedelta(days=number("SESSION_IDLE_DAYS", 14)),
        session_lifetime=timedelta(days=number("SESSION_DAYS", 90)),
        operator_needs_factor=not process.development,
        keep_removed_users=number("KEEP_REMOVED_USERS", 365),
        attempts=number("SIGN_IN_ATTEMPTS", 10),
        attempts_period=timedelta(seconds=number("SIGN_IN_PERIOD", 60)),
        sign_ins_retention=timedelta(days=number("SIGN_INS_DAYS", 365)),
        tenant_grace=timedelta(days=number("TENANT_GRACE_DAYS", 30, validate.Range(min=0))),
        invitations_per_day=number("INVITATIONS_PER_DAY", 200),
    )
