"""Mails about people's own accounts: to whom they go, what they say, and that nobody can turn them off."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from contracts.roles import Role
from privacy.people_duty import PeopleDuty
from privacy.person import FORMER_USER, Person, email_digest
from services.notifier import service
from services.notifier.audience.reassignment import PERSONAL, WITHDRAWN
from services.notifier.outbound.decisions import UNKNOWN_USER
from tests.notifier import samples
from tests.notifier.accounts import TOKEN, account_secured, reset_requested, tenant_event, user_changed, user_invited
from tests.notifier.helpers import (
    FJORD,
    choose,
    deliveries,
    invite_created,
    send,
    states,
    tenant_created,
    user_added,
    user_removed,
)
from tests.plugin import principal

ROLFS = "rolf@fjord-retail.example"


def bodies(message):
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


def test_an_invitation_goes_to_an_address_that_is_no_contact_yet(notifier, inbox, identity):
    identity.give("invitation")
    event = user_invited()
    notifier.deliver(tenant_created(), event, event)
    send(notifier)
    [(to, message)] = inbox.taken
    assert (to, message["Subject"]) == (ROLFS, "Your invitation to Fjord Retail on Concord")
    for body in bodies(message):
        assert f"http://localhost:8080/account/invitation?token={TOKEN}" in body
        assert "Administrator" in body
        assert ROLFS in body
        assert "8 March 2036, 09:30 CET" in body, "in the tenant's zone"
    [row] = deliveries(notifier)
    assert (row.topic, row.category, row.state, row.address) == ("invitation", "must-arrive", "sent", ROLFS)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ("SupplierAdmin", "Administrator"),
        ("SupplierViewer", "Viewer, who sees campaigns and changes nothing"),
        ("RetailerViewer", "Viewer, who sees everything and changes nothing"),
        ("MerchantViewer", "Viewer, who sees everything and changes nothing"),
        ("Affiliate", "Affiliate"),
        ("Owner", "Owner"),
    ],
)
def test_the_role_is_in_words(notifier, inbox, identity, role, words):
    identity.give("invitation")
    notifier.deliver(user_invited(role=role))
    send(notifier)
    assert words in bodies(inbox.messages[0])[0]


def test_who_is_invited_gets_nothing_else_until_they_have_accepted(notifier, inbox, identity):
    identity.give("invitation")
    notifier.deliver(user_invited(), invite_created())
    send(notifier)
    assert [row.state for row in deliveries(notifier, topic="invite")] == ["no_recipient"]
    notifier.deliver(user_added(sequence=2))
    send(notifier)
    assert [row.state for row in deliveries(notifier, topic="invite")] == ["sent"]


def test_an_invitation_that_is_withdrawn_is_not_sent(notifier, inbox, identity):
    identity.give("invitation")
    notifier.deliver(user_invited(), user_removed())
    send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", WITHDRAWN)
    assert inbox.taken == []
    assert identity.asked == []


def test_an_invitation_that_comes_after_its_withdrawal_is_not_sent(notifier, inbox, identity):
    """Events of one subject may come in any order."""
    identity.give("invitation")
    notifier.deliver(user_removed(), user_invited())
    send(notifier)
    assert states(notifier) == ["suppressed"]
    assert inbox.taken == []


def test_a_reset_goes_to_its_user_at_once_whatever_they_chose(notifier, inbox, identity):
    identity.give("reset")
    notifier.deliver(tenant_created(), user_added())
    everything_off = dict.fromkeys(("invite", "message", "tier", "relationship", "webhook", "response"), "off")
    choose(notifier, topics=everything_off, quietHours={"from": "00:00", "until": "23:59"})
    notifier.deliver(reset_requested())
    send(notifier)
    [(to, message)] = inbox.taken
    assert (to, message["Subject"], message["To"]) == (
        ROLFS,
        "Set a new password for Concord",
        f"Rolf Fjord <{ROLFS}>",
    )
    for body in bodies(message):
        assert f"http://localhost:8080/account/password?token={TOKEN}" in body
        assert "8 March 2036, 09:30 CET" in body
        assert "If you did not ask for it, ignore this mail" in body


@pytest.mark.parametrize("event", [user_removed(sequence=3), user_changed(sequence=3, suspended=True)])
@pytest.mark.parametrize("mail", [reset_requested, account_secured])
def test_a_user_who_is_removed_or_suspended_meanwhile_gets_no_link(notifier, inbox, identity, event, mail):
    identity.give("reset")
    notifier.deliver(user_added(), mail(), event)
    send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", PERSONAL)
    notifier.deliver(mail(sequence=4))
    send(notifier)
    assert states(notifier) == ["suppressed"] * 2
    assert (inbox.taken, identity.asked) == ([], [])


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        ("new_device", "New sign-in to your Concord account"),
        ("new_network", "New sign-in to your Concord account"),
        ("password_changed", "Your Concord password was changed"),
        ("factor_added", "A second factor was added to your Concord account"),
        ("factor_removed", "A second factor was removed from your Concord account"),
        ("recovery_code_used", "A recovery code was used for your Concord account"),
        ("something_newer", "Your Concord account was changed"),
    ],
)
def test_a_change_of_what_guards_an_account_is_told_to_its_owner(notifier, inbox, what, subject):
    event = account_secured(what)
    notifier.deliver(tenant_created(time_zone="Europe/Oslo"), user_added(), event, event)
    send(notifier)
    [(to, message)] = inbox.taken
    assert (to, message["Subject"]) == (ROLFS, subject)
    for body in bodies(message):
        for part in ("Firefox on Windows", "198.51.100.23", "1 March 2026, 09:29 CET", "Was it not you?"):
            assert part in body
        assert "http://localhost:8080/account/recover" in body
        assert "http://localhost:8080/console/account/security" in body


def test_where_the_company_signs_people_in_no_new_password_is_offered(notifier, inbox):
    """It would help nobody: what helps is the administrator, and to end the sign-ins that are not one's own."""
    notifier.deliver(tenant_created(), user_added(), account_secured(byProvider=True))
    send(notifier)
    for body in bodies(inbox.messages[0]):
        assert "/account/recover" not in body
        assert "your company&#39;s administrator" in body or "your company's administrator" in body
        assert "http://localhost:8080/console/account/security" in body


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("invitation", user_invited(expiresAt=samples.INVITATION["expires_at"])),
        ("password-reset", reset_requested(expiresAt=samples.RESET["expires_at"])),
        ("account-new-device", account_secured()),
    ],
)
def test_what_is_written_is_what_the_sample_shows(notifier, name, event):
    notifier.deliver(user_added(), event)
    [row] = deliveries(notifier)
    shown = {field: value for field, value in row.context.items() if field != "invited_by_id"}
    assert (row.template, shown) == samples.SAMPLES[name]


