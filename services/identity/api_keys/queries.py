"""Reads of API keys."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

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


def api_key_with_secret(session: Session, api_key: str, secret_box: SecretBox) -> dict[str, Any]:
    """A present API key with its secret in the clear and its tenant.

    Raises:
        NotFound: there is none, or it has been removed.
    """
    present = (ApiKey.api_key == api_key, ApiKey.removed_at.is_(None), ApiKey.secret.is_not(None))
    key = one_or_404(session, select(ApiKey).where(*present), NO_KEY)
    secret = secret_box.decrypt(key.secret or "")
    return {"id": key.id, "name": key.name, "secret": secret, "tenant": tenant_queries.tenant(session, key.tenant_id)}


def list_api_keys(session: Session, tenant_id: UUID, *, page: int, page_size: int) -> Page:
    """The tenant's present API keys in the order they came; never their secrets."""
    tenant_queries.tenant(session, tenant_id)
    statement = select(ApiKey).where(ApiKey.tenant_id == tenant_id, ApiKey.removed_at.is_(None)).order_by(ApiKey.id)
    return paginate(session, statement, page=page, page_size=page_size)
