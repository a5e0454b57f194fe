"""Writes to affiliates: applying, approving, suspending, inviting them to sign in, and knowing who has."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Failure
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.copies import upsert_newer
from chassis.data.errors import conflict_if_taken
from chassis.http import versions
from chassis.messaging import outbox
from contracts.roles import Role
from services.affiliates.affiliates import queries
from services.affiliates.affiliates.events import AffiliateApproved, AffiliateInvited, AffiliateSuspended
from services.affiliates.affiliates.models import ONE_ADDRESS, Affiliate, AffiliateUser
from services.affiliates.affiliates.rules import DAY, Account, Enrolment, seconds_to_wait
from services.affiliates.merchants.actions import ensure_merchant, lock_merchant
from services.affiliates.merchants.models import Merchant

EVENTS = {Enrolment.APPROVED: AffiliateApproved, Enrolment.SUSPENDED: AffiliateSuspended}
VERBS = {Enrolment.APPROVED: "affiliate.approved", Enrolment.SUSPENDED: "affiliate.suspended"}


class TooManyInvitations(Failure):
    """The merchant has had enough invitations sent; ``Retry-After`` says when the next may go."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_invitations"


def apply(session: Session, *, name: str, email: str, actor: Principal, now: datetime) -> Affiliate:
    """Take an application, which waits for approval if the merchant wants that (D30).

    Raises:
        Conflict: ``affiliate_exists``: the address has applied before.
    """
    merchant = ensure_merchant(session, actor, now)
    lock_merchant(session, merchant.id)  # whoever accepts an invitation at this moment is seen, or sees this one
    affiliate = Affiliate(
        id=uuid7(),
        merchant_id=merchant.id,
        name=name,
        email=email,
        email_key=address_key(email),
        approved_at=None,
        status=Enrolment.PENDING if merchant.affiliate_approval_required else Enrolment.APPROVED,
        created_at=now,
        updated_at=now,
        user_id=None,
        invited_at=None,
        refusal_reason=None,
        event_sequence=0,
    )
    session.add(affiliate)
    _audit(session, "affiliate.applied", affiliate, actor, now)
    with conflict_if_taken(ONE_ADDRESS, "Somebody has applied with this address already.", code="affiliate_exists"):
        session.flush()
    _claim_if_joined(session, affiliate, actor, now)
    _publish(session, affiliate, actor, now)
    return affiliate


