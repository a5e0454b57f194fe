"""Queries that several rooms use: words in a text, the tenant in a path."""

from contextlib import suppress
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.core.text import fold
from services.promotions.common.models import Tenant


def has_words(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    """Whether a text contains ``words`` in any case, by the folded column beside it (D62).

    Rows written before that column existed have it empty. The database compares them itself, and knows the case of
    some letters only.
    """
    folded: InstrumentedAttribute[str] = getattr(column.class_, f"{column.key}_folded")
    is_old = and_(folded == "", column.icontains(words, autoescape=True))
    return or_(folded.contains(fold(words), autoescape=True), is_old)


def require_own(tenant_uid: str) -> None:
    """Let the request through when ``tenant_uid`` is the id or the slug of the caller's tenant.

    Raises:
        NotFound: it is another tenant's, or there is none (D5).
    """
    mine = caller()
    if tenant_uid.lower() != str(mine.tenant_id) and (not mine.tenant_slug or tenant_uid != mine.tenant_slug):
        raise NotFound("There is no such tenant.")


def shop(session: Session, tenant_uid: str) -> Tenant:
    """The tenant that a public path names by id or slug, for any caller.

    Raises:
        NotFound: there is none, or two tenants have the slug while it changes hands.
    """
    named = Tenant.slug == tenant_uid
    with suppress(ValueError):
        named = Tenant.id == UUID(tenant_uid)
    tenants = session.scalars(select(Tenant).where(named).limit(2)).all()
    if len(tenants) != 1:
        raise NotFound("There is no such shop.")
    return tenants[0]
