"""Groups of retailers (http-contract) and what they come to together with direct ids (S0-25, S0-26, D10, D11)."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from services.prm.models import Relationship, TenantName
from tests.prm.conftest import GROUPS, RELATIONSHIPS, refused

EXPAND = "/internal/network/expand"


def ids(*people):
    return [str(person.tenant_id) for person in people]


def relate_many(world, supplier, number):
    """Ids of many retailers with an active relationship, written straight into the tables."""
    made, now = [uuid4() for _ in range(number)], utcnow()
    with world.prm.database.engine.begin() as connection:
        names = [{"id": row, "name": f"Retailer {row}", "kind": "Retailer", "sequence": 1} for row in made]
        connection.execute(insert(TenantName.__table__), names)
        rows = [
            {
                "id": uuid7(),
                "supplier_id": supplier.tenant_id,
                "retailer_id": row,
                "status": "Active",
                "created_at": now,
                "updated_at": now,
                "event_sequence": 0,
                "version": 1,
            }
            for row in made
        ]
        connection.execute(insert(Relationship.__table__), rows)
    return [str(row) for row in made]


def test_a_group_is_made_read_listed_replaced_and_deleted(world, anna):
    fjord, bergen = world.partner(anna, "Fjord Retail"), world.partner(anna, "Bergen Bygg")
    answer = world.post(anna, GROUPS, {"name": " Coast ", "retailerIds": ids(fjord, bergen)})
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    group = answer.json
    assert group == {"id": group["id"], "name": "Coast", "retailerIds": ids(fjord, bergen), "retailerCount": 2}
    address = f"{GROUPS}/{group['id']}"
    assert world.get(anna, address).json == group
    assert world.get(anna, GROUPS).json["items"] == [group]

    replaced = world.put(anna, address, {"name": "Inland", "retailerIds": ids(bergen)})
    assert replaced.json == {"id": group["id"], "name": "Inland", "retailerIds": ids(bergen), "retailerCount": 1}
    assert replaced.headers["ETag"] == '"2"'
    assert world.get(anna, address).json == replaced.json
    again = world.put(anna, address, {"name": "Inland", "retailerIds": ids(fjord)})  # only the members differ
    assert again.headers["ETag"] == '"3"'

    assert world.delete(anna, address).status_code == 204
    refused(world.get(anna, address), 404, "not_found")
    assert world.get(anna, GROUPS).json["totalItems"] == 0

    rows = [row for row in world.trail(anna)[::-1] if row["targetType"] == "group"]
    assert [row["action"] for row in rows] == ["group.created", "group.replaced", "group.replaced", "group.deleted"]
    assert rows[0]["changes"]["retailerIds"] == [[], sorted(ids(fjord, bergen))]
    assert rows[1]["changes"] == {
        "name": ["Coast", "Inland"],
        "retailerCount": [2, 1],
        "retailerIds": [ids(fjord), []],
    }
    assert rows[3]["changes"] == {"name": ["Inland", None], "retailerCount": [1, None]}


def test_ids_that_repeat_count_once_and_the_order_stays(world, anna):
    people = [world.partner(anna, f"R{number}") for number in range(4)]
    order = ids(people[2], people[0], people[2], people[3], people[0], people[1])
    group = world.post(anna, GROUPS, {"name": "G", "retailerIds": order}).json
    assert group["retailerIds"] == ids(people[2], people[0], people[3], people[1])
    assert world.get(anna, f"{GROUPS}/{group['id']}").json == group


def test_an_empty_group_can_be_made(world, anna):
    assert world.post(anna, GROUPS, {"name": "Later", "retailerIds": []}).json["retailerIds"] == []


def test_any_relationship_will_do_for_a_group(world, anna, rolf):
    relationship_id = world.invited(anna, rolf)
    world.group(anna, "While invited", rolf)
    world.step(rolf, relationship_id, "decline")
    world.group(anna, "After declining", rolf)


def test_strangers_are_named_by_their_place_in_the_list(world, anna, rolf):
    world.invited(anna, rolf)
    theirs = world.partner(world.supplier("Other"), "Theirs")
    group_id = world.group(anna, "G", rolf)
    before = world.everything()
    strangers = [str(uuid4()) for _ in range(7)]
    listed = [str(rolf.tenant_id), str(theirs.tenant_id), str(rolf.tenant_id), *strangers]
    for answer in (
        world.post(anna, GROUPS, {"name": "New", "retailerIds": listed}),
        world.put(anna, f"{GROUPS}/{group_id}", {"name": "New", "retailerIds": listed}),
    ):
        problem = refused(answer, 422, "validation_failed")
        assert [error["field"] for error in problem["errors"]] == [f"retailerIds.{place}" for place in (1, 3, 4, 5, 6)]
    assert world.everything() == before


def test_names_are_unique_whatever_their_case(world, anna):
    world.group(anna, "Größe")
    other = world.group(anna, "Other")
    before = world.everything()
    refused(world.post(anna, GROUPS, {"name": "GRÖSSE", "retailerIds": []}), 409, "group_name_taken")
    refused(world.put(anna, f"{GROUPS}/{other}", {"name": "größe", "retailerIds": []}), 409, "group_name_taken")
    assert world.everything() == before
    assert world.put(anna, f"{GROUPS}/{other}", {"name": "OTHER", "retailerIds": []}).status_code == 200
    assert world.group(world.supplier("Other"), "Größe")


def test_names_are_unique_in_every_spelling(world, anna):
    """D62: composed or decomposed, in any alphabet."""
    for name in ("Café", "Москва"):
        world.group(anna, unicodedata.normalize("NFD", name))
        for other in (name, name.upper(), unicodedata.normalize("NFD", name.lower())):
            refused(world.post(anna, GROUPS, {"name": other, "retailerIds": []}), 409, "group_name_taken")
    shown = [item["name"] for item in world.get(anna, GROUPS).json["items"]]
    assert shown == ["Café", "Москва"]


def test_a_group_can_be_sent_back_as_its_own_change(world, anna, rolf):
    """D65."""
    world.related(anna, rolf)
    address = f"{GROUPS}/{world.group(anna, 'G', rolf)}"
    group = world.get(anna, address).json
    assert world.put(anna, address, group | {"retailerCount": 9, "id": "x"}).json == group
    refused(world.put(anna, address, group | {"version": 1}), 422, "validation_failed", "version")
    refused(world.post(anna, GROUPS, group), 422, "validation_failed", "id", "retailerCount")


def test_of_many_with_one_name_one_is_made(world, anna):
    def make(number):
        return world.post(anna, GROUPS, {"name": "Same" if number % 2 else "SAME", "retailerIds": []})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {a.json["code"] for a in answers if a.status_code == 409} == {"group_name_taken"}


def test_racing_replacements_leave_one_whole_list(world, anna):
    people = [world.partner(anna, f"R{number}") for number in range(4)]
    group_id = world.group(anna, "G")
    lists = [ids(*people[number:]) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda some: world.put(anna, f"{GROUPS}/{group_id}", {"name": "G", "retailerIds": some}), lists)
        )
    assert {answer.status_code for answer in answers} == {200}
    assert world.get(anna, f"{GROUPS}/{group_id}").json["retailerIds"] in lists


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": ["x"]}, "name"),
        ({"retailerIds": None}, "retailerIds"),
        ({"retailerIds": "all"}, "retailerIds"),
        ({"retailerIds": ["8f3c"]}, "retailerIds.0"),
        ({"retailerIds": [None]}, "retailerIds.0"),
        ({"retailerIds": [7]}, "retailerIds.0"),
        ({"members": []}, "members"),
        ({"retailer_count": 3}, "retailer_count"),
    ],
)
def test_bad_groups_are_refused_and_write_nothing(world, anna, change, field):
    group_id = world.group(anna, "G")
    before = world.everything()
    body = {"name": "New", "retailerIds": []} | change
    refused(world.post(anna, GROUPS, body), 422, "validation_failed", field)
    refused(world.put(anna, f"{GROUPS}/{group_id}", body), 422, "validation_failed", field)
    assert world.everything() == before


def test_what_is_missing_is_refused(world, anna):
    refused(world.post(anna, GROUPS, {"retailerIds": []}), 422, "validation_failed", "name")
    refused(world.post(anna, GROUPS, {"name": "G"}), 422, "validation_failed", "retailerIds")


def test_a_nul_is_refused(world, anna):
    body = b'{"name": "a\\u0000", "retailerIds": []}'
    refused(world.prm.client(anna).post(GROUPS, data=body, content_type="application/json"), 400, "malformed")


@pytest.mark.parametrize("query", ["page=0", "pageSize=201", "pageSize=ten", "name=G"])
def test_absurd_pages_are_refused(world, anna, query):
    refused(world.get(anna, f"{GROUPS}?{query}"), 422, "validation_failed")


def test_if_match(world, anna):
    """D6."""
    address = f"{GROUPS}/{world.group(anna, 'G')}"
    before = world.everything()
    stale = {"If-Match": '"5"'}
    refused(world.put(anna, address, {"name": "H", "retailerIds": []}, headers=stale), 412, "stale_version")
    refused(world.delete(anna, address, headers=stale), 412, "stale_version")
    assert world.everything() == before
    assert world.delete(anna, address, headers={"If-Match": '"1"'}).status_code == 204


def test_a_list_shows_the_first_200_of_each_group_in_three_statements(world, anna):
    retailers = relate_many(world, anna, 250)
    for name in ("B", "a"):
        assert world.post(anna, GROUPS, {"name": name, "retailerIds": retailers}).status_code == 201
    world.group(anna, "C")
    with world.statements() as sent:
        items = world.get(anna, GROUPS).json["items"]
    assert len(sent) == 3
    assert [group["name"] for group in items] == ["a", "B", "C"]
    assert [group["retailerCount"] for group in items] == [250, 250, 0]
    assert [group["retailerIds"] for group in items] == [retailers[:200], retailers[:200], []]
    assert world.get(anna, f"{GROUPS}/{items[0]['id']}").json["retailerIds"] == retailers


def test_a_group_may_have_50_000_retailers_and_no_more(world, anna):
    retailers = relate_many(world, anna, 50_000)
    answer = world.post(anna, GROUPS, {"name": "All", "retailerIds": retailers})
    assert answer.status_code == 201
    assert answer.json["retailerCount"] == 50_000
    too_many = world.post(anna, GROUPS, {"name": "More", "retailerIds": [*retailers, retailers[0]]})
    refused(too_many, 422, "validation_failed", "retailerIds")


# What groups and ids come to


def expand(world, person, sender="campaigns", **body):
    answer = world.prm.client(person, sender=sender).post(EXPAND, json=body)
    assert answer.status_code == 200, answer.json
    return answer.json


def test_the_union_counts_everybody_once(world, anna):
    """S0-25, S0-26."""
    people = [world.partner(anna, f"R{number}") for number in range(4)]
    east, west = world.group(anna, "East", *people[:3]), world.group(anna, "West", *people[1:])
    direct = ids(people[0], people[0], people[3])
    network = expand(world, anna, retailerIds=direct, groupIds=[east, west, east])
    assert network["supplierName"] == "Nordic Heating"
    assert sorted(row["retailerId"] for row in network["related"]) == sorted(ids(*people))
    assert {row["retailerName"] for row in network["related"]} == {"R0", "R1", "R2", "R3"}
    assert (network["skipped"], network["unknownGroupIds"]) == ([], [])
    assert expand(world, anna, sender="messaging", retailerIds=direct)["related"] != []


def test_only_active_and_paused_are_related(world, anna, nobody):
    """D10, D11."""
    standing = {name: world.retailer(name) for name in ("Invited", "Pending", "Active", "Paused", "Inactive")}
    for name, person in standing.items():
        if name == "Pending":
            world.post(person, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})
        else:
            relationship_id = world.invited(anna, person)
            if name in ("Active", "Paused"):
                world.step(person, relationship_id, "accept")
            if name == "Paused":
                world.step(anna, relationship_id, "pause")
            if name == "Inactive":
                world.step(person, relationship_id, "decline")
    group_id = world.group(anna, "All", *standing.values())
    network = expand(world, anna, retailerIds=[str(nobody)], groupIds=[group_id])
    assert {row["retailerName"] for row in network["related"]} == {"Active", "Paused"}
    skipped = {row["retailerName"]: (row["retailerId"], row["reason"]) for row in network["skipped"]}
    assert skipped == {None: (str(nobody), "no_relationship")} | {
        name: (str(standing[name].tenant_id), "no_relationship") for name in ("Invited", "Pending", "Inactive")
    }


def test_another_suppliers_group_is_unknown_and_its_retailers_unrelated(world, anna):
    """S0-9."""
    berit = world.supplier("Other")
    theirs = world.partner(berit, "Theirs")
    group_id, absent = world.group(berit, "Secret", theirs), str(uuid4())
    network = expand(world, anna, retailerIds=ids(theirs, berit), groupIds=[absent, group_id])
    assert network["unknownGroupIds"] == [absent, group_id]
    assert network["related"] == []
    names = {row["retailerId"]: row["retailerName"] for row in network["skipped"]}
    assert names == {str(theirs.tenant_id): "Theirs", str(berit.tenant_id): None}


def test_nothing_asked_is_nothing_found(world, anna):
    assert expand(world, anna) == {
        "supplierName": "Nordic Heating",
        "related": [],
        "skipped": [],
        "unknownGroupIds": [],
    }


def test_members_added_later_are_in_the_next_expansion(world, anna):
    """S0-31."""
    first, second = world.partner(anna, "R1"), world.partner(anna, "R2")
    group_id = world.group(anna, "G", first)
    assert len(expand(world, anna, groupIds=[group_id])["related"]) == 1
    world.put(anna, f"{GROUPS}/{group_id}", {"name": "G", "retailerIds": ids(first, second)})
    assert len(expand(world, anna, groupIds=[group_id])["related"]) == 2


def test_expanding_takes_few_statements_and_writes_nothing(world, anna):
    retailers = relate_many(world, anna, 300)
    groups = [
        world.post(anna, GROUPS, {"name": f"G{number}", "retailerIds": retailers[number:]}).json["id"]
        for number in range(5)
    ]
    before = world.everything()
    with world.statements() as sent:
        network = expand(world, anna, retailerIds=retailers, groupIds=groups)
    assert len(sent) == 3
    assert len(network["related"]) == 300
    assert world.everything() == before


@pytest.mark.parametrize(
    "body",
    [{"retailerIds": ["x"]}, {"groupIds": None}, {"groupIds": [1]}, {"ids": []}, {"groupIds": [str(uuid4())] * 1001}],
)
def test_bad_questions_are_refused(world, anna, body):
    refused(world.prm.client(anna, sender="campaigns").post(EXPAND, json=body), 422, "validation_failed")
