"""Parts of the platform go away and come back; what was accepted is not lost and what was refused left nothing."""

import pytest

from tests.e2e.harness import build_network, until

CAMPAIGN = {
    "name": "Faulty Towers",
    "description": "d",
    "participationAsk": "p",
    "startDate": "2027-01-01T00:00:00Z",
    "endDate": "2027-02-01T00:00:00Z",
}


@pytest.fixture
def network(platform):
    return build_network(platform, retailers=2)


def send(network, **kwargs):
    campaign = network.supplier.post("/api/v1/campaigns", CAMPAIGN).json()["id"]
    answer = network.supplier.post(
        f"/api/v1/campaigns/{campaign}/send", {"retailerIds": list(network.retailers)}, **kwargs
    )
    return campaign, answer


def mailed(platform, network):
    """Who got the mail about the campaign; there are others, about the relationship it rests on."""
    addresses = {retailer.email for retailer in network.retailers.values()}
    mails = platform.mailbox()
    return sorted(mail["to"] for mail in mails if mail["to"] in addresses and CAMPAIGN["name"] in mail["subject"])


def test_with_the_broker_down_requests_succeed_and_events_go_out_later(platform, network):
    if platform.engines.name == "embedded":
        pytest.skip("the embedded broker is a file; it does not go away")
    platform.broker.pull()
    campaign, answer = send(network)
    assert answer.status_code == 200
    assert network.supplier.get(f"/api/v1/campaigns/{campaign}").json()["inviteCount"] == 2
    assert mailed(platform, network) == []
    platform.broker.plug_in()
    until(lambda: len(mailed(platform, network)) == 2, within=60, what="the mails after the broker is back")


def test_with_the_mail_server_down_the_invite_stands_and_the_mail_goes_out_later(platform, network):
    platform.smtp.pull()
    _, answer = send(network)
    assert answer.json()["invitesCreated"] == 2
    retailer = next(iter(network.retailers.values()))

    def delivery():
        items = retailer.get("/api/v1/notifications/deliveries?topic=invite").json()["items"]
        return next((item for item in items if item["attempts"] > 0), None)

    waiting = until(delivery, what="a failed attempt")
    assert waiting["state"] in ("new", "sending")
    assert retailer.get("/api/v1/campaigns/invites").json()["totalItems"] == 1
    platform.smtp.plug_in()
    until(lambda: len(mailed(platform, network)) == 2, within=90, what="the mails after the server is back")


def test_with_prm_down_sending_is_503_and_the_same_request_works_later(platform, network):
    platform.kill("prm")
    campaign, refused = send(network)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    detail = network.supplier.get(f"/api/v1/campaigns/{campaign}").json()
    assert (detail["status"], detail["inviteCount"]) == ("Draft", 0)
    platform.start("prm")
    platform.wait_until_ready("prm")
    body = {"retailerIds": list(network.retailers)}

    def works():
        answer = network.supplier.post(f"/api/v1/campaigns/{campaign}/send", body)
        return answer.status_code == 200 and answer

    assert until(works, within=40, what="the same request working").json()["invitesCreated"] == 2


def test_with_identity_down_signed_in_users_go_on(platform, network):
    assert network.supplier.get("/api/v1/campaigns").status_code == 200
    retailer = next(iter(network.retailers.values()))
    assert retailer.get("/api/v1/campaigns/invites").status_code == 200
    platform.kill("identity")
    try:
        _, answer = send(network)
        assert answer.json()["invitesCreated"] == 2
        assert retailer.get("/api/v1/campaigns/invites").json()["totalItems"] == 1
        assert network.supplier.get("/api/v1/me").status_code in (502, 503)
    finally:
        platform.start("identity")
        platform.wait_until_ready("identity")


@pytest.mark.nightly  # the short chaos kills every process under load
@pytest.mark.parametrize("name", ["campaigns", "prm", "notifier"])
def test_a_service_killed_right_after_it_answered_loses_nothing(platform, network, name):
    _, answer = send(network)
    assert answer.status_code == 200
    platform.kill(name)
    platform.start(name)
    platform.wait_until_ready(name)
    until(lambda: len(mailed(platform, network)) >= 2, within=60, what="the mails")
    assert set(mailed(platform, network)) == {retailer.email for retailer in network.retailers.values()}
