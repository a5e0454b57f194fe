"""Affiliates that sign in: they are invited to their address, and whoever accepts is the affiliate (S2-22)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import pytest
import time_machine

from chassis.core.principal import Principal, acting_as
from services.affiliates.affiliates.models import AffiliateUser
from tests.affiliates.helpers import (
    AFFILIATES,
    KEYED,
    MAJA,
    OTTO,
    PORTAL,
    SIGNED_IN,
    affiliate_user,
    assert_problem,
    everything,
    heard,
    joined,
    ok,
    refused,
    trail,
)
from tests.plugin import sample_event

BINA = {"name": "Bina Gurung", "email": "bina@blog.example"}
INVITED = "affiliates.AffiliateInvited.v1"


@pytest.fixture
def bina(shop):
    """The address of an affiliate whom nobody has approved or invited yet."""
    answer = shop.post(AFFILIATES, json=BINA)
    ok(answer, 201)
    return answer.headers["Location"]


def removed(user_id, merchant=MAJA, sequence=9):
    data = {"userId": str(user_id), "tenantId": str(merchant.tenant_id)}
    return sample_event("identity.UserRemoved.v1", data, subject=str(user_id), sequence=sequence)


def refusal(service, invitation=None, **changes):
    """Identity's answer to an invitation, by default the newest."""
    asked = (invitation or service.events(INVITED)[-1])["data"]
    data = {"affiliateId": asked["affiliateId"], "tenantId": asked["merchantId"], "invitedAt": asked["invitedAt"]}
    return sample_event("identity.AffiliateInvitationRefused.v1", data | {"reason": "email_taken"} | changes)


def test_an_affiliate_is_invited_through_identity(affiliates, maja, bina):
    """By a signed-in admin; what identity needs for the mail stands in the event, and the merchant sees the state."""
    address = bina.replace(KEYED, SIGNED_IN)
    invited = ok(maja.post(f"{address}/invite"))
    assert (invited["account"], invited["refusalReason"]) == ("INVITED", None)
    assert ok(maja.get(address)) == invited
    [event] = affiliates.events(INVITED)
    assert event["data"] == {
        "affiliateId": invited["id"],
        "affiliateName": "Bina Gurung",
        "affiliateEmail": "bina@blog.example",
        "merchantId": str(MAJA.tenant_id),
        "merchantName": "Dashain Market",
        "invitedAt": invited["invitedAt"],
    }
    assert event["tenantids"] == str(MAJA.tenant_id)
    assert trail(maja)[0]["action"] == "affiliate.invited"


def test_a_mail_that_never_came_is_sent_again_but_not_at_once(affiliates, shop, bina):
    """A button that is pressed twice sends one mail."""
    ok(shop.post(f"{bina}/invite"))
    before = everything(affiliates)
    ok(shop.post(f"{bina}/invite"))
    assert everything(affiliates) == before
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        ok(shop.post(f"{bina}/invite"))
    first, second = affiliates.events(INVITED)
    assert first["data"]["invitedAt"] < second["data"]["invitedAt"]


@pytest.fixture
def two_a_day(monkeypatch):
    monkeypatch.setenv("CONCORD_AFFILIATE_INVITATIONS_PER_DAY", "2")


def applied(client, number):
    answer = client.post(AFFILIATES, json={"name": f"P {number}", "email": f"p{number}@blog.example"})
    return f"{AFFILIATES}/{ok(answer, 201)['id']}"


def test_a_merchant_has_so_many_invitations_sent_a_day(affiliates, two_a_day, shop):
    """M10: to whomever, the first time or again; the answer says when the next may go."""
    start = datetime(2026, 10, 1, 8, tzinfo=UTC)
    with time_machine.travel(start, tick=False) as clock:
        first, second, third = (applied(shop, number) for number in range(3))
        ok(shop.post(f"{first}/invite"))
        clock.shift(timedelta(hours=1))
        ok(shop.post(f"{first}/invite"))
        before = everything(affiliates)
        for affiliate in (second, first):
            clock.shift(60)
            answer = shop.post(f"{affiliate}/invite")
            assert answer.status_code == 429
            assert answer.headers["Retry-After"] == str(23 * 3600 - (60 if affiliate == second else 120))
        assert everything(affiliates) == before
        other = affiliates.client(OTTO)
        ok(other.post(f"{applied(other, 4)}/invite"))
        clock.move_to(start + timedelta(days=1))
        ok(shop.post(f"{third}/invite"))
        assert shop.post(f"{second}/invite").status_code == 429


