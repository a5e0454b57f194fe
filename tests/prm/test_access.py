"""Who gets in where: every endpoint tried without credential, in the wrong role, without the flag, by another tenant
(S0-1, S0-2, S0-5 to S0-9, D5, D8)."""

from dataclasses import replace
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.plugin import endpoints, principal
from tests.prm.conftest import GOLD, GROUPS, MY_TIERS, RELATIONSHIPS, TIERS, refused

AUDIT = "/api/v1/prm/audit"
EXPAND = "/internal/network/expand"
SUPPLIER, RETAILER = {Role.SUPPLIER_ADMIN}, {Role.RETAILER_ADMIN}
BOTH = SUPPLIER | RETAILER
SUPPLIERS, RETAILERS = SUPPLIER, RETAILER | {Role.RETAILER_VIEWER}
READERS = SUPPLIERS | RETAILERS
GROUP = {"name": "G", "retailerIds": []}

# (method, rule) → (who may, a body that would do)
TABLE = {
    ("POST", RELATIONSHIPS): (BOTH, {"retailerId": str(uuid4())}),
    ("GET", RELATIONSHIPS): (READERS, None),
    ("GET", f"{RELATIONSHIPS}/<uuid:relationship_id>"): (READERS, None),
    ("POST", f"{RELATIONSHIPS}/<uuid:relationship_id>/accept"): (BOTH, None),
    ("POST", f"{RELATIONSHIPS}/<uuid:relationship_id>/decline"): (BOTH, None),
    ("POST", f"{RELATIONSHIPS}/<uuid:relationship_id>/pause"): (SUPPLIER, None),
    ("POST", f"{RELATIONSHIPS}/<uuid:relationship_id>/resume"): (SUPPLIER, None),
    ("POST", f"{RELATIONSHIPS}/<uuid:relationship_id>/end"): (SUPPLIER, None),
    ("POST", GROUPS): (SUPPLIER, GROUP),
    ("GET", GROUPS): (SUPPLIERS, None),
    ("GET", f"{GROUPS}/<uuid:group_id>"): (SUPPLIERS, None),
    ("PUT", f"{GROUPS}/<uuid:group_id>"): (SUPPLIER, GROUP),
    ("DELETE", f"{GROUPS}/<uuid:group_id>"): (SUPPLIER, None),
    ("POST", TIERS): (SUPPLIER, GOLD),
    ("GET", TIERS): (SUPPLIERS, None),
    ("GET", f"{TIERS}/<uuid:tier_id>"): (SUPPLIERS, None),
    ("PUT", f"{TIERS}/<uuid:tier_id>"): (SUPPLIER, GOLD),
    ("DELETE", f"{TIERS}/<uuid:tier_id>"): (SUPPLIER, None),
    ("POST", f"{TIERS}/<uuid:tier_id>/assign"): (SUPPLIER, {"retailerId": str(uuid4())}),
    ("DELETE", f"{TIERS}/<uuid:tier_id>/assign/<uuid:retailer_id>"): (SUPPLIER, None),
    ("GET", f"{TIERS}/<uuid:tier_id>/assignments"): (SUPPLIERS, None),
    ("GET", MY_TIERS): (RETAILERS, None),
    ("GET", AUDIT): (READERS, None),
    ("POST", EXPAND): ({Role.SYSTEM}, {}),
}
FLAGGED = [entry for entry in TABLE if entry[1] != EXPAND]
WITH_ID = [entry for entry in FLAGGED if "<" in entry[1]]
LISTS = (RELATIONSHIPS, GROUPS, TIERS, AUDIT)


def path_of(rule, **ids):
    for name in ("relationship_id", "group_id", "tier_id", "retailer_id"):
        rule = rule.replace(f"<uuid:{name}>", str(ids.get(name) or uuid4()))
    return rule


def ask(world, person, entry, **ids):
    method, rule = entry
    return world.prm.client(person).open(path_of(rule, **ids), method=method, json=TABLE[entry][1])


def name_of(entry):
    return " ".join(entry)


def test_no_endpoint_is_forgotten(world):
    served = endpoints(world.prm.app)
    assert set(served) == set(TABLE)
    for entry, (roles, _body) in TABLE.items():
        assert set(served[entry]) == roles, entry


def test_without_a_credential(world):
    """S0-5."""
    for entry in TABLE:
        refused(ask(world, None, entry), 401, "unauthorized")


def test_in_a_role_that_is_not_let_in(world):
    """S0-6, S0-7, S0-8."""
    for entry, (roles, _body) in TABLE.items():
        for role in set(Role) - roles:
            refused(ask(world, principal(role), entry), 403, "forbidden")


def test_with_the_flag_off(world):
    """S0-1, S0-2."""
    other_features = frozenset({"campaigns", "messaging", "promotions", "affiliates"})
    for entry in FLAGGED:
        for role in Role:  # the flag is looked at before the role (D5)
            refused(ask(world, principal(role, features=other_features), entry), 403, "feature_disabled")


