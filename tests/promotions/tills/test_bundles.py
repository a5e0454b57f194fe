"""A till without a network evaluates what its bundle says, and gets what the endpoint would have said."""

import json
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import jwt
import pytest
from hypothesis import given

import services.promotions.engine
from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import acting_as
from services.promotions import engine
from services.promotions.catalogue.models import PricelistEntry, Product, Settings
from services.promotions.engine import bundle
from services.promotions.sales.models import SalesCampaign
from services.promotions.tills import bundles
from services.promotions.tills.models import BundleVersion
from tests.plugin.matrix import generated
from tests.promotions.engine.helpers import NOON
from tests.promotions.engine.test_properties import baskets, sets, units
from tests.promotions.evaluations.shop import NOW, Shop, order, socks
from tests.promotions.helpers import FJORD, HERS, MINE, RITA, TILL, count, is_problem, ok

BUNDLE = f"{MINE}/stores/oslo-1/bundle"


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.store("bergen-1")
    shop.product("socks", "49.90")
    shop.product("jeans", 800, variants=[("jeans-blue", None)])
    shop.product("shirt", 300)
    shop.campaign("3for2socks", **socks())
    shop.campaign("list", pricelist=shop.pricelist("l", shirt=250), priority=1)
    return shop


def a_cache(**bounds):
    """A process' bundles, in a company without store campaigns."""
    return bundles.TillBundles(bundles.Key(bytes(32)), lambda _session, _store_id, _now: ([], []), **bounds)


def fetched(client, query=""):
    """The state a bundle says, checked with the published key."""
    answer = ok(client.get(BUNDLE + query))
    [key] = ok(client.get(f"{MINE}/bundle-keys"))["keys"]
    assert jwt.get_unverified_header(answer["signed"])["kid"] == key["kid"]
    state = bundles.verify(answer["signed"], key)
    assert (state["version"], state["since"]) == (answer["version"], answer["since"])
    return state


def uids(state):
    return [item["uid"] for item in state["campaigns"]]


def test_a_bundle_has_what_is_active_or_coming(shop, till):
    shop.campaign("coming", products=["jeans"], valid_from=NOW + timedelta(days=7), valid_to=NOW + timedelta(days=9))
    shop.campaign("ended", products=["jeans"], valid_from=NOW - timedelta(days=9), valid_to=NOW - timedelta(days=7))
    shop.campaign("new", products=["jeans"], status="NEW")
    shop.campaign("elsewhere", products=["jeans"], stores=["bergen-1"])
    state = fetched(till)
    assert uids(state) == ["3for2socks", "coming", "list"]
    assert (state["currency"], state["strategy"], state["storeUid"]) == ("SEK", "priority", "oslo-1")
    coming = bundle.campaign_from_state(state["campaigns"][1])
    assert coming.products == {"jeans", "jeans-blue"}


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_a_bundle_says_how_many_decimals_its_currency_has(shop, till, rolf, currency, decimals):
    """D9: the engine knows no currencies."""
    ok(rolf.put(f"{MINE}/settings", json={}))
    shop.change(Settings, {}, currency=currency)
    state = fetched(till)
    assert (state["currency"], state["decimals"]) == (currency, decimals)
    price = Decimal(1).scaleb(-decimals)
    basket = bundle.basket_of(state, [engine.Line("1", "socks", 3, price)])
    assert engine.evaluate(basket, bundle.campaigns_of(state), utcnow()).discount == price


def test_a_bundle_from_before_has_two_decimals(shop, till):
    """D9."""
    state = fetched(till)
    assert state["decimals"] == 2
    before = {name: value for name, value in state.items() if name != "decimals"} | {"currency": "SEK"}
    basket = bundle.basket_of(before, [engine.Line("1", "socks", 3, Decimal("49.90"))])
    assert engine.evaluate(basket, bundle.campaigns_of(before), utcnow()).net == Decimal("99.80")