def enrol(
    session: Session, affiliate_id: UUID, status: Enrolment, *, expected: ETags | None, actor: Principal, now: datetime
) -> Affiliate:
    """Approve or suspend. A second call changes nothing and publishes nothing (D30).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    affiliate = queries.lock_affiliate(session, affiliate_id)
    versions.require(affiliate, expected)
    changed = affiliate.enrol(status, now)
    if session.is_modified(affiliate):
        _audit(session, VERBS[status], affiliate, actor, now)
    if changed:
        _publish(session, affiliate, actor, now)
    return affiliate


def invite(
    session: Session, affiliate_id: UUID, *, expected: ETags | None, most_a_day: int, actor: Principal, now: datetime
) -> Affiliate:
    """Have identity mail an invitation to sign in, also again; a second call within a minute changes nothing. Where a
    user has the address already, the enrolment is claimed instead.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``affiliate_erased``, ``affiliate_suspended``, or ``account_exists``: the affiliate signs in already.
        TooManyInvitations: the merchant has had ``most_a_day`` sent.
    """
    lock_merchant(session, actor.tenant_id)  # invitations at the same moment are counted together
    affiliate = queries.lock_affiliate(session, affiliate_id)
    versions.require(affiliate, expected)
    if affiliate.is_erased:
        raise Conflict("The affiliate has been forgotten.", code="affiliate_erased")
    if affiliate.status == Enrolment.SUSPENDED:
        raise Conflict("The affiliate is suspended; approve it first.", code="affiliate_suspended")
    if affiliate.account is Account.ACTIVE:
        raise Conflict("The affiliate has an account already.", code="account_exists")
    if not _claim_if_joined(session, affiliate, actor, now) and affiliate.invite(now):
        _pace(session, affiliate.merchant_id, most_a_day, now)
        _audit(session, queries.INVITING, affiliate, actor, now)
        _add(session, AffiliateInvited, affiliate, actor, now, invited_at=now)
    return affiliate


def _pace(session: Session, merchant_id: UUID, most_a_day: int, now: datetime) -> None:
    earlier = queries.invitation_before(session, merchant_id, most_a_day, now - DAY)
    if wait := seconds_to_wait(earlier, now):
        raise TooManyInvitations(
            "You have invited as many affiliates as you may in a day.", headers={"Retry-After": str(wait)}
        )


def refuse_invitation(
    session: Session, affiliate_id: UUID, reason: str, *, invited_at: datetime, now: datetime
) -> None:
    """Show the merchant that identity could not invite. What is said of an earlier invitation is ignored."""
    affiliate = queries.lock_any_affiliate(session, affiliate_id)
    if affiliate is None or affiliate.account is not Account.INVITED or affiliate.invited_at != invited_at:
        return
    affiliate.refuse(reason, now)
    _audit(session, "affiliate.invitation_refused", affiliate, Principal.system("identity"), now)


def upsert_user(
    session: Session,
    user_id: UUID,
    tenant_id: UUID,
    *,
    name: str = "",
    affiliate_email: str | None,
    sequence: int,
    now: datetime,
) -> None:
    """Apply what identity says of a user, unless a newer event was applied: whoever accepts the invitation of an
    affiliate's address is that affiliate of the merchant, as long as the user is there and has the role.

    Args:
        affiliate_email: None for a user who is no affiliate, or was removed.
    """
    lock_merchant(session, tenant_id)  # as ``apply`` does
    key = address_key(affiliate_email) if affiliate_email else None
    row = {"id": user_id, "merchant_id": tenant_id, "email_key": key, "sequence": sequence}
    if upsert_newer(session, AffiliateUser, row) is None:
        return
    person = Principal(user_id, tenant_id, Role.AFFILIATE, name=name)
    claimed = queries.lock_affiliate_of_user(session, user_id)
    if claimed is not None and claimed.email_key != key:
        claimed.claim(None, now)
        _audit(session, "affiliate.released", claimed, Principal.system("identity"), now)
        session.flush()
    affiliate = queries.lock_affiliate_of_address(session, tenant_id, key) if key else None
    if affiliate is not None and affiliate.user_id != user_id:
        _claim(session, affiliate, user_id, person, now)


def _claim_if_joined(session: Session, affiliate: Affiliate, actor: Principal, now: datetime) -> bool:
    """Let the user who signs in with the affiliate's address have the enrolment; return whether there is one."""
    user = queries.user_of_address(session, affiliate.merchant_id, affiliate.email_key)
    if user is not None:
        _claim(session, affiliate, user.id, actor, now)
    return user is not None


def _claim(session: Session, affiliate: Affiliate, user_id: UUID, actor: Principal, now: datetime) -> None:
    affiliate.claim(user_id, now)
    _audit(session, "affiliate.claimed", affiliate, actor, now)
    session.flush()


def _audit(session: Session, action: str, affiliate: Affiliate, actor: Principal, now: datetime) -> None:
    audit.record(session, action, affiliate, tenant_id=affiliate.merchant_id, actor=actor, now=now)


def _publish(session: Session, affiliate: Affiliate, actor: Principal, now: datetime) -> None:
    event_type = EVENTS.get(Enrolment(affiliate.status))
    if event_type:
        _add(session, event_type, affiliate, actor, now)


def _add(
    session: Session, event_type: type, affiliate: Affiliate, actor: Principal, now: datetime, **more: datetime
) -> None:
    merchant = session.get_one(Merchant, affiliate.merchant_id)
    event = event_type(affiliate.id, affiliate.name, affiliate.email, merchant.id, merchant.name, **more)
    outbox.add(session, affiliate, event, tenants=(merchant.id,), actor=actor, now=now)
