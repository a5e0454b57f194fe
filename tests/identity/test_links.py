"""Links in mails are good once and for a while; their tokens are nowhere but in the mail (issue, "Bad input")."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity import settings
from services.identity.common.secrets import digest
from services.identity.links import actions, tasks
from services.identity.links.models import Link
from tests.identity.conftest import ADMIN, is_problem

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def use(identity, token, purpose="reset"):
    """The user of a token that is used now, if it is good."""
    own = settings.of(identity.running.runtime.settings)
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        link = actions.use_link(session, token, purpose, settings=own, now=datetime.now(UTC))
        return link and str(link.user_id)


def as_mailed(identity, link):
    notifier = identity.running.client(Principal.system("notifier"), sender="notifier")
    return notifier.get(f"/internal/links/{link.id}")


def test_a_link_is_good_once(identity, anna):
    link = identity.link(anna)
    assert use(identity, link.token) == anna
    assert use(identity, link.token) is None


def test_a_link_is_good_for_its_purpose_only(identity, anna):
    link = identity.link(anna, "invitation")
    assert use(identity, link.token, "reset") is None
    assert use(identity, link.token, "invitation") == anna


def test_a_newer_link_replaces_the_earlier_ones_of_its_purpose(identity, tenant, anna):
    first, invitation = identity.link(anna), identity.link(anna, "invitation")
    others = identity.link(identity.user(tenant, "bo@nordic-heating.example"))
    second = identity.link(anna)
    assert use(identity, first.token) is None
    assert use(identity, second.token) == anna
    assert use(identity, invitation.token, "invitation") == anna
    assert use(identity, others.token) is not None


@pytest.mark.parametrize("ahead", [timedelta(seconds=119), timedelta(seconds=-119)])
def test_a_replaced_or_ended_link_is_none_by_whichever_clock(identity, anna, ahead):
    """The processes that replace, end and use a link may be on machines whose clocks are two minutes apart."""
    with time_machine.travel(NOW, tick=False):
        first, invitation = identity.link(anna), identity.link(anna, "invitation")
    with time_machine.travel(NOW + ahead, tick=False):
        identity.link(anna)
        with acting_as(Principal.system("test")), identity.running.database.begin() as session:
            actions.end_links(session, UUID(anna), now=utcnow())
    with time_machine.travel(NOW + timedelta(seconds=1), tick=False):
        assert use(identity, first.token) is None
        assert use(identity, invitation.token, "invitation") is None


def test_a_link_is_over_to_the_second(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        early, late = identity.link(anna), identity.link(anna, "invitation")
        clock.shift(timedelta(minutes=59, seconds=59))
        assert use(identity, early.token) == anna
        clock.shift(1)
        assert use(identity, late.token, "invitation") is None


@pytest.mark.parametrize("change", [str.swapcase, lambda token: token[:-1], lambda token: token + "A", lambda _: "x"])
def test_a_tampered_token_is_no_link(identity, anna, change):
    link = identity.link(anna)
    assert use(identity, change(link.token)) is None
    assert use(identity, link.token) == anna


def test_a_digest_that_somebody_wrote_into_the_table_opens_nothing(identity, anna):
    """Whoever can write to the database still has no link: the token must come from the id and our secret."""
    link = identity.link(anna)
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Link).where(Link.id == link.id).values(digest=digest("a token of their own")))
    assert use(identity, "a token of their own") is None


def test_the_token_is_in_no_table_event_or_trail(identity, anna):
    link = identity.link(anna)
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        row = session.scalars(select(Link)).one()
        stored = str([getattr(row, column.key) for column in Link.__table__.columns])
    assert link.token not in stored + str(identity.running.events()) + str(identity.trail())


def test_the_notifier_gets_the_same_token_each_time_and_what_the_mail_says(identity, anna):
    with time_machine.travel(NOW, tick=False):
        link = identity.link(anna)
        answers = [as_mailed(identity, link) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert answers[0].json == {
        "token": link.token,
        "purpose": "reset",
        "email": "anna@nordic-heating.example",
        "name": "Anna",
        "expiresAt": "2026-04-01T13:00:00Z",
    }
    assert answers[0].headers["Cache-Control"] == "no-store"


def test_the_notifier_gets_nothing_once_a_link_is_used_replaced_or_over(identity, tenant, anna):
    used, replaced = identity.link(anna, "invitation"), identity.link(anna)
    use(identity, used.token, "invitation")
    over = identity.link(anna, now=datetime.now(UTC) - timedelta(hours=1))
    for link in (used, replaced, over):
        is_problem(as_mailed(identity, link), 404, "not_found")
    left = identity.link(anna)
    identity.user(tenant, "bo@nordic-heating.example")
    identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}")
    is_problem(as_mailed(identity, left), 404, "not_found")
    notifier = identity.running.client(Principal.system("notifier"), sender="notifier")
    is_problem(notifier.get(f"/internal/links/{uuid4()}"), 404, "not_found")


def test_links_are_cleared_away_a_day_after_their_end(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        identity.link(anna)
        clock.shift(timedelta(hours=25))
        with acting_as(Principal.system("identity")):
            tasks.trim(identity.running.runtime)
            assert identity.rows()["links"] == 1
            clock.shift(1)
            tasks.trim(identity.running.runtime)
        assert identity.rows()["links"] == 0
