"""Affiliates, who are no users of the platform, hear of their standing at once and of commission once a day."""

from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import select

from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience.models import DigestItem
from services.notifier.topics.affiliations import AFFILIATION
from tests.notifier import samples
from tests.notifier.helpers import FJORD, PREFERENCES, SYSTEM, deliveries, send, states, user_added, write_digests
from tests.plugin import principal, sample_event

MARKET = UUID("da5a0000-0000-4000-8000-000000000001")
BINA = UUID("da5a0000-0000-4000-8000-00000000000b")
WHO = {
    "affiliateId": str(BINA),
    "affiliateName": "Bina",
    "affiliateEmail": "bina@blog.example",
    "merchantId": str(MARKET),
    "merchantName": "Dashain Market",
}


def items(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return list(session.scalars(select(DigestItem)))


DELIVERIES = "/api/v1/notifications/deliveries"


def enrolled(what):
    return sample_event(f"affiliates.Affiliate{what}.v1", WHO, subject=str(BINA), tenantids=str(MARKET))


def about_order(event, **data):
    common = {"externalOrderId": "A-1", "campaignTitle": "Dashain Sale", "currency": "NPR"}
    return sample_event(event, WHO | common | data, subject=str(uuid4()), tenantids=str(MARKET))


def credited():
    return about_order("affiliates.ConversionCredited.v1", commission="359.88", orderStatus="pending")


def reversed_():
    data = {"reversed": "179.94", "remaining": "179.94", "orderStatus": "refunded"}
    return about_order("affiliates.CommissionReversed.v1", **data)


AMOUNTS = [("86", "JPY", "0"), ("1.500", "KWD", "0.125"), ("359.88", "NPR", "179.94"), ("5", "CLP", "1")]


@pytest.mark.parametrize(("commission", "currency", "remaining"), AMOUNTS)
def test_amounts_have_the_decimals_of_their_currency(notifier, inbox, commission, currency, remaining):
    """D9: as the event says them; in a mail of their own, and in the digest."""
    earned = about_order(
        "affiliates.ConversionCredited.v1", commission=commission, orderStatus="pending", currency=currency
    )
    data = {"reversed": commission, "remaining": remaining, "orderStatus": "refunded", "currency": currency}
    mails = about_order("affiliates.CommissionReversed.v1", **data)
    with time_machine.travel("2026-03-02T15:00:00+01:00", tick=False):
        notifier.deliver(earned, mails)
    with time_machine.travel("2026-03-03T08:00:01+01:00", tick=False):
        write_digests(notifier)
        send(notifier)
    [(_to, message)] = inbox.taken
    for kind in ("plain", "html"):
        body = message.get_body((kind,)).get_content()
        assert f"You have earned {commission} {currency} with Dashain Market" in body
        assert f"taken back {commission} {currency} of your commission" in body
    contexts = [row.context for row in items(notifier)]
    assert {context["remaining"] for context in contexts} == {"", f"{remaining} {currency}"}


@pytest.mark.parametrize("commission", ["0", "0.00", "0.000"])
def test_nobody_gets_a_mail_of_nothing(notifier, commission):
    """D9: a fixed amount of another currency earns 0."""
    notifier.deliver(about_order("affiliates.ConversionCredited.v1", commission=commission, orderStatus="pending"))
    assert items(notifier) == []
    assert notifier.retry_rows() == []


@pytest.mark.parametrize("what", ["Approved", "Suspended"])
def test_an_affiliate_hears_of_its_standing_at_once_and_once(notifier, inbox, what):
    event = enrolled(what)
    notifier.deliver(event, event)
    send(notifier)
    [row] = deliveries(notifier)
    assert row.context == samples.SAMPLES[f"affiliate-{what.lower()}"][1]
    assert (row.tenant_id, row.user_id, row.category, row.state) == (MARKET, BINA, "must-arrive", "sent")
    [(to, message)] = inbox.taken
    assert (to, message["Subject"]) == ("bina@blog.example", row.subject)
    assert notifier.retry_rows() == []


def test_commission_comes_once_a_day_in_one_mail(notifier, inbox):
    """Earned and taken back; each event once, whatever comes twice."""
    earned, mails = credited(), reversed_()
    with time_machine.travel("2026-03-02T15:00:00+01:00", tick=False):
        notifier.deliver(earned, mails, earned, mails)
        send(notifier)
        assert inbox.taken == []
    with time_machine.travel("2026-03-03T08:00:01+01:00", tick=False):
        write_digests(notifier)
        send(notifier)
    [(to, message)] = inbox.taken
    assert to == "bina@blog.example"
    text = message.get_body(("plain",)).get_content()
    assert text.count(samples.CREDITED["headline"]) == 1
    assert text.count(samples.REVERSED["headline"]) == 1
    assert "preferences" not in text
    assert notifier.retry_rows() == []


def test_one_click_works_for_somebody_who_never_signs_in(notifier, inbox):
    """RFC 8058; for that kind of mail and that affiliate alone."""
    notifier.deliver(enrolled("Approved"))
    send(notifier)
    link = urlsplit(inbox.messages[0]["List-Unsubscribe"].strip("<>")).path
    notifier.deliver(enrolled("Suspended"))
    assert notifier.client(None).post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    notifier.deliver(enrolled("Approved"), sample_for_another := another())
    send(notifier)
    assert states(notifier) == ["sent", "sent", "suppressed"]
    assert [to for to, _message in inbox.taken] == ["bina@blog.example", sample_for_another["data"]["affiliateEmail"]]


def another():
    other = {"affiliateId": str(uuid4()), "affiliateEmail": "hari@blog.example"}
    return sample_event("affiliates.AffiliateApproved.v1", WHO | other, subject=other["affiliateId"])


def test_an_address_that_refuses_for_good_is_left_alone(notifier, inbox):
    inbox.answers["RCPT"] = ["550 nobody"] * 3
    for _ in range(4):
        notifier.deliver(enrolled("Approved"))
        send(notifier)
    assert states(notifier) == ["failed", "failed", "failed", "suppressed"]


def test_the_merchants_admins_see_what_became_of_it_and_nobody_else(notifier):
    notifier.deliver(enrolled("Approved"))
    maja, rolf = principal(Role.MERCHANT_ADMIN, tenant_id=MARKET), principal(Role.RETAILER_ADMIN, tenant_id=FJORD)
    [seen] = notifier.client(maja).get(f"{DELIVERIES}?topic=affiliation").json["items"]
    assert seen["to"] == "bina@blog.example"
    assert notifier.client(rolf).get(DELIVERIES).json["items"] == []


def test_an_affiliate_gets_no_mail_of_the_merchants_users_nor_they_its(notifier):
    notifier.deliver(user_added(tenant_id=MARKET, role="MerchantAdmin"), enrolled("Approved"))
    assert [row.user_id for row in deliveries(notifier)] == [BINA]
    assert AFFILIATION.roles == ()
    user = notifier.client(principal(Role.MERCHANT_ADMIN, tenant_id=MARKET))
    assert not {"affiliation", "commission"} & set(user.get(PREFERENCES).json["topics"])
