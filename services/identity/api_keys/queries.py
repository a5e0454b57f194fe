"""Reads of API keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.data.encryption import SecretBox
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.identity.api_keys.models import ApiKey
from services.identity.tenants import queries as tenant_queries

NO_KEY = "There is no such API key."


def lock_api_key(session: Session, tenant_id: UUID, key_id: UUID) -> ApiKey:
    """A present API key of the tenant, locked until the transaction ends. Raises as ``tenant``."""
    statement = select(ApiKey).where(ApiKey.id == key_id, ApiKey.tenant_id == tenant_id, ApiKey.removed_at.is_(None))
    return one_or_404(session, statement.with_for_update(), NO_KEY)


def lock_credential(session: Session, api_key: str) -> ApiKey | None:
    """The row of a present API key, locked until the transaction ends."""
    return session.scalar(
        select(ApiKey).where(ApiKey.api_key == api_key, ApiKey.removed_at.is_(None)).with_for_update()
    )


def api_key_with_secret(session: Session, api_key: str, secret_box: SecretBox, now: datetime) -> dict[str, Any]:
    """A present API key with its secret in the clear, its end and its tenant.

    Raises:
        NotFound: there is none, it has been removed, or it is over.
    """
    present = (ApiKey.api_key == api_key, ApiKey.removed_at.is_(None), ApiKey.secret.is_not(None))
    key = one_or_404(session, select(ApiKey).where(*present), NO_KEY)
    if key.is_over(now):
        raise NotFound(NO_KEY)
    secret = secret_box.decrypt(key.secret or "")
    tenant = tenant_queries.tenant(session, key.tenant_id)
    return {"id": key.id, "name": key.name, "secret": secret, "expires_at": key.expires_at, "tenant": tenant}


def list_api_keys(session: Session, tenant_id: UUID, *, page: int, page_size: int) -> Page:
    """The tenant's present API keys in the order they came; never their secrets."""
    tenant_queries.tenant(session, tenant_id)
    statement = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.removed_at.is_(None)).order_by(ApiKey.id)
    return paginate(session, statement, page=page, page_size=page_size)