def test_an_erased_inviter_is_named_nowhere(notifier):
    """Neither in the subject nor beside an id that would tell whose name it was."""
    notifier.deliver(user_invited())
    [row] = deliveries(notifier)
    assert row.context["invited_by"] not in row.subject
    inviter = Person(UUID(row.context["invited_by_id"]), row.tenant_id, email_digest("frida@fjord-retail.example"))
    (declared,) = (data for data in service.duty(PeopleDuty).tables if data.table.name == "deliveries")
    values = {column.name: getattr(row, column.name) for column in declared.table.columns}
    assert declared.erased(values, inviter)["context"]["invited_by"] == FORMER_USER


@pytest.mark.parametrize("is_late", [False, True])
def test_a_changed_address_is_told_to_the_former_one(notifier, inbox, is_late):
    """Whoever reads the new mailbox knows; the mail must not depend on which event comes first."""
    new = user_changed(email="mallory@elsewhere.example", sequence=4)
    secured = account_secured("email_changed", detail=ROLFS, sequence=3)
    notifier.deliver(tenant_created(), user_added(), *([new, secured] if is_late else [secured, new]))
    send(notifier)
    [(to, message)] = inbox.taken
    assert (to, message["Subject"]) == (ROLFS, "The e-mail address of your Concord account was changed")
    for body in bodies(message):
        assert "Tell your administrator at once" in body
        assert "mallory" not in body
        assert "/account/recover" not in body
    [row] = deliveries(notifier, topic="account")
    assert row.address == ROLFS
    assert ROLFS not in str(row.context), "nothing of it stays when the person is forgotten"


def moved(email, sequence, *, before=ROLFS):
    """The events of an address that is changed."""
    secured = account_secured("email_changed", detail=before, sequence=sequence)
    return secured, user_changed(email=email, sequence=sequence + 1)


def test_what_changes_after_the_address_is_told_to_the_former_one_too(notifier, inbox):
    """Whoever takes an account over changes the address first, and then what else guards it."""
    event = account_secured("password_changed", sequence=5)
    notifier.deliver(tenant_created(), user_added(), *moved("mallory@elsewhere.example", 3), event, event)
    send(notifier)
    warnings = {to: message for to, message in inbox.taken if "password" in message["Subject"]}
    assert [to for to, _ in inbox.taken].count(ROLFS) == 2
    assert set(warnings) == {ROLFS, "mallory@elsewhere.example"}
    for body in bodies(warnings[ROLFS]):
        assert "another e-mail address within the last week" in body
        assert "Tell your administrator at once" in body
        assert "mallory" not in body
        assert "/account/recover" not in body
    assert "/account/recover" in bodies(warnings["mallory@elsewhere.example"])[0]
    assert ROLFS not in str([row.context for row in deliveries(notifier)])


