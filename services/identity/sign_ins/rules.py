"""How a sign-in can end."""

from enum import StrEnum


class How(StrEnum):
    """By what somebody signs in, or shows again who they are."""

    PASSWORD = "password"  # noqa: S105
    REFRESH = "refresh"
    STEP_UP = "step_up"
    PASSKEY = "passkey"
    SSO = "sso"
    RESET = "reset"
    API_KEY = "api_key"


class Outcome(StrEnum):
    """``ok``, or why not."""

    OK = "ok"
    UNKNOWN_ACCOUNT = "unknown_account"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    CODE_MISSING = "second_factor_required"
    WRONG_CODE = "wrong_code"
    WRONG_PASSKEY = "wrong_passkey"
    WRONG_SECRET = "wrong_secret"  # noqa: S105
    SUSPENDED = "suspended"
    TENANT_SUSPENDED = "tenant_suspended"
    SSO_REFUSED = "sso_refused"
    SSO_REQUIRED = "sso_required"
    THROTTLED = "throttled"
    REUSED = "reused"
