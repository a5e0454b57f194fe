"""What identity holds of tenants. It deletes that itself when a tenant ends (``services.identity.teams.ending``)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from privacy.tenant_data import TenantData
from services.identity.account.models import UserSettings
from services.identity.api_keys.models import ApiKey
from services.identity.factors.models import Passkey, RecoveryCode, TotpSecret
from services.identity.identity_providers.models import IdentityProvider
from services.identity.links.models import Link
from services.identity.privacy.models import Export
from services.identity.scim.models import ScimToken
from services.identity.sessions.models import RefreshToken, SignedIn
from services.identity.sign_ins.models import SignIn
from services.identity.tenant_exports.models import TenantExport
from services.identity.tenants.models import Tenant
from services.identity.users.models import User

SECRET: Mapping[type[DeclarativeBase], tuple[str, ...]] = {
    User: ("password_hash", "earlier_addresses"),
    ApiKey: ("secret",),
    IdentityProvider: ("client_secret",),
    ScimToken: ("digest",),
    Link: ("digest",),
    RefreshToken: ("digest",),
    TotpSecret: ("secret", "pending_secret", "last_step"),
    RecoveryCode: ("digest",),
    Export: ("archive", "email_digest"),
}


def _of(model: type[DeclarativeBase], why: str, **more: Any) -> TenantData:
    return TenantData(model, why, secret=SECRET.get(model, ()), steps=(), **more)


def _of_people(model: Any, why: str) -> TenantData:
    """Found by the people: these are indexed by tenant, and what they have by user."""
    return _of(model, why, rows=lambda tenant_id: model.user_id.in_(select(User.id).where(User.tenant_id == tenant_id)))


TENANT_DATA = (
    _of(Tenant, "The company itself.", remains="name and slug: whose books and trail these were"),
    _of(User, "Its people.", remains="former users without name and address: the trail refers to them"),
    _of_people(UserSettings, "What people have set in the console."),
    _of(ApiKey, "Its API keys, without their secrets."),
    _of(IdentityProvider, "Its own identity provider, without the client's secret."),
    _of(ScimToken, "The token of its directory, without the token."),
    _of(SignIn, "Who signed in or tried to."),
    _of_people(SignedIn, "Sign-ins that go on."),
    _of_people(RefreshToken, "The tokens by which they go on, without the tokens."),
    _of_people(Link, "Links of mails, without the links."),
    _of_people(TotpSecret, "Who has an authenticator, without its secret."),
    _of_people(RecoveryCode, "Which recovery codes are left, without the codes."),
    _of_people(Passkey, "Passkeys: their public halves."),
    _of_people(Export, "Exports of people, without the archives."),
    _of(TenantExport, "Exports such as this one."),
)