def test_a_former_address_hears_for_a_week(notifier, inbox):
    """Counted from the change, whatever comes in between."""
    with time_machine.travel(utcnow()) as clock:
        notifier.deliver(tenant_created(), user_added(), *moved("rolf@new.example", 3))
        for days, sequence in ((6, 5), (2, 6)):
            clock.shift(timedelta(days=days))
            notifier.deliver(account_secured(sequence=sequence))
            send(notifier)
    about_devices = [to for to, message in inbox.taken if "New sign-in" in message["Subject"]]
    assert sorted(about_devices) == [ROLFS] + ["rolf@new.example"] * 2


def test_an_address_that_came_back_hears_once(notifier, inbox):
    there = moved("rolf@new.example", 3)
    back = moved(ROLFS, 5, before="rolf@new.example")
    notifier.deliver(tenant_created(), user_added(), *there, *back, account_secured(sequence=7))
    send(notifier)
    about_devices = [to for to, message in inbox.taken if "New sign-in" in message["Subject"]]
    assert sorted(about_devices) == [ROLFS, "rolf@new.example"]


def test_times_are_in_the_zone_of_the_reader(notifier, inbox):
    notifier.deliver(tenant_created(), user_added(), user_changed(timeZone="America/New_York"))
    notifier.deliver(account_secured(sequence=3))
    send(notifier)
    assert "1 March 2026, 03:29 EST" in bodies(inbox.messages[0])[0]


def test_nobody_can_turn_these_mails_off(notifier, inbox, identity):
    """They have no link to unsubscribe, and no topic of the preferences."""
    identity.give("reset")
    notifier.deliver(user_added(), reset_requested(), account_secured())
    send(notifier)
    assert len(inbox.messages) == 2
    for message in inbox.messages:
        assert "List-Unsubscribe" not in message
        assert "List-Unsubscribe-Post" not in message
        assert all("unsubscribe" not in body for body in bodies(message))
    refused = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD)).put(
        "/api/v1/notifications/preferences", json={"topics": {"account": "off"}}
    )
    assert refused.status_code == 422


def test_a_mail_that_comes_before_its_user_waits_for_them(notifier, inbox):
    """The event that names the user may be late."""
    notifier.deliver(account_secured())
    send(notifier)
    assert states(notifier) == ["new"]
    notifier.deliver(user_added())
    with time_machine.travel(utcnow() + timedelta(minutes=2)):
        send(notifier)
    assert states(notifier) == ["sent"]
    assert [to for to, _ in inbox.taken] == [ROLFS]


def test_a_user_who_never_comes_is_not_waited_for_for_ever(notifier, inbox):
    notifier.deliver(account_secured(user_id=uuid4()))
    with time_machine.travel(utcnow() + timedelta(days=1, minutes=1)):
        send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", UNKNOWN_USER)


def test_no_admin_sees_who_asked_for_a_password_or_what_changed(notifier, inbox, identity):
    """The events are for no tenant's eyes; the invitation is their own doing. The operator sees all."""
    identity.give("reset")
    notifier.deliver(user_added(), reset_requested(), account_secured(), user_invited(uuid4(), email="x@y.example"))
    send(notifier)

    def topics(role, tenant):
        answer = notifier.client(principal(role, tenant_id=tenant)).get("/api/v1/notifications/deliveries").json
        return sorted(item["topic"] for item in answer["items"]), answer["totalItems"]

    assert topics(Role.RETAILER_ADMIN, FJORD) == (["invitation"], 1)
    assert topics(Role.PLATFORM_ADMIN, uuid4()) == (["account", "invitation", "password_reset"], 3)


def test_an_address_that_refused_other_mail_is_still_tried(notifier, inbox, identity):
    """Or whoever has a full mailbox could never get in again."""
    identity.give("reset")
    inbox.answers["RCPT"] += ["550 5.1.1 no such user here"] * 3
    notifier.deliver(user_added())
    for _ in range(4):
        notifier.deliver(invite_created())
        send(notifier)
    assert states(notifier) == ["failed"] * 3 + ["suppressed"]
    notifier.deliver(reset_requested())
    send(notifier)
    assert [row.state for row in deliveries(notifier, topic="password_reset")] == ["sent"]


def test_a_suspended_company_gets_no_mails_of_accounts_either(notifier, inbox, identity):
    identity.give("reset")
    notifier.deliver(user_added(), tenant_event("Suspended"), reset_requested(), account_secured(sequence=3))
    send(notifier)
    assert (states(notifier), inbox.taken) == (["new"] * 2, [])
    notifier.deliver(tenant_event("Resumed", sequence=3))
    send(notifier)
    assert states(notifier) == ["sent"] * 2
