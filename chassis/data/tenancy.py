"""The tenant filter: which rows a caller sees, decided in one place a class."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Result, Uuid, bindparam, false
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from chassis.core.principal import caller

TenantId = BindParameter[UUID]
"""The tenant of a statement that is compiled once and sent for many tenants."""


class TenantScoped:
    """A mapped class whose rows belong to tenants.

    Inside a request every ORM select, update and delete is narrowed to rows that ``visible_to`` the caller's tenant.
    That is the one place where a service says who may see what (S0-9).
    """

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """The rows a tenant may see: none, until the class says otherwise."""
        return false()


_narrowed_to: ContextVar[UUID] = ContextVar("the tenant that the present statement is narrowed to")
_tenant_id = bindparam("visible_to_tenant", callable_=_narrowed_to.get, type_=Uuid())

# Made once: one for each class, tenant and statement took longer than the statement itself.
_FILTER = with_loader_criteria(
    TenantScoped, lambda cls: cls.visible_to(_tenant_id), include_aliases=True, track_closure_variables=False
)


def scoped(session: Session) -> Session:
    """Remember whose session this is. Our own processes and the operator see every tenant."""
    principal = caller()
    session.info["narrow_to"] = None if principal.sees_all_tenants else principal.tenant_id
    return session


@contextmanager
def across_tenants(session: Session) -> Iterator[None]:
    """See every tenant within a caller's transaction, for what must hold on the whole platform: one address, one
    account. What is found here must not reach the caller."""
    narrow_to, session.info["narrow_to"] = session.info["narrow_to"], None
    try:
        yield
    finally:
        session.info["narrow_to"] = narrow_to


def narrow_to_tenant(state: ORMExecuteState) -> Result[Any] | None:
    """Send a statement for the tenant of its session alone.

    The tenant holds while this one statement is sent. What is sent on the way, by a flush or for another session,
    brings its own, and without any a narrowed statement fails.
    """
    tenant_id = state.session.info["narrow_to"]
    if tenant_id is None or not (state.is_select or state.is_update or state.is_delete):
        return None
    token = _narrowed_to.set(tenant_id)
    try:
        return state.invoke_statement(statement=state.statement.options(_FILTER))
    finally:
        _narrowed_to.reset(token)