def test_invitations_at_the_same_moment_are_no_more_than_allowed(affiliates, two_a_day, shop):
    people = [applied(shop, number) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda path: affiliates.client(MAJA).post(f"{path}/invite").status_code, people))
    assert sorted(answers) == [200] * 2 + [429] * 4
    assert len(affiliates.events(INVITED)) == 2


def test_many_at_once_invite_once(affiliates, shop, bina):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: affiliates.client(MAJA).post(f"{bina}/invite").status_code, range(8)))
    assert set(answers) == {200}
    assert len(affiliates.events(INVITED)) == 1


def test_neither_a_suspended_affiliate_nor_one_with_an_account_is_invited(affiliates, shop, bina):
    ok(shop.post(f"{bina}/suspend"))
    refused(shop.post(f"{bina}/invite"), 409, "suspended")
    ok(shop.post(f"{bina}/approve"))
    affiliates.deliver(joined(MAJA, BINA["email"]))
    before = everything(affiliates)
    refused(shop.post(f"{bina}/invite"), 409, "account already")
    assert everything(affiliates) == before
    assert affiliates.events(INVITED) == []


def test_a_stale_version_invites_nobody(affiliates, shop, bina):
    """D6."""
    refused(shop.post(f"{bina}/invite", headers={"If-Match": '"99"'}), 412)
    assert affiliates.events(INVITED) == []


def test_whoever_accepts_is_the_affiliate_of_that_address(affiliates, shop, bina):
    """D62: however the address is written; from then on the enrolment is the person's."""
    ok(shop.post(f"{bina}/invite"))
    person = affiliate_user(affiliates, MAJA, "BINA@Blog.example")
    assert ok(shop.get(bina))["account"] == "ACTIVE"
    assert ok(affiliates.client(person).get(f"{PORTAL}/me"))["email"] == "bina@blog.example"
    claimed = trail(shop)[0]
    assert (claimed["action"], claimed["actorId"]) == ("affiliate.claimed", str(person.user_id))


def test_an_account_that_was_there_first_is_claimed_by_applying(affiliates, shop):
    """The merchant's admin may have invited the person as a user before enrolling them."""
    person = affiliate_user(affiliates, MAJA, BINA["email"])
    assert_problem(affiliates.client(person).get(f"{PORTAL}/me"), 403, "not_enrolled")
    assert ok(shop.post(AFFILIATES, json=BINA), 201)["account"] == "ACTIVE"
    assert ok(affiliates.client(person).get(f"{PORTAL}/me"))["name"] == "Bina Gurung"


def test_another_merchants_user_or_another_role_is_not_the_affiliate(affiliates, shop, bina):
    affiliates.deliver(joined(OTTO, BINA["email"]), joined(MAJA, BINA["email"], role="MerchantAdmin"))
    affiliates.deliver(joined(MAJA, "rita@blog.example"))
    assert ok(shop.get(bina))["account"] == "NONE"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_events_of_a_user_may_come_in_any_order(affiliates, shop, bina, order):
    """Added, changed, removed: whatever comes last, nobody is the affiliate any more."""
    user = uuid4()
    events = (
        joined(MAJA, BINA["email"], user_id=user, sequence=2),
        joined(MAJA, BINA["email"], user_id=user, sequence=3, kind="Changed", name="Bina G."),
        removed(user, sequence=4),
    )
    for place in order:
        affiliates.deliver(events[place])
        affiliates.deliver(events[place])
    assert ok(shop.get(bina))["account"] == "NONE"


