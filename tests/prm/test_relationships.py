"""Relationships: who asks, who answers, what follows (http-contract, D8, D10, D15)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from contracts.roles import Role
from tests.plugin import principal, sample_event
from tests.prm.conftest import RELATIONSHIPS, refused

STATUSES = ("Invited", "Pending", "Active", "Paused", "Inactive")
WAYS = {
    "Invited": (),
    "Active": (("retailer", "accept"),),
    "Paused": (("retailer", "accept"), ("supplier", "pause")),
    "Inactive": (("retailer", "decline"),),
}


def relationship_in(world, status, supplier, retailer):
    """A relationship brought to ``status``, and its id."""
    if status == "Pending":
        return world.post(retailer, RELATIONSHIPS, {"supplierId": str(supplier.tenant_id)}).json["id"]
    relationship_id = world.invited(supplier, retailer)
    for side, step in WAYS[status]:
        assert world.step({"supplier": supplier, "retailer": retailer}[side], relationship_id, step).status_code == 200
    return relationship_id


def test_a_supplier_invites_a_retailer_which_accepts(world, anna, rolf):
    answer = world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)})
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    invited = answer.json
    assert list(invited) == [
        "id",
        "supplierId",
        "supplierName",
        "retailerId",
        "retailerName",
        "status",
        "createdAt",
        "updatedAt",
    ]
    assert (invited["supplierName"], invited["retailerName"]) == ("Nordic Heating", "Fjord Retail")
    assert invited["status"] == "Invited"
    assert invited["createdAt"].endswith("Z")

    accepted = world.step(rolf, invited["id"], "accept")
    assert accepted.status_code == 200
    assert accepted.headers["ETag"] == '"2"'
    assert accepted.json == invited | {"status": "Active", "updatedAt": accepted.json["updatedAt"]}
    for side in (anna, rolf):
        read = world.get(side, f"{RELATIONSHIPS}/{invited['id']}")
        assert read.json == accepted.json
        assert read.headers["ETag"] == '"2"'
        assert world.get(side, RELATIONSHIPS).json["items"] == [accepted.json]


def test_a_retailer_asks_a_supplier_which_accepts(world, anna, rolf):
    request = world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})
    assert request.status_code == 201
    assert request.json["status"] == "Pending"
    refused(world.step(rolf, request.json["id"], "accept"), 403, "forbidden")
    assert world.step(anna, request.json["id"], "accept").json["status"] == "Active"


def test_events_and_audit_tell_of_every_step(world, anna, rolf):
    """D8."""
    relationship_id = world.invited(anna, rolf)
    for person, step in ((rolf, "accept"), (anna, "pause"), (anna, "resume"), (anna, "end")):
        world.step(person, relationship_id, step)
    world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})
    world.step(anna, relationship_id, "decline")

    events = world.prm.events()
    names = ("Invited", "Accepted", "Paused", "Resumed", "Ended", "Requested", "Declined")
    assert [event["type"] for event in events] == [f"prm.Relationship{name}.v1" for name in names]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert {event["subject"] for event in events} == {relationship_id}
    assert {event["tenantids"] for event in events} == {f"{anna.tenant_id},{rolf.tenant_id}"}
    assert events[1]["actorid"] == str(rolf.user_id)
    assert events[1]["data"] == {
        "relationshipId": relationship_id,
        "supplierId": str(anna.tenant_id),
        "supplierName": "Nordic Heating",
        "retailerId": str(rolf.tenant_id),
        "retailerName": "Fjord Retail",
        "status": "Active",
    }
    assert [event["data"]["status"] for event in events][2:] == ["Paused", "Active", "Inactive", "Pending", "Inactive"]

    by_anna = world.trail(anna)[::-1]
    actions = ["invited", "paused", "resumed", "ended", "declined"]
    assert [row["action"] for row in by_anna] == [f"relationship.{action}" for action in actions]
    assert by_anna[0]["changes"]["status"] == [None, "Invited"]
    assert by_anna[1]["changes"] == {"status": ["Active", "Paused"]}
    assert by_anna[1]["actorName"] == anna.name
    assert by_anna[1]["targetId"] == relationship_id
    assert [row["changes"]["status"] for row in world.trail(rolf)[::-1]] == [
        ["Invited", "Active"],
        ["Inactive", "Pending"],
    ]


ALLOWED = {
    ("Invited", "retailer", "accept"): "Active",
    ("Invited", "retailer", "decline"): "Inactive",
    ("Invited", "supplier", "end"): "Inactive",
    ("Pending", "supplier", "accept"): "Active",
    ("Pending", "supplier", "decline"): "Inactive",
    ("Pending", "supplier", "end"): "Inactive",
    ("Active", "supplier", "pause"): "Paused",
    ("Active", "supplier", "end"): "Inactive",
    ("Paused", "supplier", "resume"): "Active",
    ("Paused", "supplier", "end"): "Inactive",
}
STEPS = ("accept", "decline", "pause", "resume", "end")


@pytest.mark.parametrize("status", STATUSES)
def test_only_legal_steps_by_the_right_side(world, status, anna, rolf):
    """D10."""
    people = {"supplier": anna, "retailer": rolf}
    relationship_id = relationship_in(world, status, anna, rolf)
    before = world.everything()
    for side, person in people.items():
        for step in STEPS:
            if (status, side, step) in ALLOWED:
                continue
            answer = world.step(person, relationship_id, step)
            wrong_side = side == "retailer" and step in ("pause", "resume", "end")
            answers_itself = status in ("Invited", "Pending") and step in ("accept", "decline")
            if wrong_side or answers_itself:
                refused(answer, 403, "forbidden")
            else:
                refused(answer, 409, "invalid_transition")
    assert world.everything() == before
    for (origin, side, step), target in ALLOWED.items():
        if origin == status:
            supplier, retailer = world.supplier(f"S {step}"), world.retailer(f"R {step}")
            fresh = relationship_in(world, status, supplier, retailer)
            answer = world.step({"supplier": supplier, "retailer": retailer}[side], fresh, step)
            assert answer.json["status"] == target


def test_one_row_a_pair_and_only_an_ended_one_begins_again(world, anna, rolf):
    first = world.invited(anna, rolf)
    for step in ("accept", "pause"):
        refused(world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)}), 409, "relationship_exists")
        refused(world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)}), 409, "relationship_exists")
        world.step(rolf if step == "accept" else anna, first, step)
    refused(world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)}), 409, "relationship_exists")
    world.step(anna, first, "end")
    again = world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)})
    assert again.status_code == 201
    assert (again.json["id"], again.json["status"]) == (first, "Invited")
    world.step(rolf, first, "decline")
    request = world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)}).json
    assert (request["id"], request["status"]) == (first, "Pending")
    assert world.get(anna, RELATIONSHIPS).json["totalItems"] == 1


def test_many_invite_at_once_and_one_wins(world, anna, rolf):
    def begin(number):
        if number % 2:
            return world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)})
        return world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(begin, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {a.json["code"] for a in answers if a.status_code == 409} == {"relationship_exists"}
    assert len(world.prm.events()) == 1


def test_the_list_is_filtered_by_status_and_paged(world, anna):
    retailers = [world.retailer(f"R{number}") for number in range(3)]
    ids = [world.invited(anna, retailer) for retailer in retailers]
    world.step(retailers[0], ids[0], "accept")
    assert [row["id"] for row in world.get(anna, RELATIONSHIPS).json["items"]] == ids[::-1]
    assert [row["id"] for row in world.get(anna, f"{RELATIONSHIPS}?status=Active").json["items"]] == ids[:1]
    assert world.get(anna, f"{RELATIONSHIPS}?status=Paused").json["totalItems"] == 0
    second = world.get(anna, f"{RELATIONSHIPS}?page=2&pageSize=2").json
    assert [row["id"] for row in second.pop("items")] == ids[:1]
    assert second == {"page": 2, "pageSize": 2, "totalItems": 3, "totalPages": 2}


@pytest.mark.parametrize(
    "query", ["status=active", "status=", "status=Gone", "page=0", "pageSize=201", f"page={10**20}", "kind=x"]
)
def test_bad_lists_are_refused(world, anna, query):
    refused(world.get(anna, f"{RELATIONSHIPS}?{query}"), 422, "validation_failed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "retailerId"),
        ({"retailerId": None}, "retailerId"),
        ({"retailerId": "8f3c"}, "retailerId"),
        ({"retailerId": 7}, "retailerId"),
        ({"retailerId": ["8f3c"]}, "retailerId"),
        ({"supplierId": "0190b5a5-0000-7000-8000-000000000000"}, "supplierId"),
        ({"retailerId": "0190b5a5-0000-7000-8000-000000000000", "status": "Active"}, "status"),
    ],
)
def test_bad_invitations_are_refused_and_write_nothing(world, anna, body, field):
    before = world.everything()
    refused(world.post(anna, RELATIONSHIPS, body), 422, "validation_failed", field)
    assert world.everything() == before


def test_a_nul_is_refused(world, anna):
    answer = world.prm.client(anna).post(
        RELATIONSHIPS, data=b'{"retailerId": "a\\u0000"}', content_type="application/json"
    )
    refused(answer, 400, "malformed")


def test_whom_there_is_not_cannot_be_invited(world, anna, rolf, nobody):
    before = world.everything()
    other_supplier = world.supplier("Other", known=False)
    for stranger in (nobody, anna.tenant_id, other_supplier.tenant_id):
        problem = refused(
            world.post(anna, RELATIONSHIPS, {"retailerId": str(stranger)}), 422, "validation_failed", "retailerId"
        )
        assert problem["detail"] == "There is no such retailer."
    refused(world.post(rolf, RELATIONSHIPS, {"supplierId": str(nobody)}), 422, "validation_failed", "supplierId")
    refused(world.post(rolf, RELATIONSHIPS, {"supplierId": str(rolf.tenant_id)}), 422, "validation_failed")
    refused(
        world.post(rolf, RELATIONSHIPS, {"retailerId": str(anna.tenant_id)}), 422, "validation_failed", "retailerId"
    )
    assert world.everything() == before


def test_a_retailer_not_heard_of_is_asked_of_identity(world):
    anna, maja = world.supplier("Nordic Heating", known=False), world.retailer("Unheard", known=False)
    answer = world.post(anna, RELATIONSHIPS, {"retailerId": str(maja.tenant_id)})
    assert answer.status_code == 201
    assert (answer.json["supplierName"], answer.json["retailerName"]) == ("Nordic Heating", "Unheard")
    world.hear(maja, "Heard", sequence=1)  # any event is newer than the answer
    assert world.get(maja, RELATIONSHIPS).json["items"][0]["retailerName"] == "Heard"


def test_while_identity_is_away_known_retailers_go_on_working(world, anna, rolf, nobody):
    world.prm.disconnect("identity")
    before = world.everything()
    away = world.post(anna, RELATIONSHIPS, {"retailerId": str(nobody)})
    refused(away, 503, "upstream_unavailable")
    assert away.headers["Retry-After"]
    assert world.everything() == before
    assert world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)}).status_code == 201


def test_a_rename_shows_everywhere_and_only_the_newest_counts(world, anna, rolf):
    relationship_id = world.related(anna, rolf)
    address = f"{RELATIONSHIPS}/{relationship_id}"
    before = world.get(anna, address)
    world.hear(rolf, "Fjord & Co", sequence=3)
    after = world.get(anna, address)
    assert after.json == before.json | {"retailerName": "Fjord & Co"}
    assert after.headers["ETag"] != before.headers["ETag"]
    world.hear(rolf, "Fjord Old", sequence=2)
    assert world.get(anna, address).json == after.json
    assert world.get(anna, address).headers["ETag"] == after.headers["ETag"]
    world.hear(anna, "Nordic Warmth", sequence=2, version="v1")  # it may still be under way
    assert world.get(rolf, RELATIONSHIPS).json["items"][0]["supplierName"] == "Nordic Warmth"
    assert world.step(anna, relationship_id, "pause").json["retailerName"] == "Fjord & Co"
    assert world.prm.retry_rows() == []


def test_a_tenant_event_that_does_not_fit_is_put_aside(world):
    world.prm.deliver(sample_event("identity.TenantCreated.v1", {"tenantId": "x", "name": "X", "kind": "Retailer"}))
    assert [row.state for row in world.prm.retry_rows()] == ["dead"]


def test_if_match(world, anna, rolf):
    """D6."""
    relationship_id = world.invited(anna, rolf)
    before = world.everything()
    for stale in ('"7"', 'W/"1"'):
        answer = world.step(rolf, relationship_id, "accept", headers={"If-Match": stale})
        refused(answer, 412, "stale_version")
    assert world.everything() == before
    assert world.step(rolf, relationship_id, "accept", headers={"If-Match": '"1"'}).status_code == 200
    assert world.step(anna, relationship_id, "pause", headers={"If-Match": "*"}).status_code == 200


def test_an_invitation_with_a_key_acts_once(world, anna, rolf):
    """D7."""
    other = world.retailer("Other")
    key = {"Idempotency-Key": "invite-1"}
    first = world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)}, headers=key)
    again = world.post(anna, RELATIONSHIPS, {"retailerId": str(rolf.tenant_id)}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert len(world.prm.events()) == 1
    clash = world.post(anna, RELATIONSHIPS, {"retailerId": str(other.tenant_id)}, headers=key)
    refused(clash, 422, "idempotency_key_reused")


def test_an_ended_relationship_keeps_the_page_of_both_sides(world, anna, rolf):
    relationship_id = world.related(anna, rolf)
    world.step(anna, relationship_id, "end")
    for side in (anna, rolf):
        assert world.get(side, RELATIONSHIPS).json["items"][0]["status"] == "Inactive"


def test_each_side_is_gated_by_its_own_flag(world, anna, rolf):
    """D15."""
    relationship_id = world.invited(anna, rolf)
    unflagged = principal(Role.RETAILER_ADMIN, tenant_id=rolf.tenant_id, features=frozenset({"campaigns"}))
    refused(world.step(unflagged, relationship_id, "accept"), 403, "feature_disabled")
    assert world.get(anna, RELATIONSHIPS).status_code == 200
    unflagged = principal(Role.SUPPLIER_ADMIN, tenant_id=anna.tenant_id, features=frozenset({"campaigns"}))
    refused(world.get(unflagged, RELATIONSHIPS), 403, "feature_disabled")
    assert world.step(rolf, relationship_id, "accept").status_code == 200
