"""Setting passwords: one's own, or by a link that was asked for."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict
from chassis.core.principal import OPERATOR, Principal
from chassis.data import audit
from chassis.messaging import outbox
from services.identity.account import queries, rules, throttling
from services.identity.common.clients import NO_CLIENT, Client
from services.identity.common.secrets import spellings
from services.identity.factors import actions as factor_actions
from services.identity.links import actions as link_actions
from services.identity.links import queries as link_queries
from services.identity.links.models import AskedReset, Link
from services.identity.links.rules import RESET, RESET_LIFETIME, LinkInvalid
from services.identity.sessions import actions as session_actions
from services.identity.settings import IdentitySettings
from services.identity.sign_ins import actions as sign_in_actions
from services.identity.sign_ins.rules import How, Outcome
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.events import PasswordResetRequested
from services.identity.users.models import User


def change_password(
    session: Session,
    new_hash: str,
    *,
    shown_hash: str,
    settings: IdentitySettings,
    client: Client,
    actor: Principal,
    now: datetime,
) -> None:
    """Give the actor a new password and end the other sessions.

    Args:
        shown_hash: the hash of the password that the actor has shown.

    Raises:
        Conflict: meanwhile the password has become another one.
        Forbidden: ``no_account``.
    """
    user = queries.lock_person(session, actor)
    if user.password_hash != shown_hash:
        raise Conflict("The password was changed at the same moment.")
    _set_password(session, user, new_hash, client=client, actor=actor, now=now)
    session_actions.end_all(session, user.id, but=actor.session_id, now=now)
    throttling.forgive(session, user, client, settings=settings, now=now)


def reset_password(
    session: Session, token: str, new_hash: str, *, settings: IdentitySettings, client: Client, now: datetime
) -> User:
    """Set the password of a link's person, use the link up and end all sessions.

    Raises:
        LinkInvalid: the link is not good, or its person may not sign in or set a password (any more). It stays unused.
    """
    link = link_actions.use_link(session, token, RESET, settings=settings, now=now)
    user = user_queries.lock_present_user(session, link.user_id) if link else None
    if user is None or not queries.may_reset(session, user, settings):
        raise LinkInvalid
    actor = user.as_principal(tenant_queries.tenant(session, user.tenant_id))
    _set_password(session, user, new_hash, client=client, actor=actor, now=now)
    session_actions.end_all(session, user.id, now=now)
    sign_in_actions.record(
        session, user, name=user.email, how=How.RESET, outcome=Outcome.OK, client=client, now=now
    )  # who has the mail is at home where the link was opened: tries there are no stranger's
    return user


def ask_reset(session: Session, email: str, *, client: Client, settings: IdentitySettings, now: datetime) -> None:
    """Store that somebody asks for a reset. The same is done for every address, whether there is an account or not.

    Raises:
        TooManyAttempts: the client's address has asked too often.
    """
    throttling.count_ask(session, client, settings=settings, now=now)
    session.add(AskedReset(id=uuid7(), email=email, address=client.address, asked_at=now))


def answer_asked_reset(session: Session, *, settings: IdentitySettings, now: datetime) -> bool:
    """Send a link to whoever has the address that was asked for first; return whether there was one."""
    asked = queries.lock_asked_reset(session)
    if asked is None:
        return False
    if now - asked.asked_at < RESET_LIFETIME:  # who has waited that long has asked again
        for user in user_queries.users_of_address(session, spellings(asked.email)):
            _send_reset(session, user, settings=settings, now=now)
    session.delete(asked)
    return True


def make_operator_link(
    session: Session, email: str, *, without_factors: bool, settings: IdentitySettings, now: datetime
) -> Link | None:
    """A link for an operator to set a new password; None where no operator who may sign in has this address.

    ``without_factors`` forgets the second factors, for somebody who has lost them.
    """
    users = [user for user in user_queries.users_of_address(session, spellings(email)) if user.role == OPERATOR]
    user = user_queries.lock_present_user(session, users[0].id) if users else None
    if user is None:
        return None
    system = Principal.system("identity")
    audit.record(session, "user.recovery_started", user, tenant_id=user.tenant_id, actor=system, now=now)
    if without_factors:
        factor_actions.forget(session, user.id)
        factor_actions.report(session, user, "factor_removed", "all of them", client=NO_CLIENT, actor=system, now=now)
        session_actions.end_all(session, user.id, now=now)
    return link_actions.make_link(session, user, RESET, lifetime=RESET_LIFETIME, settings=settings, now=now)


def _send_reset(session: Session, user: User, *, settings: IdentitySettings, now: datetime) -> None:
    present = user_queries.lock_present_user(session, user.id)
    if present is None or not queries.may_reset(session, present, settings):
        return
    last_hour = link_queries.count_made(session, user.id, RESET, since=now - timedelta(hours=1))
    if rules.is_enough(last_hour, link_queries.newest_good(session, user.id, RESET, now=now), now):
        return
    link = link_actions.make_link(session, present, RESET, lifetime=RESET_LIFETIME, settings=settings, now=now)
    event = PasswordResetRequested(present.id, present.tenant_id, link.id, link.expires_at)
    outbox.add(session, present, event, tenants=(), actor=Principal.system("identity"), now=now)


def _set_password(
    session: Session, user: User, new_hash: str, *, client: Client, actor: Principal, now: datetime
) -> None:
    user.password_hash = new_hash
    audit.record(session, "user.password_changed", user, tenant_id=user.tenant_id, actor=actor, now=now)
    user_actions.publish_secured(
        session, user, "password_changed", detail=client.device, client=client, actor=actor, now=now
    )
