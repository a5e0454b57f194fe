"""Who hears of what: the users of the other tenant in the fitting role, once an event."""

import pytest

from contracts.roles import Role
from tests.notifier import samples
from tests.notifier.helpers import (
    ANNA,
    NORDIC,
    ROLF,
    anna_added,
    choose,
    deliveries,
    invite_created,
    invite_responded,
    message_posted,
    relationship,
    tier_assigned,
    tier_unassigned,
    user_added,
)

NOW = "are partners now"
EVERYTHING_AT_ONCE = dict.fromkeys(("invite", "response", "message", "tier", "relationship"), "instant")


@pytest.fixture
def both(notifier):
    """Rolf of the retailer and Anna of the supplier, who want everything at once; and others who are not concerned."""
    notifier.deliver(
        user_added(),
        anna_added(),
        user_added(NORDIC, NORDIC, role="SupplierViewer", email="vera@nordic-heating.example"),
    )
    choose(notifier, topics=EVERYTHING_AT_ONCE)
    choose(notifier, ANNA, NORDIC, Role.SUPPLIER_ADMIN, topics=EVERYTHING_AT_ONCE)
    return notifier


@pytest.mark.parametrize(
    ("event", "user", "topic", "subject"),
    [
        (invite_created(), ROLF, "invite", "Spring Showroom Push: Nordic Heating invites you"),
        (invite_responded(), ANNA, "response", "Spring Showroom Push: Fjord Retail has accepted"),
        (invite_responded("Declined", None), ANNA, "response", "Spring Showroom Push: Fjord Retail has declined"),
        (message_posted(), ROLF, "message", "Spring campaign artwork: new message from Nordic Heating"),
        (message_posted(to=NORDIC), ANNA, "message", "Spring campaign artwork: new message from Fjord Retail"),
        (tier_assigned(), ROLF, "tier", "Nordic Heating has made you a Gold partner"),
        (tier_assigned(previousTierName="Silver"), ROLF, "tier", "Nordic Heating has made you a Gold partner"),
        (tier_unassigned(), ROLF, "tier", "Your Gold tier with Nordic Heating has ended"),
        (relationship("Invited", "Invited"), ROLF, "relationship", "Nordic Heating wants to work with you"),
        (relationship("Requested", "Pending"), ANNA, "relationship", "Fjord Retail wants to work with you"),
        (
            relationship("Accepted", actor=ROLF),
            ANNA,
            "relationship",
            f"Fjord Retail and Nordic Heating {NOW}",
        ),
        (
            relationship("Accepted", actor=ANNA),
            ROLF,
            "relationship",
            f"Nordic Heating and Fjord Retail {NOW}",
        ),
    ],
    ids=lambda value: value["type"].split(".")[1] if isinstance(value, dict) else None,
)
def test_the_other_party_hears(both, event, user, topic, subject):
    """S0-27, S0-61, D14"""
    both.deliver(event)
    both.deliver(event)
    [row] = deliveries(both)
    assert (row.user_id, row.topic, row.subject) == (user, topic, subject)
    assert (row.state, row.category) == ("new", "must-arrive")
    assert both.retry_rows() == []


def test_both_hear_of_a_partnership_that_nobody_known_accepted(both):
    both.deliver(relationship("Accepted", actor=samples.UUID(int=9)))
    assert {row.user_id for row in deliveries(both)} == {ROLF, ANNA}


def test_what_nobody_need_hear_of_makes_no_mail(both):
    """S0-14: advancing notifies nobody; neither does a pause or a no."""
    listened = {subscription.event_type for subscription in both.runtime.service.subscriptions}
    assert not {"campaigns.CampaignAdvanced.v1", "prm.RelationshipPaused.v1", "prm.RelationshipDeclined.v1"} & listened


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (invite_created(), "invite"),
        (invite_responded(), "response"),
        (message_posted(), "message"),
        (tier_assigned(previousTierName="Silver"), "tier"),
        (relationship("Invited"), "relationship"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_a_mail_says_is_what_its_sample_says(both, event, name):
    both.deliver(event)
    [row] = deliveries(both)
    template, context = samples.SAMPLES[name]
    assert row.template == template
    assert set(row.context) == set(context)
    if name in ("tier", "relationship"):
        assert row.context == context


def test_a_supplier_without_a_user_leaves_a_row_that_says_so(notifier):
    notifier.deliver(invite_responded(), message_posted(to=NORDIC), message_posted(3, to=NORDIC))
    assert [(row.state, row.tenant_id, row.topic) for row in deliveries(notifier)] == [
        ("no_recipient", NORDIC, "response"),
        ("no_recipient", NORDIC, "message"),
    ]
    notifier.deliver(anna_added())
    assert [row.state for row in deliveries(notifier, topic="response")] == ["suppressed"], "it comes in her digest"
    [gathered] = deliveries(notifier, user_id=ANNA)
    assert gathered.topic == "message"
    assert len(gathered.context["messages"]) == 2