def test_with_the_role_the_affiliate_goes_and_the_next_can_come(affiliates, shop, bina):
    """Of a person who was removed no address is kept."""
    person = affiliate_user(affiliates, MAJA, BINA["email"])
    affiliates.deliver(
        joined(MAJA, BINA["email"], user_id=person.user_id, kind="Changed", role="MerchantViewer", sequence=3)
    )
    assert ok(shop.get(bina))["account"] == "NONE"
    assert_problem(affiliates.client(person).get(f"{PORTAL}/me"), 403, "not_enrolled")
    affiliates.deliver(joined(MAJA, BINA["email"], user_id=person.user_id, kind="Changed", sequence=4))
    assert ok(shop.get(bina))["account"] == "ACTIVE"
    affiliates.deliver(removed(person.user_id))
    assert ok(shop.get(bina))["account"] == "NONE"
    assert "bina@blog.example" not in str(everything(affiliates)["affiliate_users"])
    assert ok(affiliates.client(affiliate_user(affiliates, MAJA, BINA["email"])).get(f"{PORTAL}/me"))
    actions = [row["action"].partition(".")[2] for row in trail(shop)]
    assert actions == ["claimed", "released", "claimed", "released", "claimed", "applied"]


def test_a_refused_invitation_shows_its_reason_and_can_be_sent_again(affiliates, shop, bina):
    """Somebody signs in with the address already: the merchant sees it, and nothing is lost."""
    ok(shop.post(f"{bina}/invite"))
    affiliates.deliver(refusal(affiliates))
    seen = ok(shop.get(bina))
    assert (seen["account"], seen["refusalReason"]) == ("REFUSED", "email_taken")
    assert trail(shop)[0]["action"] == "affiliate.invitation_refused"
    assert (lambda again: (again["account"], again["refusalReason"]))(ok(shop.post(f"{bina}/invite"))) == (
        "INVITED",
        None,
    )
    assert len(affiliates.events(INVITED)) == 2


def test_a_refusal_of_an_earlier_invitation_says_nothing_of_the_newest(affiliates, shop, bina):
    """Nor does one that arrives after the invitation was accepted, or of an affiliate who is not there."""
    ok(shop.post(f"{bina}/invite"))
    first = refusal(affiliates)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2)):
        ok(shop.post(f"{bina}/invite"))
    affiliates.deliver(first)
    assert ok(shop.get(bina))["account"] == "INVITED"
    affiliates.deliver(joined(MAJA, BINA["email"]), refusal(affiliates), refusal(affiliates, affiliateId=str(uuid4())))
    assert ok(shop.get(bina))["account"] == "ACTIVE"
    assert affiliates.retry_rows() == []


def test_two_merchants_have_an_affiliate_each_of_one_address(affiliates, shop, otto, bina):
    """A person has one account a merchant; the enrolments know nothing of each other."""
    theirs = ok(otto.post(AFFILIATES, json=BINA), 201)
    person = affiliate_user(affiliates, MAJA, BINA["email"])
    assert ok(otto.get(f"{AFFILIATES}/{theirs['id']}"))["account"] == "NONE"
    assert ok(affiliates.client(person).get(f"{PORTAL}/me"))["merchant"]["id"] == str(MAJA.tenant_id)
    ok(otto.post(f"{AFFILIATES}/{theirs['id']}/invite"))
    affiliates.deliver(refusal(affiliates))
    seen = ok(otto.get(f"{AFFILIATES}/{theirs['id']}"))
    assert seen["refusalReason"] == "email_taken"
    assert "Ask the affiliate for another address" in seen["refusalAdvice"]
    assert ok(shop.get(bina))["account"] == "ACTIVE"


def test_applying_and_accepting_at_the_same_moment_find_each_other(affiliates):
    """Whichever comes first."""
    affiliates.deliver(heard(MAJA, 1))
    for number in range(12):
        email = f"race{number}@blog.example"
        event, body = joined(MAJA, email), {"name": "Racer", "email": email}
        with ThreadPoolExecutor(2) as pool:
            applied = pool.submit(lambda body=body: affiliates.client(MAJA).post(AFFILIATES, json=body))
            pool.submit(affiliates.deliver, event).result()
        affiliate = ok(applied.result(), 201)
        assert ok(affiliates.client(MAJA).get(f"{AFFILIATES}/{affiliate['id']}"))["account"] == "ACTIVE"


def test_an_invitation_finds_an_account_that_nothing_has_found_yet(affiliates, shop, bina):
    """A user whose event came before the merchant was known, at the moment of its first application."""
    user = AffiliateUser(id=uuid4(), merchant_id=MAJA.tenant_id, email_key=BINA["email"], sequence=2)
    with acting_as(Principal.system("test")), affiliates.database.begin() as session:
        session.add(user)
    assert ok(shop.post(f"{bina}/invite"))["account"] == "ACTIVE"
    assert affiliates.events(INVITED) == []
