"""Affiliates whom a merchant asks to sign in: they are invited like colleagues, in the role Affiliate (S2-22)."""

from http import HTTPStatus
from uuid import uuid4

import pytest

from chassis.core.errors import Failure
from chassis.messaging.retry_table import DEAD
from services.identity.teams import invitations
from tests.plugin import sample_event

INVITED, REFUSED = "identity.UserInvited.v1", "identity.AffiliateInvitationRefused.v1"
BINA = "bina@blog.example"
AT = "2026-10-01T08:00:00Z"


@pytest.fixture
def merchant(identity):
    return identity.tenant("Dashain Market", "Merchant", features=["affiliates"])


def asked(merchant, email=BINA, **changes):
    """What affiliates publishes when a merchant invites."""
    data = {
        "affiliateId": str(uuid4()),
        "affiliateName": "Bina Gurung",
        "affiliateEmail": email,
        "merchantId": str(merchant),
        "merchantName": "Dashain Market",
        "invitedAt": AT,
    }
    return sample_event("affiliates.AffiliateInvited.v1", data | changes, subject=data["affiliateId"])


def test_an_affiliate_is_invited_into_the_merchants_tenant(identity, merchant):
    """The mail names the merchant as the one who invites."""
    identity.running.deliver(asked(merchant))
    [event] = identity.running.events(INVITED)
    seen = {name: event["data"][name] for name in ("tenantId", "email", "name", "role", "tenantName", "invitedBy")}
    assert seen == {
        "tenantId": merchant,
        "email": BINA,
        "name": "Bina Gurung",
        "role": "Affiliate",
        "tenantName": "Dashain Market",
        "invitedBy": "Dashain Market",
    }
    assert event["tenantids"] == merchant
    assert identity.running.events(REFUSED) == identity.running.events("identity.UserAdded.v1") == []


def test_the_same_event_again_mails_nothing(identity, merchant):
    event = asked(merchant)
    identity.running.deliver(event)
    before = identity.rows()
    identity.running.deliver(event)
    assert identity.rows() == before


def test_a_mail_that_never_came_is_sent_again_with_another_link(identity, merchant):
    """However the address is written this time (D62)."""
    identity.running.deliver(asked(merchant), asked(merchant, "BINA@blog.example"))
    first, second = identity.running.events(INVITED)
    assert first["subject"] == second["subject"]
    assert first["data"]["linkId"] != second["data"]["linkId"]


def test_who_has_an_account_with_the_merchant_already_needs_no_invitation(identity, merchant):
    """They are known by the event of their account."""
    identity.user(merchant, BINA, "Affiliate")
    before = identity.rows()
    identity.running.deliver(asked(merchant))
    assert identity.rows() == before
    assert identity.running.events(INVITED) == identity.running.events(REFUSED) == []


@pytest.mark.parametrize("whose", ["colleague", "another merchant", "another company"])
def test_an_address_that_is_somebodys_account_is_refused_with_a_reason(identity, merchant, whose):
    """An address is one account on the whole platform; the merchant and its trail know why nobody was invited."""
    if whose == "colleague":
        identity.user(merchant, BINA, "MerchantAdmin")
    elif whose == "another merchant":
        identity.running.deliver(asked(identity.tenant("Other Market", "Merchant")))
    else:
        identity.user(identity.tenant(), BINA, "SupplierAdmin")
    invited = len(identity.running.events(INVITED))
    event = asked(merchant)
    identity.running.deliver(event)
    [refused] = identity.running.events(REFUSED)
    assert refused["data"] == {
        "affiliateId": event["data"]["affiliateId"],
        "tenantId": merchant,
        "invitedAt": AT,
        "reason": "email_taken",
    }
    assert (refused["subject"], refused["tenantids"]) == (merchant, merchant)
    assert len(identity.running.events(INVITED)) == invited
    [row] = [row for row in identity.trail() if row["action"] == "tenant.invitation_refused"]
    assert row["changes"]["affiliateId"] == [None, event["data"]["affiliateId"]]
    assert identity.running.retry_rows() == []


def test_an_address_that_has_had_enough_mails_is_refused_with_a_reason(identity, merchant, monkeypatch):
    """Whatever limit teams set for invitations: the merchant reads its code."""

    class Enough(Failure):
        status, default_code = HTTPStatus.TOO_MANY_REQUESTS, "too_many_invitations"

    def refuse(*_arguments, **_options):
        raise Enough("Enough.")

    identity.running.deliver(asked(merchant))
    monkeypatch.setattr(invitations, "resend", refuse)
    identity.running.deliver(asked(merchant))
    [refused] = identity.running.events(REFUSED)
    assert refused["data"]["reason"] == "too_many_invitations"
    assert identity.running.retry_rows() == []


def test_nobody_is_invited_into_a_tenant_that_is_no_merchant_or_not_there(identity, tenant):
    """Neither can ever succeed: the events are dead letters at once, which the operator sees."""
    before = identity.rows()
    identity.running.deliver(asked(tenant), asked(uuid4()))
    assert [row.state for row in identity.running.retry_rows()] == [DEAD, DEAD]
    assert identity.rows() == before
