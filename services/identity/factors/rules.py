"""Codes of an authenticator and recovery codes: made, read and compared. Nothing here knows the database or HTTP."""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from uuid import UUID

import pyotp

from services.identity.common.secrets import same

ISSUER = "Concord"
"""What authenticators show above the codes."""
STEP = 30  # seconds a code of an authenticator is shown (RFC 6238)
WINDOW = 1
"""How many steps before and after the present one count: clocks 30 seconds apart are no obstacle. A wider window would
give a guess more chances. Whose clock is minutes off hears so when the authenticator is set up."""
CLOCK_SEARCH = 20  # steps: how far off a clock is told from a wrong code
SETUP_LIFETIME = timedelta(minutes=15)
"""How long a new authenticator may take from its secret to its first code."""
CHALLENGE_LIFETIME = timedelta(minutes=5)
MAX_PASSKEYS = 20
RECOVERY_CODES = 10
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's Base32: no letter looks like another one."""
RECOVERY_LENGTH = 10  # letters, so 50 bits
_CODE = re.compile("[0-9]{6}")
_RECOVERY = re.compile(f"[{LETTERS}]{{{RECOVERY_LENGTH}}}")
_LOOK_ALIKES = str.maketrans("oil", "011")


def new_totp_secret() -> str:
    """160 random bits in Base32."""
    return pyotp.random_base32()


def otpauth(secret: str, account: str) -> str:
    """The address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=account, issuer_name=ISSUER)


def typed(code: str) -> str:
    """A code without the spaces and hyphens that people type it with."""
    return re.sub(r"[\s-]", "", code)


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code it is, among those that count now; else None."""
    return _first_match(secret, code, _around(_step_of(now), WINDOW))


def clock_is_off(secret: str, code: str, now: datetime) -> bool:
    """Whether a code that does not count is right for a clock that is some minutes fast or slow. Only to be told to
    somebody who knows the secret."""
    return _first_match(secret, code, _around(_step_of(now), CLOCK_SEARCH)) is not None


def new_recovery_code() -> str:
    """Ten random letters with a hyphen in the middle."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(RECOVERY_LENGTH))
    return f"{letters[:5]}-{letters[5:]}"


def recovery_digest(code: str, user_id: UUID, key: bytes) -> str | None:
    """What is stored of a recovery code, typed as people do; None for what can be none. Without ``key``, which is not
    in the database, it is no help in guessing."""
    letters = typed(code).lower().translate(_LOOK_ALIKES)
    if not _RECOVERY.fullmatch(letters):
        return None
    return hmac.new(key, f"{user_id}\n{letters}".encode(), "sha256").hexdigest()


def is_expired_setup(pending_since: datetime | None, now: datetime) -> bool:
    """Whether a new authenticator was started too long ago, or never."""
    return pending_since is None or now - pending_since >= SETUP_LIFETIME


def _step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP


def _around(step: int, width: int) -> range:
    return range(step - width, step + width + 1)


def _first_match(secret: str, code: str, steps: range) -> int | None:
    digits = typed(code)
    if not _CODE.fullmatch(digits):
        return None
    totp = pyotp.TOTP(secret, interval=STEP)
    return next((step for step in steps if same(totp.generate_otp(step), digits)), None)
