"""Tiers, benefits and who holds which tier (S0-42 to S0-54, D6, D8, D16)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.prm.conftest import GOLD, GROUPS, MY_TIERS, RELATIONSHIPS, TIERS, refused


def test_the_tier_of_the_document(world, anna):
    """S0-42, S0-43."""
    answer = world.post(anna, TIERS, GOLD)
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    assert answer.json == {"id": answer.json["id"]} | GOLD | {"assignmentCount": 0}
    assert list(answer.json) == ["id", "name", "description", "sortOrder", "benefits", "assignmentCount"]
    read = world.get(anna, f"{TIERS}/{answer.json['id']}")
    assert read.json == answer.json
    assert read.json["benefits"] == GOLD["benefits"]
    assert world.get(anna, TIERS).json["items"] == [answer.json]


def test_only_the_name_is_required(world, anna):
    """S0-42."""
    tier = world.post(anna, TIERS, {"name": "  Any name works: Ærlig 🏅  "}).json
    assert tier["name"] == "Any name works: Ærlig 🏅"
    assert (tier["description"], tier["sortOrder"], tier["benefits"]) == (None, 0, [])
    assert world.post(anna, TIERS, {"name": tier["name"], "description": None}).status_code == 201  # names may repeat


def test_tiers_come_lower_sort_order_first_then_by_name(world, anna):
    """S0-42, S0-47."""
    for name, order in (("Silver", 1), ("Bronze", 2), ("Gold", 0), ("Basic", 2), ("Platinum", -1)):
        world.tier(anna, name, sortOrder=order)
    names = [tier["name"] for tier in world.get(anna, TIERS).json["items"]]
    assert names == ["Platinum", "Gold", "Silver", "Basic", "Bronze"]


def test_put_replaces_everything(world, anna):
    """S0-45."""
    made = world.post(anna, TIERS, GOLD)
    address = f"{TIERS}/{made.json['id']}"
    new = {"name": "Gold+", "sortOrder": 3, "benefits": ["Volume rebate", GOLD["benefits"][0]]}
    answer = world.put(anna, address, new)
    assert answer.status_code == 200
    assert answer.json == {"id": made.json["id"], "description": None, "assignmentCount": 0} | new
    assert answer.headers["ETag"] == '"2"'
    read = world.get(anna, address)
    assert read.json == answer.json
    assert read.headers["ETag"] == '"2"'


def test_put_with_an_empty_list_leaves_no_benefits(world, anna):
    """S0-46."""
    tier_id = world.tier(anna, **GOLD)
    for body in (GOLD | {"benefits": []}, {"name": "Gold"}):
        assert world.put(anna, f"{TIERS}/{tier_id}", body).json["benefits"] == []


def test_an_eleventh_tier_is_refused_and_deleting_frees_a_slot(world, anna):
    """S0-44, S0-48: made with POST, deleted with DELETE."""
    ids = [world.tier(anna, f"T{number}") for number in range(10)]
    before = world.everything()
    refused(world.post(anna, TIERS, {"name": "T11"}), 409, "tier_limit_reached")
    assert world.everything() == before
    assert world.post(world.supplier("Other"), TIERS, {"name": "T1"}).status_code == 201
    assert world.delete(anna, f"{TIERS}/{ids[0]}").status_code == 204
    assert world.post(anna, TIERS, {"name": "T11"}).status_code == 201
    refused(world.post(anna, TIERS, {"name": "T12"}), 409, "tier_limit_reached")


def test_the_limit_holds_when_many_are_made_at_once(world, anna):
    """S0-44."""
    for number in range(7):
        world.tier(anna, f"T{number}")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: world.post(anna, TIERS, {"name": f"N{number}"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    assert world.get(anna, TIERS).json["totalItems"] == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \t\n"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"description": 7}, "description"),
        ({"description": "x" * 5001}, "description"),
        ({"sortOrder": None}, "sortOrder"),
        ({"sortOrder": 1.5}, "sortOrder"),
        ({"sortOrder": True}, "sortOrder"),
        ({"sortOrder": "first"}, "sortOrder"),
        ({"sortOrder": 2**31}, "sortOrder"),
        ({"benefits": None}, "benefits"),
        ({"benefits": "Volume rebate"}, "benefits"),
        ({"benefits": ["fine", " "]}, "benefits.1"),
        ({"benefits": ["x" * 301]}, "benefits.0"),
        ({"benefits": [None]}, "benefits.0"),
        ({"benefits": [{"text": "x"}]}, "benefits.0"),
        ({"benefits": ["x"] * 101}, "benefits"),
        ({"assignment_count": 3}, "assignment_count"),
        ({"sort_order": 1}, "sort_order"),
    ],
)
def test_bad_tiers_are_refused_and_write_nothing(world, anna, change, field):
    tier_id = world.tier(anna)
    before = world.everything()
    refused(world.post(anna, TIERS, GOLD | change), 422, "validation_failed", field)
    refused(world.put(anna, f"{TIERS}/{tier_id}", GOLD | change), 422, "validation_failed", field)
    assert world.everything() == before


def test_a_tier_can_be_sent_back_as_its_own_change(world, anna):
    """D65."""
    tier = world.post(anna, TIERS, GOLD | {"description": "Two\r\nlines"}).json
    address = f"{TIERS}/{tier['id']}"
    assert world.put(anna, address, tier | {"assignmentCount": 9, "id": "x"}).json == tier
    refused(world.put(anna, address, tier | {"version": 1}), 422, "validation_failed", "version")
    refused(world.post(anna, TIERS, tier), 422, "validation_failed", "id", "assignmentCount")


UNFIT = [
    *[("name", sign) for sign in "\r\n\t\x1b\x85\u2028\u202e\u2066"],
    *[("description", sign) for sign in "\x1b\x7f\x85\u2028\u202e\u2066"],
    *[("benefits", sign) for sign in "\r\n\x1b\u202e"],
]


def test_controls_and_overrides_are_refused(world, anna):
    """D62."""
    before = world.everything()
    for field, sign in UNFIT:
        value = [f"a{sign}b"] if field == "benefits" else f"a{sign}b"
        refused(world.post(anna, TIERS, GOLD | {field: value}), 422, "validation_failed")
    refused(world.post(anna, GROUPS, {"name": "a\u202eb", "retailerIds": []}), 422, "validation_failed", "name")
    assert world.everything() == before


def test_a_nul_is_refused(world, anna):
    answer = world.prm.client(anna).post(TIERS, data=b'{"name": "Go\\u0000ld"}', content_type="application/json")
    refused(answer, 400, "malformed")


@pytest.mark.parametrize("query", ["page=0", "page=-1", "pageSize=0", "pageSize=201", "page=x", "sort=name"])
def test_absurd_pages_are_refused(world, anna, rolf, query):
    tier_id = world.tier(anna)
    for person, path in ((anna, TIERS), (anna, f"{TIERS}/{tier_id}/assignments"), (rolf, MY_TIERS)):
        refused(world.get(person, f"{path}?{query}"), 422, "validation_failed")


def test_a_page_beyond_the_last_is_empty(world, anna):
    world.tier(anna)
    page = world.get(anna, f"{TIERS}?page=1000000").json
    assert (page["items"], page["totalItems"]) == ([], 1)


def test_assign_list_and_unassign(world, anna):
    """S0-49."""
    retailers = [world.partner(anna, name) for name in ("Fjord Retail", "Bergen Bygg")]
    tier_id = world.tier(anna)
    for retailer in retailers:
        answer = world.assign(anna, tier_id, retailer)
        assert answer.status_code == 200
        assert answer.json == {
            "retailerId": str(retailer.tenant_id),
            "retailerName": world.identity[retailer.tenant_id]["name"],
            "assignedAt": answer.json["assignedAt"],
            "tierId": tier_id,
        }
    listed = world.get(anna, f"{TIERS}/{tier_id}/assignments").json
    assert [item["retailerName"] for item in listed["items"]] == ["Bergen Bygg", "Fjord Retail"]
    assert list(listed["items"][0]) == ["retailerId", "retailerName", "assignedAt"]
    assert listed["totalItems"] == 2
    assert world.get(anna, TIERS).json["items"][0]["assignmentCount"] == 2

    address = f"{TIERS}/{tier_id}/assign/{retailers[0].tenant_id}"
    answer = world.delete(anna, address)
    assert (answer.status_code, answer.data) == (204, b"")
    assert world.get(anna, f"{TIERS}/{tier_id}").json["assignmentCount"] == 1
    refused(world.delete(anna, address), 404, "not_found")


def test_assigning_needs_an_existing_relationship(world, anna, rolf, nobody):
    """S0-50, D10."""
    tier_id = world.tier(anna)
    body = {"retailerId": str(rolf.tenant_id)}
    relationship_id = world.invited(anna, rolf)

    def is_refused(body=body):
        before = world.everything()
        answer = world.post(anna, f"{TIERS}/{tier_id}/assign", body)
        refused(answer, 422, "no_relationship", "retailerId")
        assert world.everything() == before

    is_refused({"retailerId": str(nobody)})
    is_refused({"retailerId": str(anna.tenant_id)})
    is_refused()  # Invited
    world.step(rolf, relationship_id, "accept")
    world.related(world.supplier("Other"), world.retailer("Theirs"))
    world.step(anna, relationship_id, "pause")
    assert world.assign(anna, tier_id, rolf).status_code == 200  # Paused exists
    world.step(anna, relationship_id, "end")
    is_refused()
    world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})
    is_refused()  # Pending


@pytest.mark.parametrize(
    "body", [{}, {"retailerId": None}, {"retailerId": "8f3c"}, {"retailerId": 1}, {"retailer": "x"}]
)
def test_bad_assignments_are_refused(world, anna, body):
    tier_id = world.tier(anna)
    before = world.everything()
    refused(world.post(anna, f"{TIERS}/{tier_id}/assign", body), 422, "validation_failed")
    assert world.everything() == before


def test_a_retailer_is_moved_between_tiers(world, anna):
    """S0-51."""
    rolf = world.partner(anna)
    gold, silver = world.tier(anna, "Gold"), world.tier(anna, "Silver")
    world.assign(anna, gold, rolf)
    tags = {tier: world.get(anna, f"{TIERS}/{tier}").headers["ETag"] for tier in (gold, silver)}
    assert world.assign(anna, silver, rolf).json["tierId"] == silver

    counts = {tier["id"]: tier["assignmentCount"] for tier in world.get(anna, TIERS).json["items"]}
    assert counts == {gold: 0, silver: 1}
    assert world.get(anna, f"{TIERS}/{gold}/assignments").json["totalItems"] == 0
    for tier, tag in tags.items():  # the version follows the count
        assert world.get(anna, f"{TIERS}/{tier}").headers["ETag"] != tag
        refused(world.put(anna, f"{TIERS}/{tier}", GOLD, headers={"If-Match": tag}), 412, "stale_version")
    refused(world.delete(anna, f"{TIERS}/{gold}/assign/{rolf.tenant_id}"), 404, "not_found")

    assigned = world.prm.events("prm.TierAssigned.v1")
    assert [event["subject"] for event in assigned] == [gold, silver]
    assert assigned[1]["data"] == {
        "tierId": silver,
        "tierName": "Silver",
        "supplierId": str(anna.tenant_id),
        "supplierName": "Nordic Heating",
        "retailerId": str(rolf.tenant_id),
        "retailerName": "Fjord Retail",
        "previousTierId": gold,
        "previousTierName": "Gold",
    }
    assert assigned[0]["data"]["previousTierId"] is None
    assert assigned[1]["tenantids"] == f"{anna.tenant_id},{rolf.tenant_id}"
    assert world.prm.events("prm.TierUnassigned.v1") == []
    row = world.trail(anna)[0]
    assert (row["action"], row["targetId"]) == ("tier.assigned", silver)
    assert row["changes"] == {"retailerId": [None, str(rolf.tenant_id)], "heldTierId": [gold, silver]}


def test_the_same_tier_again_changes_nothing(world, anna):
    """S0-52."""
    rolf, tier_id = world.partner(anna), world.tier(anna)
    first = world.assign(anna, tier_id, rolf)
    before = world.everything()
    again = world.assign(anna, tier_id, rolf)
    assert (again.status_code, again.json) == (200, first.json)
    assert world.everything() == before


def test_one_tier_a_retailer_also_when_many_assign_at_once(world, anna):
    """S0-51."""
    rolf = world.partner(anna)
    tiers = [world.tier(anna, f"T{number}") for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: world.assign(anna, tiers[number % 4], rolf), range(12)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(tier["assignmentCount"] for tier in world.get(anna, TIERS).json["items"]) == 1
    my_tiers = world.get(rolf, MY_TIERS).json["items"]
    assert len(my_tiers) == 1
    last = world.prm.events("prm.TierAssigned.v1")
    assert last[-1]["subject"] == my_tiers[0]["tierId"]
    for tier in tiers:
        sequences = [event["sequence"] for event in world.prm.events() if event["subject"] == tier]
        assert sequences == list(range(1, len(sequences) + 1))


def test_assigning_and_ending_at_once_leaves_no_orphan(world, anna):
    """S0-50."""
    tier_id = world.tier(anna)
    for number in range(4):
        rolf = world.retailer(f"R{number}")
        relationship_id = world.related(anna, rolf)
        with ThreadPoolExecutor(2) as pool:
            assigning = pool.submit(world.assign, anna, tier_id, rolf)
            ending = pool.submit(world.step, anna, relationship_id, "end")
        assert ending.result().status_code == 200
        assert assigning.result().status_code in (200, 422)
    assert world.get(anna, f"{TIERS}/{tier_id}").json["assignmentCount"] == 0


def test_my_tiers_of_all_suppliers(world, anna):
    """S0-53, S0-54."""
    rolf = world.partner(anna)
    berit = world.supplier("Arctic Tools")
    world.related(berit, rolf)
    gold = world.tier(anna, **GOLD)
    star = world.tier(berit, "Star", benefits=["b", "a"])
    world.tier(berit, "Not held")
    world.assign(anna, gold, rolf)
    world.assign(berit, star, rolf)
    mine = world.get(rolf, MY_TIERS).json
    assert mine.pop("items") == [
        {
            "tierId": star,
            "tierName": "Star",
            "description": None,
            "supplierId": str(berit.tenant_id),
            "supplierName": "Arctic Tools",
            "benefits": ["b", "a"],
        },
        {
            "tierId": gold,
            "tierName": "Gold",
            "description": GOLD["description"],
            "supplierId": str(anna.tenant_id),
            "supplierName": "Nordic Heating",
            "benefits": GOLD["benefits"],
        },
    ]
    assert mine == {"page": 1, "pageSize": 20, "totalItems": 2, "totalPages": 1}
    assert world.get(world.partner(anna, "Bergen Bygg"), MY_TIERS).json["items"] == []


def test_a_rename_of_the_supplier_shows_in_my_tiers(world, anna):
    rolf = world.partner(anna)
    world.assign(anna, world.tier(anna), rolf)
    world.hear(anna, "Nordic Warmth", sequence=2)
    world.hear(rolf, "Fjord & Co", sequence=2)
    assert world.get(rolf, MY_TIERS).json["items"][0]["supplierName"] == "Nordic Warmth"
    tier_id = world.get(anna, TIERS).json["items"][0]["id"]
    assert world.get(anna, f"{TIERS}/{tier_id}/assignments").json["items"][0]["retailerName"] == "Fjord & Co"


def test_lists_take_the_same_few_statements_however_long(world, anna):
    def statements(person, path):
        with world.statements() as sent:
            assert world.get(person, path).status_code == 200
        return len(sent)

    rolf = world.partner(anna)
    world.assign(anna, world.tier(anna), rolf)
    paths = ((anna, TIERS), (rolf, MY_TIERS), (anna, RELATIONSHIPS))
    few = [statements(*path) for path in paths]
    for number in range(4):
        supplier = world.supplier(f"S{number}")
        world.related(supplier, rolf)
        world.assign(supplier, world.tier(supplier), rolf)
        world.assign(anna, world.tier(anna, f"T{number}"), world.partner(anna, f"R{number}"))
    assert [statements(*path) for path in paths] == few
    assert max(few) <= 3


def test_deleting_a_tier_removes_its_assignments(world, anna):
    """D16."""
    retailers = sorted((world.partner(anna, f"R{number}") for number in range(3)), key=lambda r: str(r.tenant_id))
    tier_id = world.post(anna, TIERS, GOLD).json["id"]
    for retailer in retailers:
        world.assign(anna, tier_id, retailer)
    assert world.delete(anna, f"{TIERS}/{tier_id}").status_code == 204
    refused(world.get(anna, f"{TIERS}/{tier_id}"), 404, "not_found")
    assert all(world.get(retailer, MY_TIERS).json["items"] == [] for retailer in retailers)

    events = [event for event in world.prm.events() if event["subject"] == tier_id][4:]
    assert [event["type"] for event in events] == ["prm.TierUnassigned.v1"] * 3 + ["prm.TierDeleted.v1"]
    assert [event["sequence"] for event in events] == [5, 6, 7, 8]
    assert [event["tenantids"] for event in events] == [
        *(f"{anna.tenant_id},{retailer.tenant_id}" for retailer in retailers),
        str(anna.tenant_id),
    ]
    assert events[0]["data"] == {
        "tierId": tier_id,
        "tierName": "Gold",
        "supplierId": str(anna.tenant_id),
        "supplierName": "Nordic Heating",
        "retailerId": str(retailers[0].tenant_id),
        "retailerName": world.identity[retailers[0].tenant_id]["name"],
    }
    row = world.trail(anna)[0]
    assert row["action"] == "tier.deleted"
    assert row["changes"]["benefits"] == [GOLD["benefits"], None]
    assert row["changes"]["assignmentCount"] == [3, None]
    assert world.assign(anna, world.tier(anna, "New"), retailers[0]).status_code == 200


def test_ending_a_relationship_takes_the_tier_away(world, anna, rolf):
    relationship_id, tier_id = world.related(anna, rolf), world.tier(anna)
    world.assign(anna, tier_id, rolf)
    tag = world.get(anna, f"{TIERS}/{tier_id}").headers["ETag"]
    world.step(anna, relationship_id, "end")
    tier = world.get(anna, f"{TIERS}/{tier_id}")
    assert tier.json["assignmentCount"] == 0
    assert tier.headers["ETag"] != tag
    assert world.get(rolf, MY_TIERS).json["items"] == []
    assert [event["type"] for event in world.prm.events()][-2:] == ["prm.RelationshipEnded.v1", "prm.TierUnassigned.v1"]
    assert [row["action"] for row in world.trail(anna)[:2]] == ["tier.unassigned", "relationship.ended"]


def test_pausing_keeps_the_tier(world, anna, rolf):
    relationship_id, tier_id = world.related(anna, rolf), world.tier(anna)
    world.assign(anna, tier_id, rolf)
    world.step(anna, relationship_id, "pause")
    assert len(world.get(rolf, MY_TIERS).json["items"]) == 1


def test_events_and_audit_of_a_tiers_life(world, anna):
    """D8."""
    rolf = world.partner(anna)
    tier_id = world.post(anna, TIERS, GOLD).json["id"]
    world.put(anna, f"{TIERS}/{tier_id}", GOLD | {"name": "Gold+", "benefits": ["One"]})
    world.assign(anna, tier_id, rolf)
    world.delete(anna, f"{TIERS}/{tier_id}/assign/{rolf.tenant_id}")
    events = [event for event in world.prm.events() if event["subject"] == tier_id]
    assert [event["type"] for event in events] == [
        f"prm.Tier{name}.v1" for name in ("Created", "Replaced", "Assigned", "Unassigned")
    ]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert events[0]["tenantids"] == str(anna.tenant_id)
    assert events[1]["data"] == {
        "tierId": tier_id,
        "tierName": "Gold+",
        "supplierId": str(anna.tenant_id),
        "supplierName": "Nordic Heating",
        "description": GOLD["description"],
        "sortOrder": 0,
        "benefits": ["One"],
    }
    rows = world.get(anna, f"/api/v1/prm/audit?targetId={tier_id}").json["items"][::-1]
    assert [row["action"] for row in rows] == ["tier.created", "tier.replaced", "tier.assigned", "tier.unassigned"]
    assert rows[0]["changes"]["name"] == [None, "Gold"]
    assert rows[1]["changes"] == {"name": ["Gold", "Gold+"], "benefits": [GOLD["benefits"], ["One"]]}
    assert rows[1]["actorId"] == str(anna.user_id)
    assert rows[3]["changes"] == {"retailerId": [str(rolf.tenant_id), None]}


def test_if_match(world, anna):
    """D6."""
    tier_id = world.tier(anna)
    address = f"{TIERS}/{tier_id}"
    before = world.everything()
    refused(world.put(anna, address, GOLD, headers={"If-Match": '"9"'}), 412, "stale_version")
    refused(world.delete(anna, address, headers={"If-Match": '"9"'}), 412, "stale_version")
    assert world.everything() == before
    tag = world.put(anna, address, GOLD, headers={"If-Match": '"1"'}).headers["ETag"]
    assert world.delete(anna, address, headers={"If-Match": tag}).status_code == 204


def test_of_racing_writers_one_wins(world, anna):
    """D6."""
    tier_id = world.tier(anna)

    def write(number):
        return world.put(anna, f"{TIERS}/{tier_id}", {"name": f"N{number}"}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(write, range(8)))
    assert statuses == [200] + [412] * 7


def test_a_tier_made_with_a_key_is_made_once(world, anna):
    """D7."""
    key = {"Idempotency-Key": "tier-1"}
    answers = [world.post(anna, TIERS, GOLD, headers=key) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert world.get(anna, TIERS).json["totalItems"] == 1
