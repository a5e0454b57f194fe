"""The main job of S0 from end to end, with the requests of the source document word for word (ids apart)."""

from tests.e2e.harness import build_network, until

SPRING = {
    "name": "Spring Showroom Push",
    "description": "Co-branded spring promotion across showroom partners.",
    "participationAsk": "Feature the spring display for 4 weeks and run the 10% bundle offer.",
    "startDate": "2026-04-01T00:00:00Z",
    "endDate": "2026-05-15T00:00:00Z",
}
PROPOSAL = {
    "name": "HVAC Installer Co-Marketing",
    "description": "Lead-gen push targeting HVAC installers within 50 km.",
    "participationAsk": "Co-fund local ads and accept routed installer leads.",
    "startDate": "2026-06-01T00:00:00Z",
    "endDate": "2026-07-01T00:00:00Z",
    "assetUrls": ["https://cdn.example.com/banner-a.png"],
    "targetingCriteria": '{"geoRadius":50,"categories":["HVAC"]}',
    "budget": 25000,
    "currency": "SEK",
    "proposalType": "Proposal",
}
GOLD = {
    "name": "Gold",
    "description": "Top-tier partners with full co-marketing support.",
    "sortOrder": 0,
    "benefits": [
        "Priority installer lead routing",
        "Co-op marketing fund eligibility",
        "Featured placement in the consumer locator",
    ],
}
COUNTS = ("inviteCount", "acceptedCount", "declinedCount", "pendingCount")


def counts(campaign):
    return tuple(campaign[name] for name in COUNTS)


def invites(platform, retailer):
    """The invite mails somebody has got; others tell of the relationship."""
    return [mail for mail in platform.mailbox(retailer.email) if "Spring Showroom Push" in mail["subject"]]


def test_a_campaign_from_draft_to_complete(platform, network):
    anna = network.supplier
    (first, rolf), (second, rita), (third, siri) = network.retailers.items()

    created = anna.post("/api/v1/campaigns", SPRING)
    assert created.status_code == 201
    campaign = created.json()
    assert campaign["status"] == "Draft"
    assert counts(campaign) == (0, 0, 0, 0)
    assert {campaign[name] for name in ("assetUrls", "targetingCriteria", "budget", "currency", "proposalType")} == {
        None
    }
    address = f"/api/v1/campaigns/{campaign['id']}"

    group = anna.post("/api/v1/prm/groups", {"name": "Showrooms", "retailerIds": [second, third]})
    assert group.status_code == 201
    sent = anna.post(f"{address}/send", {"retailerIds": [first, second], "groupIds": [group.json()["id"]]})
    assert sent.status_code == 200, sent.text
    assert sent.json() == {
        "campaignId": campaign["id"],
        "status": "Sent",
        "invitesCreated": 3,
        "alreadyInvited": 0,
        "skipped": [],
    }
    again = anna.post(f"{address}/send", {"retailerIds": [first]})
    assert (again.json()["invitesCreated"], again.json()["alreadyInvited"]) == (0, 1)

    for retailer in (rolf, rita, siri):
        mails = until(lambda retailer=retailer: invites(platform, retailer), what="an invite mail")
        assert len(mails) == 1
        assert "Spring Showroom Push" in mails[0]["text"]
        assert "Spring Showroom Push" in mails[0]["html"]

    (invite,) = rolf.get("/api/v1/campaigns/invites").json()["items"]
    assert (invite["campaignName"], invite["status"], invite["respondedAt"]) == (
        "Spring Showroom Push",
        "Pending",
        None,
    )
    accepted = rolf.post(f"/api/v1/campaigns/invites/{invite['id']}/respond", {"response": "Accepted"})
    assert (accepted.status_code, accepted.json()["status"]) == (200, "Accepted")
    locked = rolf.post(f"/api/v1/campaigns/invites/{invite['id']}/respond", {"response": "Accepted"})
    assert (locked.status_code, locked.json()["code"]) == (409, "invite_locked")
    (invite,) = rita.get("/api/v1/campaigns/invites").json()["items"]
    declined = rita.post(
        f"/api/v1/campaigns/invites/{invite['id']}/respond", {"response": "Declined", "note": "No room this spring."}
    )
    assert declined.json()["note"] == "No room this spring."

    (listed,) = anna.get("/api/v1/campaigns").json()["items"]
    assert counts(listed) == (3, 1, 1, 1)
    detail = anna.get(address).json()
    assert counts(detail) == (3, 1, 1, 1)
    assert sorted(invite["status"] for invite in detail["invites"]) == ["Accepted", "Declined", "Pending"]

    mails = platform.mailbox()
    for status in ("ResponsesIn", "Active", "Complete"):
        advanced = anna.post(f"{address}/status", {"status": status})
        assert (advanced.status_code, advanced.json()["status"]) == (200, status)
    assert anna.post(f"{address}/status", {"status": "Active"}).status_code == 409
    assert platform.mailbox() == mails


