"""Refusals where a tenant's identity provider is the only way in; each says where to sign in instead."""

from chassis.core.errors import Conflict, Forbidden
from services.identity.settings import IdentitySettings

PATH = "/session/sso"


def sign_in_path(tenant_address: str) -> str:
    """Where people begin to sign in by the provider of the tenant that paths call so."""
    return f"{PATH}/{tenant_address}"


def sign_in_url(tenant_address: str, settings: IdentitySettings) -> str:
    """The same for whoever is elsewhere."""
    return settings.public_url + sign_in_path(tenant_address)


def provider_required(tenant_address: str, settings: IdentitySettings) -> Forbidden:
    """No password or passkey signs in."""
    more = {"signInUrl": sign_in_url(tenant_address, settings)}
    return Forbidden("Sign in through your company's own sign-in.", code="sso_required", more=more)


def no_password(tenant_address: str, settings: IdentitySettings) -> Conflict:
    """No password can be set: it would open nothing."""
    more = {"signInUrl": sign_in_url(tenant_address, settings)}
    return Conflict("People of this company sign in through its own sign-in.", code="sso_required", more=more)
