"""Reads: the things a request names, lists in pages, the gateway's feed, a caller's own profile."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal
from chassis.core.text import fold
from chassis.data.audit import AuditRow
from chassis.data.encryption import SecretBox
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from contracts.features import FEATURES
from contracts.roles import Role
from services.identity import rules
from services.identity.models import ApiKey, RefreshToken, SigningKey, Tenant, User
from services.identity.rules import KeyState, Kind

NO_TENANT = "There is no such tenant."
NO_KEY = "There is no such API key."


def tenant(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    return one_or_404(session, select(Tenant).where(Tenant.id == tenant_id), NO_TENANT)


def lock_tenant(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant, locked until the transaction ends. Raises as ``tenant``."""
    return one_or_404(session, select(Tenant).where(Tenant.id == tenant_id).with_for_update(), NO_TENANT)


def lock_nameless_tenants(session: Session, limit: int) -> Sequence[Tenant]:
    """Some of the tenants that have no slug, locked until the transaction ends."""
    statement = select(Tenant).where(Tenant.slug.is_(None)).order_by(Tenant.id).limit(limit)
    return session.scalars(statement.with_for_update(skip_locked=True)).all()


def lock_unfolded_tenants(session: Session, limit: int) -> Sequence[Tenant]:
    """Some of the tenants that have no folded name, locked until the transaction ends."""
    statement = select(Tenant).where(Tenant.name_folded.is_(None)).order_by(Tenant.id).limit(limit)
    return session.scalars(statement.with_for_update(skip_locked=True)).all()


def lock_user(session: Session, tenant_id: UUID, user_id: UUID) -> User:
    """A present user of the tenant, locked until the transaction ends. Raises as ``tenant``."""
    statement = select(User).where(User.id == user_id, User.tenant_id == tenant_id, User.removed_at.is_(None))
    return one_or_404(session, statement.with_for_update(), "There is no such user.")


def lock_api_key(session: Session, tenant_id: UUID, key_id: UUID) -> ApiKey:
    """A present API key of the tenant, locked until the transaction ends. Raises as ``tenant``."""
    statement = select(ApiKey).where(ApiKey.id == key_id, ApiKey.tenant_id == tenant_id, ApiKey.removed_at.is_(None))
    return one_or_404(session, statement.with_for_update(), NO_KEY)


def lock_platform(session: Session) -> Tenant | None:
    """The platform's own tenant, locked until the transaction ends."""
    return session.scalar(select(Tenant).where(Tenant.kind == Kind.PLATFORM).with_for_update())


def lock_present_user(session: Session, user_id: UUID) -> User | None:
    """A user of any tenant, locked until the transaction ends; None when there is none or it has been removed."""
    return session.scalar(select(User).where(User.id == user_id, User.removed_at.is_(None)).with_for_update())


def lock_credential(session: Session, api_key: str) -> ApiKey | None:
    """The row of a present API key, locked until the transaction ends."""
    return session.scalar(
        select(ApiKey).where(ApiKey.api_key == api_key, ApiKey.removed_at.is_(None)).with_for_update()
    )


def lock_signing_keys(session: Session) -> Sequence[SigningKey]:
    """All signing keys as they are now, locked until the transaction ends."""
    statement = select(SigningKey).order_by(SigningKey.kid).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).all()


def api_key_with_secret(session: Session, api_key: str, secret_box: SecretBox) -> dict[str, Any]:
    """A present API key with its secret in the clear and its tenant.

    Raises:
        NotFound: there is none, or it has been removed.
    """
    present = (ApiKey.api_key == api_key, ApiKey.removed_at.is_(None), ApiKey.secret.is_not(None))
    key = one_or_404(session, select(ApiKey).where(*present), NO_KEY)
    secret = secret_box.decrypt(key.secret or "")
    return {"id": key.id, "name": key.name, "secret": secret, "tenant": tenant(session, key.tenant_id)}


def list_tenants(session: Session, *, page: int, page_size: int, kind: str | None = None, q: str | None = None) -> Page:
    """Tenants in the order they came; ``q`` is a part of the name in any case (D62)."""
    statement = select(Tenant).order_by(Tenant.id)
    if kind:
        statement = statement.where(Tenant.kind == kind)
    if q:
        statement = statement.where(Tenant.name_folded.contains(fold(q), autoescape=True))
    return paginate(session, statement, page=page, page_size=page_size)


