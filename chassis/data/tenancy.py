"""The tenant filter: which rows a caller sees, decided in one place a class."""

from uuid import UUID

from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, with_loader_criteria

from chassis.core.principal import caller


class TenantScoped:
    """A mapped class whose rows belong to tenants.

    Inside a request every ORM select, update and delete is narrowed to rows that ``visible_to`` the caller's tenant.
    That is the one place where a service says who may see what (S0-9).
    """

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        """The rows a tenant may see: none, until the class says otherwise."""
        return false()


def scoped(session: Session) -> Session:
    """Remember whose session this is. Our own processes and the operator see every tenant."""
    principal = caller()
    session.info["narrow"] = () if principal.sees_all_tenants else _narrow_all_to(principal.tenant_id)
    return session


def _narrow_all_to(tenant_id: UUID) -> tuple[LoaderCriteriaOption, ...]:
    scoped = TenantScoped.__subclasses__()
    return tuple(with_loader_criteria(cls, cls.visible_to(tenant_id), include_aliases=True) for cls in scoped)


def narrow_to_tenant(state: ORMExecuteState) -> None:
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(*state.session.info["narrow"])
