"""Several people at once: one invite a retailer, one answer an invite, and counts that equal the invites."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from contracts.roles import Role
from services.campaigns.models import Invite
from tests.campaigns.helpers import ANNA, ROLF, counts, draft, ids_of, invite_of, rows, sent, stored
from tests.plugin import principal

CROWD = [principal(Role.RETAILER_ADMIN, tenant_name=f"Shop {number}") for number in range(24)]


@pytest.fixture
def crowd(partners):
    partners.relate(ANNA, *CROWD)
    return partners.prm


def at_once(*works):
    """Run all works in threads that start together; their results in order."""
    barrier = Barrier(len(works))

    def start(work):
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))


def send(campaigns, prm, address, people):
    """A piece of work: Anna sends; each thread has an outbound session of its own."""

    def work():
        campaigns.connect("prm", prm)
        return campaigns.client(ANNA).post(f"{address}/send", json={"retailerIds": ids_of(*people)})

    return work


def answer(campaigns, person, address, response):
    return lambda: campaigns.client(person).post(f"{address}/respond", json={"response": response})


def assert_counts_equal_invites(anna, address, campaigns):
    by_status = Counter(invite.status for invite in stored(campaigns, Invite))
    assert counts(anna.get(address).json) == (
        by_status.total(),
        by_status["Accepted"],
        by_status["Declined"],
        by_status["Pending"],
    )


def test_sends_at_once_make_one_invite_a_retailer(campaigns, anna, crowd):
    """S0-33: overlapping sends of one draft share out the retailers; none is invited or told twice."""
    address = draft(anna)
    works = [send(campaigns, crowd, address, CROWD[start : start + 12]) for start in (0, 4, 8, 12)]
    answers = at_once(*works)
    assert [response.status_code for response in answers] == [200] * 4
    assert sum(response.json["invitesCreated"] for response in answers) == 24
    assert sum(response.json["alreadyInvited"] for response in answers) == 4 * 12 - 24
    assert Counter(invite.retailer_id for invite in stored(campaigns, Invite)) == Counter(
        response.tenant_id for response in CROWD
    )
    assert len(campaigns.events("campaigns.InviteCreated.v1")) == 24
    assert anna.get(address).json["status"] == "Sent"
    assert_counts_equal_invites(anna, address, campaigns)
    sequences = [event["sequence"] for event in campaigns.events() if event["subject"] == address.rpartition("/")[2]]
    assert sequences == list(range(1, len(sequences) + 1))


def test_one_of_several_answers_wins(campaigns, anna, rolf):
    """S0-39: the others are told that the invite is locked, and exactly one is counted."""
    address = sent(anna, ROLF)
    invite = invite_of(rolf)
    works = [answer(campaigns, ROLF, invite, response) for response in ("Accepted", "Declined") * 3]
    answers = at_once(*works)
    assert sorted(response.status_code for response in answers) == [200] + [409] * 5
    assert {response.json["code"] for response in answers if response.status_code == 409} == {"invite_locked"}
    [won] = [response.json["status"] for response in answers if response.status_code == 200]
    [event] = campaigns.events("campaigns.InviteResponded.v1")
    assert event["data"]["response"] == won == rolf.get(invite).json["status"]
    assert_counts_equal_invites(anna, address, campaigns)


def test_counts_hold_while_some_send_and_others_answer(campaigns, anna, crowd):
    """S0-34, S0-36: invites = accepted + declined + pending, whatever happens at the same time."""
    early, late = CROWD[:8], CROWD[8:]
    address = sent(anna, *early)
    responses = [
        answer(campaigns, person, invite_of(campaigns.client(person)), ("Accepted", "Declined")[number % 2])
        for number, person in enumerate(early)
    ]
    sends = [send(campaigns, crowd, address, people) for people in (late, CROWD, late[:4])]
    answers = at_once(*responses, *sends)
    assert [response.status_code for response in answers] == [200] * 11
    assert counts(anna.get(address).json) == (24, 4, 4, 16)
    assert_counts_equal_invites(anna, address, campaigns)


def test_an_advance_and_a_send_at_once_are_both_kept(campaigns, anna, crowd):
    """S0-32: whoever comes second, the label stands where it was moved and the invite exists."""
    address = sent(anna, CROWD[0])
    advance = lambda: campaigns.client(ANNA).post(f"{address}/status", json={"status": "ResponsesIn"})  # noqa: E731
    answers = at_once(advance, send(campaigns, crowd, address, CROWD))
    assert [response.status_code for response in answers] == [200, 200]
    detail = anna.get(address).json
    assert (detail["status"], detail["inviteCount"]) == ("ResponsesIn", 24)


def test_a_draft_that_is_sent_and_deleted_at_once_is_one_or_the_other(campaigns, anna, crowd):
    address = draft(anna)
    delete = lambda: campaigns.client(ANNA).delete(address)  # noqa: E731
    deleted, was_sent = at_once(delete, send(campaigns, crowd, address, CROWD))
    assert (deleted.status_code, was_sent.status_code) in ((204, 404), (409, 200))
    assert rows(campaigns)["invites"] == (24 if was_sent.status_code == 200 else 0)


def test_of_two_changes_of_one_version_one_wins(campaigns, anna):
    """D6."""
    address = draft(anna)
    body = {key: anna.get(address).json[key] for key in ("description", "participationAsk", "startDate", "endDate")}
    seen = {"If-Match": '"1"'}
    works = [
        lambda name=name: campaigns.client(ANNA).put(address, json=body | {"name": name}, headers=seen)
        for name in ("One", "Two", "Three")
    ]
    answers = at_once(*works)
    assert sorted(response.status_code for response in answers) == [200, 412, 412]
    [name] = [response.json["name"] for response in answers if response.status_code == 200]
    assert anna.get(address).json["name"] == name