def list_users(session: Session, tenant_id: UUID, *, page: int, page_size: int) -> Page:
    """The tenant's present users in the order they came."""
    tenant(session, tenant_id)
    statement = select(User).where(User.tenant_id == tenant_id, User.removed_at.is_(None)).order_by(User.id)
    return paginate(session, statement, page=page, page_size=page_size)


def list_api_keys(session: Session, tenant_id: UUID, *, page: int, page_size: int) -> Page:
    """The tenant's present API keys in the order they came; never their secrets."""
    tenant(session, tenant_id)
    statement = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.removed_at.is_(None)).order_by(ApiKey.id)
    return paginate(session, statement, page=page, page_size=page_size)


def audit_trail(
    session: Session, reader: Principal, *, page: int, page_size: int, target_id: UUID | None = None
) -> Page:
    """Changes, newest first: all of them for the operator, a tenant's own for its admin (D8)."""
    statement = select(AuditRow).order_by(AuditRow.at.desc(), AuditRow.id.desc())
    if reader.role != Role.PLATFORM_ADMIN:
        statement = statement.where(AuditRow.tenant_id == reader.tenant_id)
    if target_id:
        statement = statement.where(AuditRow.target_id == target_id)
    return paginate(session, statement, page=page, page_size=page_size)


def profile(session: Session, principal: Principal) -> dict[str, Any]:
    """Who the caller is, with the tenant and its features as they stand now.

    A caller of another issuer has no user here, so the token's name and role are returned. Machines have no e-mail
    address.

    Raises:
        Unauthorized: the tenant is not known here, or the user or API key has been removed.
    """
    tenant = session.get(Tenant, principal.tenant_id)
    user = session.get(User, principal.user_id)
    api_key = session.get(ApiKey, principal.user_id) if principal.role == Role.MACHINE else None
    account = user or api_key
    if tenant is None or (account and account.removed_at):
        raise Unauthorized("This account no longer exists on the platform.")
    return {
        "user_id": principal.user_id,
        "name": account.name if account else principal.name,
        "email": user.email if user else None,
        "role": user.role if user else principal.role,
        "tenant": tenant,
        "features": {feature: feature in tenant.features for feature in FEATURES},
    }


def users_of_address(session: Session, spellings: Iterable[str]) -> Sequence[User]:
    """The present users with this address, in whatever case and letters, not locked: one at most, but for those who
    had several spellings of it before these counted as one (``identity_0003``)."""
    keys = {key for text in spellings for key in (address_key(text), text.strip().casefold())}
    return session.scalars(
        select(User).where(User.email_key.in_(keys), User.removed_at.is_(None)).order_by(User.id)
    ).all()


def has_platform_admin(session: Session) -> bool:
    """Whether somebody can administer the platform."""
    statement = select(User.id).where(User.role == Role.PLATFORM_ADMIN, User.removed_at.is_(None)).limit(1)
    return session.scalar(statement) is not None


def sole_user(session: Session, tenant_id: UUID) -> bool:
    """Whether the tenant has only one user left."""
    statement = select(User.id).where(User.tenant_id == tenant_id, User.removed_at.is_(None)).limit(2)
    return len(session.scalars(statement).all()) == 1


def lock_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    """The refresh token, locked until the transaction ends: of two requests with it only one finds it unused."""
    return session.scalar(select(RefreshToken).where(RefreshToken.digest == digest).with_for_update())


def published_keys(session: Session, *, token_lifetime: timedelta, now: datetime) -> Sequence[SigningKey]:
    """The keys verifiers may meet: the next one, the active one, and retired ones whose tokens may still live."""
    keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.kid)).all()
    return [
        key
        for key in keys
        if key.state != KeyState.RETIRED
        or (key.retired_at and rules.still_verifies(key.retired_at, token_lifetime, now))
    ]


def access_feed(
    session: Session, *, since: datetime | None, token_lifetime: timedelta, now: datetime
) -> dict[str, Any]:
    """What the gateway must know to let callers in: tenants changed ``since`` (else all), and every user and API key
    removed so lately that a token of theirs may still live."""
    tenants = select(Tenant.id, Tenant.slug, Tenant.name, Tenant.kind, Tenant.features)
    if since:
        tenants = tenants.where(Tenant.updated_at >= since - rules.FEED_OVERLAP)
    alive_from = now - token_lifetime - rules.MARGIN
    revoked = union_all(*(select(account.id).where(account.removed_at >= alive_from) for account in (User, ApiKey)))
    return {"at": now, "tenants": session.execute(tenants).all(), "revoked": session.execute(revoked).all()}
