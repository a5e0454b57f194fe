"""Addresses that refuse mail, providers that are given enough, and what is old."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from prometheus_client import REGISTRY
from sqlalchemy import func, select

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.notifier.audience.models import Digest, DigestItem
from services.notifier.deliveries.models import Delivery
from services.notifier.outbound import claims, sender, tasks
from services.notifier.outbound.channels import folder
from services.notifier.outbound.models import Bounce
from tests.notifier.accounts import account_secured, reset_requested
from tests.notifier.helpers import (
    SYSTEM,
    choose,
    claim,
    deliveries,
    invite_created,
    message_posted,
    queue,
    send,
    states,
    tier_assigned,
    user_added,
    write_digests,
)

GIVEN_UP = "This address has refused too many mails; nothing is sent to it for a while."
NOBODY = "550 5.1.1 no such user here"


def counted(outcome):
    return REGISTRY.get_sample_value("concord_mails_total", {"topic": "invite", "outcome": outcome}) or 0


def scores(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return {row.address: row.score for row in session.scalars(select(Bounce))}


def test_an_address_that_bounces_gets_no_more(notifier, inbox):
    """Each refusal shows, and so does what is not sent any more; after a month it is tried again."""
    before = counted("suppressed")
    inbox.answers["RCPT"] += [NOBODY] * 3
    for _ in range(5):
        queue(notifier)
        send(notifier)
    rows = deliveries(notifier)
    assert [row.state for row in rows] == ["failed"] * 3 + ["suppressed"] * 2
    assert all(NOBODY in row.last_error for row in rows[:3])
    assert {row.last_error for row in rows[3:]} == {GIVEN_UP}
    assert {row.address for row in rows} == {"rolf@fjord-retail.example"}
    assert counted("suppressed") == before + 2
    assert inbox.taken == []
    with time_machine.travel(utcnow() + timedelta(days=30, minutes=1)):
        notifier.deliver(invite_created())
        send(notifier)
    assert len(inbox.taken) == 1
    assert scores(notifier) == {}


def test_a_bounce_blocks_nobody_else(notifier, inbox):
    inbox.answers["RCPT"] += [NOBODY] * 3
    queue(notifier, 3)
    send(notifier)
    notifier.deliver(invite_created())
    notifier.deliver(user_added(sequence=2, email="rolf@new.example"))
    send(notifier)
    assert [to for to, _message in inbox.taken] == ["rolf@new.example"], "another address counts from the beginning"


def test_an_address_that_takes_mail_again_is_forgiven(notifier, inbox):
    inbox.answers["RCPT"] += [NOBODY] * 2
    for _ in range(3):
        queue(notifier)
        send(notifier)
    assert states(notifier) == ["failed", "failed", "sent"]
    assert scores(notifier) == {}


@pytest.mark.parametrize(
    ("moment", "answer"),
    [("RCPT", "550 5.7.1 we do not like you"), ("DATA", "554 5.6.0 odd text"), ("RCPT", "451 later")],
)
def test_what_is_no_fault_of_the_address_does_not_count(notifier, inbox, moment, answer):
    inbox.answers[moment] += [answer] * 3
    queue(notifier, 3)
    send(notifier)
    assert inbox.taken == []
    assert scores(notifier) == {}


def test_a_provider_is_given_so_much_and_the_others_are_not_held_up(notifier, inbox, configure):
    configure(MAIL_RATE="2/minute", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    with time_machine.travel("2026-03-02T15:00:05+00:00", tick=False) as clock:
        queue(notifier, 5)
        send(notifier)
        assert len(inbox.taken) == 2
        waiting = sorted(row.next_at for row in deliveries(notifier, state="new"))
        assert [moment.strftime("%H:%M:%S") for moment in waiting] == ["15:01:05", "15:01:35", "15:02:05"]
        assert {row.attempts for row in deliveries(notifier, state="new")} == {0}
        notifier.deliver(user_added(sequence=2, email="rolf@another.example"), tier_assigned())
        send(notifier)
        assert len(inbox.taken) == 3
        notifier.deliver(user_added(sequence=3))
        for _ in range(4):
            clock.shift(60)
            send(notifier)
    assert states(notifier) == ["sent"] * 6


def test_a_recipient_gets_so_much_of_one_kind_and_the_rest_later(notifier, inbox, configure):
    """M10: sixty campaigns are no sixty mails at once. Nothing is lost, and other kinds and people do not wait."""
    configure(MAIL_RECIPIENT_RATE="2/hour", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    with time_machine.travel("2026-03-02T15:00:05+00:00", tick=False) as clock:
        queue(notifier, 4)
        send(notifier)
        assert len(inbox.taken) == 2
        waiting = sorted(row.next_at for row in deliveries(notifier, state="new"))
        assert [moment.strftime("%H:%M:%S") for moment in waiting] == ["16:00:05", "16:30:05"]
        other = uuid4()
        notifier.deliver(tier_assigned(), user_added(uuid4(), other, email="ida@fjord-retail.example"))
        notifier.deliver(invite_created(other))
        send(notifier)
        assert sorted(to for to, _ in inbox.taken[2:]) == ["ida@fjord-retail.example", "rolf@fjord-retail.example"]
        for _ in range(2):
            clock.shift(3600)
            send(notifier)
    assert states(notifier) == ["sent"] * 6


def test_all_spellings_and_roles_of_a_mailbox_share_its_limit(notifier, inbox, configure):
    """M10, D62: a mailbox that many merchants have enrolled is one recipient."""
    configure(MAIL_RECIPIENT_RATE="1/hour", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    for spelling in SPELLINGS[1:]:
        tenant = uuid4()
        notifier.deliver(user_added(uuid4(), tenant, email=spelling), invite_created(tenant))
        send(notifier)
    assert states(notifier) == ["new", "sent"]


def test_the_limit_holds_for_mails_of_accounts_too(notifier, inbox, identity, configure):
    configure(MAIL_RECIPIENT_RATE="3/hour", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    identity.give("reset")
    notifier.deliver(user_added(), *(reset_requested(sequence=number) for number in range(2, 8)), account_secured())
    send(notifier)
    assert len(deliveries(notifier, topic="password_reset", state="sent")) == 3
    assert len(deliveries(notifier, topic="account", state="sent")) == 1


def test_without_a_rate_everything_goes_out(notifier, inbox, configure):
    configure(MAIL_RATE="", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    queue(notifier, 25)
    send(notifier)
    assert len(inbox.taken) == 25


def test_a_counter_that_is_away_stops_no_mail(notifier, inbox, configure):
    configure(LIMITS_URL="redis://127.0.0.1:1/0", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    queue(notifier)
    send(notifier)
    assert states(notifier) == ["sent"]


def test_mails_whose_lease_would_end_in_the_hand_are_given_back(notifier, inbox):
    """A slow server must not make two senders send the same mail."""
    queue(notifier, 3)
    with acting_as(SYSTEM):
        due = claims.claim_due(notifier.database, utcnow())
        with time_machine.travel(utcnow() + timedelta(seconds=30)):
            assert sender.send_claims(notifier.runtime, due, channel=None) is True
    assert [(row.state, row.attempts) for row in deliveries(notifier)] == [("new", 0)] * 3
    assert claim(notifier, utcnow() + timedelta(seconds=31)).delivery.attempts == 1


def test_what_is_old_is_forgotten(notifier, configure):
    """Mails with an outcome, digests and letters in the mailbox; what waits is not."""
    notifier.deliver(user_added(), invite_created(), invite_created())
    send(notifier)
    choose(notifier, topics={"message": "daily"})
    notifier.deliver(message_posted(), invite_created())
    mailbox = notifier.runtime.settings.home / "mail"
    tomorrow = utcnow() + timedelta(days=2)
    with time_machine.travel(tomorrow):
        write_digests(notifier)
    with time_machine.travel(utcnow() + timedelta(days=179)):
        keep_house(notifier)
        assert count(notifier, Delivery) == 4
    with time_machine.travel(utcnow() + timedelta(days=181)):
        keep_house(notifier)
    assert sorted(states(notifier)) == ["new", "new"]
    assert (count(notifier, Digest), count(notifier, DigestItem)) == (1, 1)
    assert folder.newest(mailbox) == []
    with time_machine.travel(tomorrow + timedelta(days=181)):
        keep_house(notifier)
    assert (count(notifier, Digest), count(notifier, DigestItem)) == (0, 0)


def keep_house(notifier):
    with acting_as(SYSTEM):
        while tasks.forget_old_mails(notifier.runtime):
            pass


def count(notifier, model):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


SPELLINGS = ("rolf@blåbær.example", "Rolf@BLÅBÆR.example", "ROLF@xn--blbr-roah.example")


def test_refusals_count_for_a_mailbox_however_it_is_spelled(notifier, inbox):
    """D62: an address may change its case, or the way its domain is written, and is the same mailbox."""
    inbox.answers["RCPT"] += [NOBODY] * 3
    for number, spelling in enumerate(SPELLINGS, 1):
        notifier.deliver(user_added(sequence=number, email=spelling), invite_created())
        send(notifier)
    assert scores(notifier) == {"rolf@xn--blbr-roah.example": 3}
    notifier.deliver(invite_created())
    send(notifier)
    assert states(notifier) == ["failed"] * 3 + ["suppressed"]


def test_a_mailbox_that_takes_mail_again_is_forgiven_however_it_is_spelled(notifier, inbox):
    inbox.answers["RCPT"] += [NOBODY]
    for number, spelling in enumerate(SPELLINGS[:2], 1):
        notifier.deliver(user_added(sequence=number, email=spelling), invite_created())
        send(notifier)
    assert states(notifier) == ["failed", "sent"]
    assert scores(notifier) == {}


def test_a_domain_of_any_script_goes_out_as_mail_servers_know_it(notifier, inbox, configure):
    """In the envelope and in the headers, of the recipient and of the sender."""
    configure(SMTP_URL=f"smtp://127.0.0.1:{inbox.port}", MAIL_FROM="Blåbær <post@blåbær.example>")
    queue(notifier)
    notifier.deliver(user_added(sequence=2, email="rolf@straße.example"))
    send(notifier)
    [(to, message)] = inbox.taken
    assert to == "rolf@xn--strae-oqa.example"
    assert message["To"].addresses[0].addr_spec == to
    assert message["From"].addresses[0].addr_spec == "post@xn--blbr-roah.example"
    assert message["From"].addresses[0].display_name == "Blåbær"
    assert message["Message-ID"].endswith("@xn--blbr-roah.example>")


def test_a_provider_is_one_however_its_domain_is_spelled(notifier, configure):
    configure(MAIL_RATE="1/hour")
    for number, spelling in enumerate(SPELLINGS[1:], 1):
        notifier.deliver(user_added(sequence=number, email=spelling), invite_created())
        send(notifier)
    assert states(notifier) == ["new", "sent"]
