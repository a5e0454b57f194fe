"""Reads of second factors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, exists, func, or_, select
from sqlalchemy.orm import Session

from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.identity.factors.models import Passkey, RecoveryCode, TotpSecret
from services.identity.settings import IdentitySettings
from services.identity.tenants.models import Tenant
from services.identity.tenants.rules import Kind
from services.identity.users.models import User


@dataclass(frozen=True)
class Factors:
    """What guards a person's account beside the password.

    Attributes:
        totp_since: when the authenticator was set up; None without one.
        recovery_codes_left: how many have not been used.
        required: whether the person may not be without a second factor.
    """

    totp_since: datetime | None
    passkeys: int
    recovery_codes_left: int
    required: bool


def has_factor(session: Session, user_id: UUID) -> bool:
    """Whether a person has a second factor: an authenticator or a passkey. Recovery codes alone are none."""
    return bool(
        session.scalar(select(or_(_has_totp(TotpSecret.user_id == user_id), _has_passkey(Passkey.user_id == user_id))))
    )


def is_required(tenant: Tenant, settings: IdentitySettings) -> bool:
    """Whether people of the tenant may not be without a second factor; in production the operator's may not."""
    return tenant.second_factor_required or (tenant.kind == Kind.PLATFORM and settings.operator_needs_factor)


def must_set_up(session: Session, user_id: UUID, tenant: Tenant, settings: IdentitySettings) -> bool:
    """Whether a person has to set up a second factor before anything else."""
    return is_required(tenant, settings) and not has_factor(session, user_id)


def people_without_factor(session: Session, tenant_id: UUID) -> Sequence[UUID]:
    """The tenant's present people who have no second factor: whose tokens must be refused once one is required."""
    statement = select(User.id).where(User.tenant_id == tenant_id, User.removed_at.is_(None))
    lacking = statement.where(~_has_totp(TotpSecret.user_id == User.id), ~_has_passkey(Passkey.user_id == User.id))
    return session.scalars(lacking).all()


def factors_of(session: Session, user_id: UUID, tenant: Tenant, settings: IdentitySettings) -> Factors:
    """What guards a person's account, as they see it themselves."""
    since = session.scalar(select(TotpSecret.confirmed_at).where(TotpSecret.user_id == user_id))
    passkeys = session.scalar(select(func.count()).where(Passkey.user_id == user_id)) or 0
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return Factors(since, passkeys, session.scalar(left) or 0, is_required(tenant, settings))


def totp_of(session: Session, user_id: UUID) -> TotpSecret | None:
    """A person's authenticator, set up or being so."""
    return session.scalar(select(TotpSecret).where(TotpSecret.user_id == user_id))


def passkeys_of(session: Session, user_id: UUID) -> Sequence[Passkey]:
    """A person's passkeys in the order they came."""
    return session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)).all()


def list_passkeys(session: Session, user_id: UUID, *, page: int, page_size: int) -> Page:
    """A person's passkeys in the order they came, in pages."""
    statement = select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.id)
    return paginate(session, statement, page=page, page_size=page_size)


def lock_passkey(session: Session, user_id: UUID, passkey_id: UUID) -> Passkey:
    """A passkey of the person, locked until the transaction ends.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    statement = select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user_id)
    return one_or_404(session, statement.with_for_update(), "You have no such passkey.")


def lock_credential(session: Session, credential_id: bytes) -> Passkey | None:
    """The passkey that a device calls by this id, locked until the transaction ends."""
    return session.scalar(select(Passkey).where(Passkey.credential_id == credential_id).with_for_update())


def _has_totp(whose: ColumnElement[bool]) -> Exists:
    return exists().where(whose, TotpSecret.confirmed_at.is_not(None))


def _has_passkey(whose: ColumnElement[bool]) -> Exists:
    return exists().where(whose)
