"""Whose address a request names."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from services.promotions.common.tenant_models import Tenant


def require_own(tenant_uid: str) -> None:
    """Let the request through when ``tenant_uid`` is the id or the slug of the caller's tenant.

    Raises:
        NotFound: it is another's, or nobody's (D5).
    """
    mine = caller()
    if tenant_uid.lower() != str(mine.tenant_id) and (not mine.tenant_slug or tenant_uid != mine.tenant_slug):
        raise NotFound("There is no such tenant.")


def shop(session: Session, tenant_uid: str) -> Tenant:
    """The tenant that a public path names by id or slug, whoever asks.

    Raises:
        NotFound: there is none, or a slug is just passing from one tenant to another.
    """
    named = Tenant.slug == tenant_uid
    with suppress(ValueError):
        named = Tenant.id == UUID(tenant_uid)
    found = session.scalars(select(Tenant).where(named).limit(2)).all()
    if len(found) != 1:
        raise NotFound("There is no such shop.")
    return found[0]