def test_campaigns_with_limits_stay_with_us(shop, till):
    """How much is left of them only the server knows."""
    shop.campaign("few", products=["jeans"], total_uses_limit=5)
    state = fetched(till)
    assert "few" not in uids(state)
    assert state["onlineOnly"] == ["few"]


def test_the_program_of_the_readme_gives_the_answer_of_the_endpoint(shop, till, tmp_path):
    """With a copy of the engine's folder, PyJWT with its cryptography, and nothing of ours."""
    readme = (Path(services.promotions.__file__).parent / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    shutil.copytree(Path(engine.__file__).parent, tmp_path / "engine")
    at = utcnow().replace(microsecond=0)
    shop.campaign("coded", products=["socks"], campaign_code="SAVE10", priority=2)
    lines = [("socks", 3, "49.90"), ("shirt", 2, "300.00"), ("jeans-blue", 1, "800.00")]
    lines += [("shirt", 0.335, "19.99"), ("socks", 1, "0.00"), ("socks", "2.0", 30)]
    asked = order(*lines, at=rfc3339(at), campaignCodes=["save10", "", "none"])
    given_to_program = {
        "jwks": ok(till.get(f"{MINE}/bundle-keys")),
        "signed": ok(till.get(BUNDLE))["signed"],
        "order": asked,
    }
    head = f"import json, sys; sys.path.insert(0, {str(tmp_path)!r}); globals().update(json.load(sys.stdin))\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", head + program + "\nprint(json.dumps(found.to_wire()))"],
        input=json.dumps(given_to_program),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.stderr
    expected = ok(till.post(f"{MINE}/orders/evaluate", json=asked))
    assert json.loads(done.stdout) == {key: value for key, value in expected.items() if key != "evaluationId"}
    assert [answer["status"] for answer in expected["codes"]] == ["applied", "unknown"]
    assert expected["lines"][3]["gross"] == "6.70"
    assert expected["totals"]["discount"] == "147.97"


@given(baskets(), sets())
@generated(60)
def test_campaigns_travel_unchanged(bought, campaigns):
    state = {"campaigns": [bundle.campaign_to_state(rule) for rule in campaigns], "currency": "NOK"}
    travelled = bundle.campaigns_of(json.loads(json.dumps(state)))
    assert [rule.campaign for rule in travelled.rules.values()] == campaigns
    expected = engine.evaluate(bought, campaigns, NOON)
    assert units(engine.evaluate(bought, travelled, NOON)) == units(expected)


