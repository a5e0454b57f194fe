"""People's own accounts: invitations, links to set a password, and what has changed of what guards an account.

These mails are asked for, or warn, so nobody can turn them off. Their links are secret and good once. No event and no
row holds one: the sender asks identity for it (``outbound.account_links``).
"""

from dataclasses import replace
from datetime import timedelta

from marshmallow import fields

from chassis.core.clock import rfc3339
from chassis.http.schemas import CamelSchema, Instant
from chassis.messaging.events import Received
from services.notifier.topics.base import Notice, Person, Topic, Trigger

ROLES = {
    "SupplierViewer": "Viewer, who sees campaigns and changes nothing",  # the narrower one (S0-7), so before "Viewer"
    "Admin": "Administrator",
    "Viewer": "Viewer, who sees everything and changes nothing",
    "Affiliate": "Affiliate",
}

EMAIL_CHANGED = "email_changed"
TO_FORMER_ADDRESS = "to_former_address"
"""In the context of a mail that goes to a former address: the present one is a stranger's, perhaps."""
FORMER_FOR = timedelta(days=7)
"""How long the mails of topic ``account`` go to a former address as well."""
AFTER_A_MOVE = "The account got another e-mail address within the last week, so you hear of it at the former one, too."


class _LinkIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    link_id = fields.UUID(required=True)
    expires_at = Instant(required=True)


class UserInvitedIn(_LinkIn):
    email = fields.String(required=True)
    role = fields.String(required=True)
    tenant_name = fields.String(required=True)
    invited_by = fields.String(required=True)


class PasswordResetRequestedIn(_LinkIn):
    pass


class AccountSecuredIn(CamelSchema):
    user_id = fields.UUID(required=True)
    tenant_id = fields.UUID(required=True)
    what = fields.String(required=True)
    detail = fields.String(required=True)
    address = fields.String(required=True)
    at = Instant(required=True)
    by_provider = fields.Boolean(load_default=False)  # version 1 does not say it


def invited(event: Received) -> list[Notice]:
    invitation = event.data
    context = {
        "link_id": str(invitation.link_id),
        "expires_at": rfc3339(invitation.expires_at),
        "email": invitation.email,
        "role": _role(invitation.role),
        "tenant_name": invitation.tenant_name,
        "invited_by": invitation.invited_by,
        "invited_by_id": str(event.actor_id),
    }
    return [Notice(event.id, invitation.tenant_id, context, person=Person(invitation.user_id, invitation.email))]


def reset_requested(event: Received) -> list[Notice]:
    reset = event.data
    context = {"link_id": str(reset.link_id), "expires_at": rfc3339(reset.expires_at)}
    return [Notice(event.id, reset.tenant_id, context, person=Person(reset.user_id))]


def secured(event: Received) -> list[Notice]:
    change = event.data
    headline, explanation, subject_of_detail = CHANGES.get(change.what, OTHER_CHANGE)
    context = {
        "headline": headline,
        "explanation": explanation,
        "label": subject_of_detail,
        "detail": change.detail,
        "origin": change.address,
        "at": rfc3339(change.at),
        "by_provider": change.by_provider,
    }
    if change.what == EMAIL_CHANGED:
        context |= {"detail": "", TO_FORMER_ADDRESS: True}
        return [Notice(event.id, change.tenant_id, context, person=Person(change.user_id, change.detail))]
    return [Notice(event.id, change.tenant_id, context, person=Person(change.user_id))]


def for_former_address(notice: Notice, address: str) -> Notice:
    """The same for the address that the account had until a short while ago: whoever took the account over has changed
    the address first, so that nothing reaches its owner any more."""
    more = {"explanation": f"{notice.context['explanation']} {AFTER_A_MOVE}", TO_FORMER_ADDRESS: True}
    person = Person(notice.person.id, address) if notice.person else None
    return replace(notice, context={**notice.context, **more}, person=person)


def _role(role: str) -> str:
    """A role in words; one that we have none for as it is."""
    return next((words for ending, words in ROLES.items() if role.endswith(ending)), role)


CHANGES = {
    EMAIL_CHANGED: (
        "The e-mail address of your Concord account was changed",
        "Your company's directory has given your account another e-mail address, and all devices were signed out. From "
        "now on you sign in with the new address, and mails go there.",
        "Former address",
    ),
    "new_device": (
        "New sign-in to your Concord account",
        "Somebody has signed in to your account on a device that we have not seen lately.",
        "Device",
    ),
    "new_network": (
        "New sign-in to your Concord account",
        "Somebody has signed in to your account from a network that we have not seen lately. Phones and journeys bring "
        "new ones, so you hear of this once a day at most.",
        "Device",
    ),
    "password_changed": (
        "Your Concord password was changed",
        "Your account has a new password. All other devices were signed out.",
        "Device",
    ),
    "factor_added": (
        "A second factor was added to your Concord account",
        "From now on it can be used to sign in to your account.",
        "Second factor",
    ),
    "factor_removed": (
        "A second factor was removed from your Concord account",
        "It can no longer be used to sign in to your account.",
        "Second factor",
    ),
    "recovery_code_used": (
        "A recovery code was used for your Concord account",
        "Somebody has used one of your recovery codes. Each works once; make new ones when few are left.",
        "Device",
    ),
}
OTHER_CHANGE = ("Your Concord account was changed", "Something that guards your account has changed.", "What")
"""For what a newer identity may publish."""

INVITATION = Topic(
    name="invitation",
    description="invitations to join a company",
    roles=(),
    subject="Your invitation to {tenant_name} on Concord",  # no person's name: only contexts can be erased
    cadence=None,
    account=True,
    before_joining=True,
    link_page="/account/invitation",
    link_purpose="invitation",
    triggers=(Trigger("identity.UserInvited.v1", UserInvitedIn, invited),),
)
PASSWORD_RESET = Topic(
    name="password_reset",
    description="links to set a new password",
    roles=(),
    subject="Set a new password for Concord",
    cadence=None,
    account=True,
    private=True,
    link_page="/account/password",
    link_purpose="reset",
    triggers=(Trigger("identity.PasswordResetRequested.v1", PasswordResetRequestedIn, reset_requested),),
)
ACCOUNT = Topic(
    name="account",
    description="changes of what guards your account",
    roles=(),
    subject="{headline}",
    cadence=None,
    account=True,
    private=True,
    triggers=tuple(
        Trigger(f"identity.AccountSecured.{version}", AccountSecuredIn, secured) for version in ("v1", "v2")
    ),
)
