"""Showing and forgetting what is kept of a merchant's affiliate who has no account.

The merchant has typed name and address. Rows know such a person by the affiliate's id or by the address.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.errors import Conflict, NotFound
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from contracts.roles import Role
from privacy import erasures
from privacy.person import Person, email_digest
from services.identity.privacy import actions
from services.identity.privacy.affiliates_client import NO_AFFILIATE, Enrolled
from services.identity.privacy.models import Export
from services.identity.teams import actions as team_actions
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users import queries as user_queries
from services.identity.users.events import PersonErased
from services.identity.users.models import User


def ask(session: Session, affiliate: Enrolled, services: Iterable[str], *, actor: Principal, now: datetime) -> Export:
    """Have all that is kept about an affiliate gathered, as ``actions.ask`` does of a user.

    Raises:
        NotFound: the affiliate is forgotten already.
        Conflict: ``account_exists``: the affiliate has accepted an invitation meanwhile.
    """
    if affiliate.is_erased:
        raise NotFound(NO_AFFILIATE)
    tenant = tenant_queries.lock_tenant(session, affiliate.merchant_id)
    person = _person(affiliate, _user(session, affiliate))
    export, is_new = actions.begin(
        session, affiliate.id, tenant.id, services, digest=person.email_digest, actor=actor, now=now
    )
    if is_new:
        _audit(session, "tenant.affiliate_exported", tenant, affiliate, actor, now)
    session.flush()
    return export


def erase(session: Session, affiliate: Enrolled, *, actor: Principal, now: datetime) -> None:
    """Forget an affiliate; an invitation that waits goes as well. Every service follows by the event. Whoever is
    forgotten already stays so.

    Raises:
        Conflict: ``account_exists``: the affiliate has accepted an invitation meanwhile.
    """
    if affiliate.is_erased:
        return
    tenant = tenant_queries.lock_tenant(session, affiliate.merchant_id)
    user = _user(session, affiliate)
    person = _person(affiliate, user)
    if user is not None and user.role == Role.AFFILIATE:
        invited = user_queries.lock_user(session, tenant.id, user.id)
        team_actions.erase(session, invited, actor=actor, now=now)
    _audit(session, "tenant.affiliate_erased", tenant, affiliate, actor, now)
    erasures.begin(session, person, now)
    event = PersonErased(person.user_id, tenant.id, person.email_digest)
    outbox.add(session, tenant, event, tenants=(), actor=actor, now=now)
    actions.forget_archives_of(session, tenant.id)


def _user(session: Session, affiliate: Enrolled) -> User | None:
    """Whom the merchant's tenant has under that address.

    Raises:
        Conflict: ``account_exists``: somebody signs in as the affiliate.
    """
    users = user_queries.users_of_address(session, [affiliate.email])
    user = next((user for user in users if user.tenant_id == affiliate.merchant_id), None)
    if user is not None and user.role == Role.AFFILIATE and user.invited_at is None:
        raise Conflict("This affiliate signs in. Look for the person among your people.", code="account_exists")
    return user


def _person(affiliate: Enrolled, user: User | None) -> Person:
    """By id and address; by the id alone where the address is a colleague's, whose rows are not the affiliate's."""
    is_colleagues = user is not None and user.role != Role.AFFILIATE
    known_as = str(affiliate.id) if is_colleagues else affiliate.email
    return Person(affiliate.id, affiliate.merchant_id, email_digest(known_as))


def _audit(session: Session, action: str, tenant: Tenant, affiliate: Enrolled, actor: Principal, now: datetime) -> None:
    changes = {"affiliateId": [None, str(affiliate.id)]}
    audit.record(session, action, tenant, tenant_id=tenant.id, actor=actor, now=now, changes=changes)