def test_an_unchanged_bundle_is_not_sent_again(shop, till):
    first = till.get(BUNDLE)
    again = till.get(BUNDLE, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    weakened = f"W/{first.headers['ETag']}"  # by a proxy that has compressed the answer (RFC 9110, 13.1.2)
    assert till.get(BUNDLE, headers={"If-None-Match": weakened}).status_code == 304
    shop.product("hat")  # changes nothing of it
    assert till.get(BUNDLE, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    shop.change(SalesCampaign, {"campaign_uid": "3for2socks"}, max_usage=0)
    assert till.get(BUNDLE, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_a_change_brings_an_old_state_up_to_date(shop, till):
    """Also over several versions, and whatever was added, changed or taken away."""
    old = fetched(till)
    shop.campaign("ten", products=["jeans"])
    fetched(till)
    shop.change(SalesCampaign, {"campaign_uid": "3for2socks"}, status="INACTIVE")
    listed = shop.row(SalesCampaign, campaign_uid="list").pricelist_id
    shop.write(PricelistEntry(pricelist_id=listed, product_id=shop.row(Product, product_uid="jeans").id, price=700))
    change = fetched(till, f"?since={old['version']}")
    assert (change["since"], uids(change), change["removed"]) == (old["version"], ["list", "ten"], ["3for2socks"])
    whole = fetched(till)
    assert bundle.merged(old, change) == {**whole, "issuedAt": change["issuedAt"]}
    assert bundle.merged(old, whole) == whole
    nothing = fetched(till, f"?since={whole['version']}")
    assert (nothing["since"], nothing["campaigns"], nothing["removed"]) == (whole["version"], [], [])
    with pytest.raises(ValueError, match="does not fit"):
        bundle.merged(nothing, change)


def test_since_an_unknown_version_the_answer_is_the_whole_state(shop, till):
    assert fetched(till, "?since=never")["since"] is None
    is_problem(till.get(f"{BUNDLE}?since="), 422, "validation_failed")


def test_an_altered_bundle_is_found_out(shop, till):
    signed = ok(till.get(BUNDLE))["signed"]
    [key] = ok(till.get(f"{MINE}/bundle-keys"))["keys"]
    head, payload, signature = signed.split(".")
    for forged in (f"{head}.{payload[:-4]}AAAA.{signature}", f"{head}.{payload}."):
        with pytest.raises(jwt.InvalidTokenError):
            bundles.verify(forged, key)
    other = bundles.Key(bytes(32))
    with pytest.raises(jwt.InvalidTokenError):
        bundles.verify(other.sign({"version": "1"}), key)
    unsigned = jwt.api_jws.PyJWS().encode(b"{}", None, algorithm="none")
    with pytest.raises(jwt.InvalidTokenError):
        bundles.verify(unsigned, key)


def test_ended_campaigns_leave_by_the_clock_alone(shop, promotions):
    """D3: nothing was changed, so nothing else says so."""
    shop.campaign("short", products=["jeans"], valid_to=NOW + timedelta(hours=1))
    cache = a_cache()
    moments = (NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    with acting_as(TILL):
        made = [cache.current(promotions.database, FJORD, "oslo-1", now=now) for now in moments]
    assert made[0] is made[1]
    assert "short" in uids(made[1].state)
    assert "short" not in uids(made[2].state)


def test_the_least_recently_used_bundle_leaves_a_full_cache(shop, promotions):
    """When the cache is full, the bundle that was not asked for the longest time goes first."""
    shop.store("voss-1")
    with acting_as(TILL):
        size = a_cache().current(promotions.database, FJORD, "oslo-1", now=NOW).size
        cache = a_cache(most_bytes=2 * size + 100)

        def current(store):
            return cache.current(promotions.database, FJORD, store, now=NOW)

        oslo, bergen = current("oslo-1"), current("bergen-1")
        assert current("oslo-1") is oslo
        voss = current("voss-1")
        assert (current("oslo-1"), current("voss-1")) == (oslo, voss)
        assert current("bergen-1") is not bergen
        small = a_cache(most_bytes=100)
        assert small.current(promotions.database, FJORD, "oslo-1", now=NOW).version == oslo.version


def test_only_the_newest_versions_are_recorded(shop, till, promotions, monkeypatch):
    monkeypatch.setattr("services.promotions.tills.actions.KEEP", 2)
    first = fetched(till)["version"]
    for usage in (2, 3, 4):
        shop.change(SalesCampaign, {"campaign_uid": "3for2socks"}, max_usage=usage)
        fetched(till)
    assert count(promotions, BundleVersion) == 2
    assert fetched(till, f"?since={first}")["since"] is None


def test_another_tenants_bundle_does_not_exist(shop, till, rita, promotions):
    """D5: nor is it found by its version."""
    version = fetched(till)["version"]
    is_problem(rita.get(f"{HERS}/stores/oslo-1/bundle"), 404, "not_found")
    hers = Shop(promotions, RITA.tenant_id)
    hers.store()
    answer = ok(rita.get(f"{HERS}/stores/oslo-1/bundle?since={version}"))
    assert answer["since"] is None
    [key] = ok(rita.get(f"{HERS}/bundle-keys"))["keys"]
    assert bundles.verify(answer["signed"], key)["campaigns"] == []
    assert Decimal(shop.row(Product, product_uid="jeans").price) == 800