@pytest.mark.parametrize("sender", ["gateway", "identity", "notifier", "promotions", "affiliates", "prm"])
def test_only_campaigns_and_messaging_ask_whom_a_supplier_reaches(world, anna, sender):
    refused(world.prm.client(anna, sender=sender).post(EXPAND, json={}), 403, "forbidden")


def test_the_network_does_not_depend_on_the_flag(world, anna):
    """Campaigns and messaging have flags of their own (S0-1)."""
    unflagged = replace(anna, features=frozenset({"campaigns"}))
    assert world.prm.client(unflagged, sender="campaigns").post(EXPAND, json={}).status_code == 200


@pytest.mark.parametrize("entry", WITH_ID, ids=name_of)
def test_another_tenants_thing_is_like_one_that_is_not_there(world, anna, rolf, entry):
    """S0-9, D5."""
    tier_id = world.tier(anna)
    theirs = {"relationship_id": world.related(anna, rolf), "group_id": world.group(anna, "G", rolf)}
    world.assign(anna, tier_id, rolf)
    theirs |= {"tier_id": tier_id, "retailer_id": rolf.tenant_id}
    for role in TABLE[entry][0]:
        stranger = replace(world.supplier("S") if role in SUPPLIERS else world.retailer("S"), role=role)
        before = world.everything()
        foreign, absent = ask(world, stranger, entry, **theirs), ask(world, stranger, entry)
        refused(foreign, 404, "not_found")
        assert foreign.json | {"requestId": None} == absent.json | {"requestId": None}
        assert foreign.status_code == absent.status_code
        assert world.everything() == before


def test_a_strangers_if_match_tells_nothing(world, anna):
    """D5."""
    tier_id, stranger = world.tier(anna), world.supplier("Stranger")
    answer = world.put(stranger, f"{TIERS}/{tier_id}", GOLD, headers={"If-Match": '"9"'})
    refused(answer, 404, "not_found")


def test_lists_show_the_own_only(world, anna, rolf):
    """S0-9."""
    world.related(anna, rolf)
    world.group(anna, "G", rolf)
    world.assign(anna, world.tier(anna), rolf)
    stranger, other_retailer = world.supplier("Stranger"), world.retailer("Stranger")
    for person, paths in ((stranger, LISTS), (other_retailer, (RELATIONSHIPS, MY_TIERS, AUDIT))):
        for path in paths:
            answer = world.get(person, path)
            assert answer.status_code == 200
            assert (answer.json["items"], answer.json["totalItems"]) == ([], 0), path
    assert all(world.get(anna, path).json["totalItems"] for path in LISTS)


def test_a_retailer_of_a_tier_sees_it_only_as_its_own(world, anna, rolf):
    """S0-8."""
    world.related(anna, rolf)
    tier_id = world.tier(anna)
    world.assign(anna, tier_id, rolf)
    as_supplier = principal(Role.SUPPLIER_ADMIN, tenant_id=rolf.tenant_id)
    assert world.get(as_supplier, TIERS).json["items"] == []
    refused(world.get(as_supplier, f"{TIERS}/{tier_id}"), 404, "not_found")
    refused(world.put(as_supplier, f"{TIERS}/{tier_id}", GOLD), 404, "not_found")
    refused(world.assign(as_supplier, tier_id, rolf), 404, "not_found")
    assert world.get(rolf, MY_TIERS).json["items"][0]["tierId"] == tier_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{TIERS}/gold"),
        ("GET", f"{GROUPS}/1"),
        ("GET", f"{RELATIONSHIPS}/x"),
        ("DELETE", f"{TIERS}/{uuid4()}/assign/rolf"),
    ],
    ids=["tier", "group", "relationship", "assignment"],
)
def test_what_is_no_id_is_not_found(world, anna, method, path):
    refused(world.prm.client(anna).open(path, method=method), 404, "not_found")


def test_a_viewer_reads_what_the_admin_reads(world, anna, rolf):
    """On either side, and nothing is changed by it."""
    ids = {"relationship_id": world.related(anna, rolf), "group_id": world.group(anna, "G", rolf)}
    ids["tier_id"] = world.tier(anna)
    world.assign(anna, ids["tier_id"], rolf)
    before = world.everything()
    for entry in (entry for entry in FLAGGED if entry[0] == "GET"):
        for admin, role in ((anna, Role.SUPPLIER_VIEWER), (rolf, Role.RETAILER_VIEWER)):
            answer = ask(world, replace(admin, role=role, user_id=uuid4()), entry, **ids)
            expected = ask(world, admin, entry, **ids)
            if role in TABLE[entry][0]:
                assert (answer.status_code, answer.json) == (200, expected.json), entry
            else:
                refused(answer, 403, "forbidden")
    assert world.everything() == before