def test_a_proposal_keeps_its_fields(network):
    created = network.supplier.post("/api/v1/campaigns", PROPOSAL)
    assert created.status_code == 201
    assert {name: created.json()[name] for name in PROPOSAL} == PROPOSAL
    assert network.viewer.get(f"/api/v1/campaigns/{created.json()['id']}").json()["budget"] == 25000


def test_tiers_and_what_the_retailer_sees(network):
    anna = network.supplier
    first, rolf = next(iter(network.retailers.items()))
    tier = anna.post("/api/v1/prm/tiers", GOLD)
    assert tier.status_code == 201, tier.text
    address = f"/api/v1/prm/tiers/{tier.json()['id']}"
    assigned = anna.post(f"{address}/assign", {"retailerId": first})
    assert assigned.status_code == 200
    (listed,) = anna.get("/api/v1/prm/tiers").json()["items"]
    assert (listed["benefits"], listed["assignmentCount"]) == (GOLD["benefits"], 1)
    (mine,) = rolf.get("/api/v1/prm/my-tiers").json()["items"]
    assert (mine["tierName"], mine["benefits"], mine["supplierId"]) == ("Gold", GOLD["benefits"], network.supplier_id)
    assert len(anna.get(f"{address}/assignments").json()["items"]) == 1
    assert anna.delete(f"{address}/assign/{first}").status_code == 204
    assert anna.delete(address).status_code == 204
    assert rolf.get("/api/v1/prm/my-tiers").json()["items"] == []


def test_somebody_elses_things_do_not_exist(platform, network):
    other = build_network(platform, retailers=1)
    campaign = network.supplier.post("/api/v1/campaigns", SPRING).json()["id"]
    stranger = next(iter(network.retailers))
    for answer in (
        other.supplier.get(f"/api/v1/campaigns/{campaign}"),
        other.supplier.post(f"/api/v1/campaigns/{campaign}/send", {"retailerIds": [stranger]}),
        other.supplier.put(f"/api/v1/campaigns/{campaign}", SPRING),
        other.supplier.delete(f"/api/v1/campaigns/{campaign}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    mine = other.supplier.post("/api/v1/campaigns", SPRING).json()["id"]
    refused = other.supplier.post(f"/api/v1/campaigns/{mine}/send", {"retailerIds": [stranger]})
    assert refused.status_code == 422
    assert other.supplier.get(f"/api/v1/campaigns/{mine}").json()["status"] == "Draft"


def test_roles(network):
    campaign = network.supplier.post("/api/v1/campaigns", SPRING).json()["id"]
    rolf = next(iter(network.retailers.values()))
    assert network.viewer.get("/api/v1/campaigns").status_code == 200
    for answer in (
        network.viewer.post("/api/v1/campaigns", SPRING),
        network.viewer.get("/api/v1/prm/tiers"),
        rolf.get(f"/api/v1/campaigns/{campaign}"),
        rolf.post("/api/v1/campaigns", SPRING),
        network.supplier.get("/api/v1/campaigns/invites"),
        network.supplier.get("/api/v1/admin/tenants"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_what_happened_can_be_read_in_the_audit_trail(network):
    campaign = network.supplier.post("/api/v1/campaigns", SPRING, headers={"X-Request-Id": "tour-1"}).json()["id"]
    trail = network.supplier.get("/api/v1/campaigns/audit").json()["items"]
    created = next(row for row in trail if row["targetId"] == campaign)
    assert created["requestId"] == "tour-1"
    assert created["changes"]["name"] == [None, "Spring Showroom Push"]


def test_a_retried_post_acts_once(own_network):
    answers = [
        own_network.supplier.post("/api/v1/campaigns", SPRING, headers={"Idempotency-Key": "only-once"})
        for _ in range(3)
    ]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert own_network.supplier.get("/api/v1/campaigns").json()["totalItems"] == 1
