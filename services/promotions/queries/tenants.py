"""Whose address a request names."""

from chassis.errors import NotFound
from chassis.identity import caller


def require_own(tenant_uid: str) -> None:
    """Let the request through when ``tenant_uid`` is the id or the slug of the caller's tenant.

    Raises:
        NotFound: it is another's, or nobody's (D5).
    """
    mine = caller()
    if tenant_uid.lower() != str(mine.tenant_id) and (not mine.tenant_slug or tenant_uid != mine.tenant_slug):
        raise NotFound("There is no such tenant.")
